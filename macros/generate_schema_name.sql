{#-
    Overrides dbt's name of a schema with a suffix, <target>_<suffix>, where it would exceed the 63 bytes of a name in
    PostgreSQL, which would cut it to the target's own: a digest then stands for the end of the target's name.
-#}

{% macro generate_schema_name(custom_schema_name, node) %}
    {%- set name = default__generate_schema_name(custom_schema_name, node) -%}
    {%- if name.encode() | length <= 63 -%}
        {{ return(name) }}
    {%- endif -%}
    {%- set end = '_' ~ local_md5(target.schema)[:8] ~ '_' ~ custom_schema_name -%}
    {{ return(target.schema.encode()[:63 - end | length].decode(errors='ignore') ~ end) }}
{% endmacro %}
