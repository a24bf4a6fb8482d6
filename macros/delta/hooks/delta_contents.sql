{#-
    The inputs of the current model that have no changelog: what meta.delta declares as `content`, a seed, a table, or a
    view over them. The model is rebuilt when their rows differ from what its last run read. A table that the model reads,
    also through views, and does not declare is an error, because its changes would not reach the model. So is a model
    that declares nothing else, because it has no changelog to add up.
-#}

{% macro postgres__delta_contents() %}
    {%- set declared = config.get('meta', {}).get('delta', {}) -%}
    {%- if declared and declared.values() | reject('equalto', 'content') | list == [] -%}
        {{ exceptions.raise_compiler_error(
            "delta_contents: " ~ model.name ~ " declares only content under meta.delta: name a changelog, or leave out meta.delta"
        ) }}
    {%- endif -%}
    {#- A model without meta.delta is rebuilt at each run. Each node comes with the one through which it is read. -#}
    {%- set pending = [] -%}
    {%- for identity in (model.depends_on.nodes if declared) if identity in graph.nodes -%}
        {%- do pending.append([graph.nodes[identity], graph.nodes[identity].name]) -%}
    {%- endfor -%}
    {%- for node, through in pending if node.name not in declared -%}
        {%- if node.config.materialized not in ['view', 'ephemeral'] -%}
            {{ exceptions.raise_compiler_error(
                "delta_contents: " ~ model.name ~ " reads the " ~ node.config.materialized ~ " " ~ node.name
                ~ ", which meta.delta does not name: declare '" ~ through ~ "': 'content'"
            ) }}
        {%- endif -%}
        {%- for identity in node.depends_on.nodes if identity in graph.nodes -%}
            {%- do pending.append([graph.nodes[identity], through]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set contents = [] -%}
    {%- for name, kind in declared.items() if kind == 'content' -%}
        {%- set parts = name.split('.') -%}
        {%- do contents.append({
            'setting': 'delta.' ~ name | replace('.', '_') ~ '_content',
            'relation': source(*parts) if parts | length == 2 else ref(name),
        }) -%}
    {%- endfor -%}
    {{ return(contents) }}
{% endmacro %}
