{#-
    dbt's macro: the target schema, or <target>_<custom>, such as the schema of the rows that failed a test. Postgres would
    cut a longer name than 63 bytes down to the target schema itself; then a digest stands for the target.
-#}

{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set name = default__generate_schema_name(custom_schema_name, node) -%}
    {%- if name.encode() | length > 63 and custom_schema_name -%}
        {%- set name = custom_schema_name | trim ~ '_' ~ local_md5(target.schema) -%}
    {%- endif -%}
    {{ name }}
{%- endmacro %}
