{#-
    The inputs of the current model that have no changelog: seeds and tables that meta.delta declares as `content`. The
    model is rebuilt when their content differs from what its last run read. A seed or table that the model reads, also
    through views, and does not declare is an error, because its changes would not reach the model. So is a model that
    declares nothing else, because it has no changelog to add up.
-#}

{% macro postgres__delta_contents() %}
    {%- set declared = config.get('meta', {}).get('delta', {}) -%}
    {%- if declared and declared.values() | reject('equalto', 'content') | list == [] -%}
        {{ exceptions.raise_compiler_error(
            "delta_contents: " ~ model.name ~ " declares only content under meta.delta: name a changelog, or leave out meta.delta"
        ) }}
    {%- endif -%}
    {#- A model without meta.delta is rebuilt at each run. -#}
    {%- set pending = model.depends_on.nodes | list if declared else [] -%}
    {%- for identity in pending -%}
        {%- set node = graph.nodes.get(identity) -%}
        {%- set kind = node.config.materialized if node -%}
        {%- if kind in ['view', 'ephemeral'] -%}
            {%- do pending.extend(node.depends_on.nodes | reject('in', pending) | list) -%}
        {%- elif kind in ['seed', 'table', 'snapshot'] and node.name not in declared -%}
            {{ exceptions.raise_compiler_error(
                "delta_contents: " ~ model.name ~ " reads the " ~ kind ~ " " ~ node.name ~ ", which meta.delta does not name:"
                ~ " declare '" ~ node.name ~ "': 'content'"
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {%- set contents = [] -%}
    {%- for name, kind in declared.items() if kind == 'content' -%}
        {%- do contents.append({'setting': 'delta.' ~ name ~ '_content', 'relation': ref(name)}) -%}
    {%- endfor -%}
    {{ return(contents) }}
{% endmacro %}
