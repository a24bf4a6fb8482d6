{#-
    <table>_<columns>_<digest of the definition>_<new each time>: the digest says whether a declared index is there as declared,
    the end lets a table be built while the one that it replaces still holds its names. 63 characters at most.
-#}

{% macro postgres__index_name(relation, definition) -%}
    {%- set words = modules.re.sub(
        '[^A-Za-z0-9_]+', '_', ([relation.identifier | replace('__dbt_tmp', '')] + definition['columns']) | join('_')
    ) -%}
    {%- set unlike = local_md5(modules.datetime.datetime.now().isoformat() ~ relation ~ definition)[:8] -%}
    {{ return((words | lower)[:45] ~ '_' ~ definition['digest'] ~ '_' ~ unlike) }}
{%- endmacro %}
