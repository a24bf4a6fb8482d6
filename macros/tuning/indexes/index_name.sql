{#-
    <table>_<columns>_<digest of the definition>_<unique>, at most 63 characters. The digest shows whether an index
    matches its declaration. The unique part allows a new table to be built while the old one still has its indexes.
-#}

{% macro postgres__index_name(relation, definition) -%}
    {%- set words = modules.re.sub(
        '[^A-Za-z0-9_]+', '_', ([relation.identifier | replace('__dbt_tmp', '')] + definition['columns']) | join('_')
    ) -%}
    {%- set unlike = local_md5(modules.datetime.datetime.now().isoformat() ~ relation ~ definition)[:8] -%}
    {{ return((words | lower)[:45] ~ '_' ~ definition['digest'] ~ '_' ~ unlike) }}
{%- endmacro %}
