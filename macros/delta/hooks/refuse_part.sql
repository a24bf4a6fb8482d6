{#-
    With --empty and --sample a model reads a part of its inputs, so its result is no rebuild. Such a run may create
    models, without watermarks, so that the next ordinary run rebuilds them. It may not replace what exists, nor create
    a materialized view, which would keep reading the part. Called before the first statement of a run.
-#}

{% macro postgres__refuse_part() %}
    {%- set flag = '--empty' if flags.EMPTY else '--sample' -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.unique_id in selected_resources -%}
        {%- set relation = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
        {%- if node.config.materialized == 'materialized_view' -%}
            {{ exceptions.raise_compiler_error(
                flag ~ ": the materialized view " ~ node.name ~ " would read a part in later runs too:"
                ~ " add --exclude config.materialized:materialized_view"
            ) }}
        {%- elif node.config.materialized != 'ephemeral' and load_relation(relation) is not none -%}
            {{ exceptions.raise_compiler_error(
                flag ~ " would replace what is in " ~ relation ~ ": build into a schema without these models, or leave out " ~ flag
            ) }}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
