{#-
    The changelogs that the current model reads, as its config declares under meta.delta: models by name, and loaded
    tables as source.table, whose changelog is <table>_changes. A rebuild reads an input `whole`, or reads nothing of
    an input of which only the `changes` count. See delta_contents for the third kind, `content`.
-#}

{% macro postgres__delta_inputs() %}
    {%- set inputs = [] -%}
    {%- for name, kind in config.get('meta', {}).get('delta', {}).items() -%}
        {%- if kind not in ['whole', 'changes', 'content'] -%}
            {{ exceptions.raise_compiler_error(
                "delta_inputs: " ~ model.name ~ " reads " ~ name ~ " '" ~ kind ~ "': use 'whole', 'changes' or 'content'"
            ) }}
        {%- endif -%}
        {%- set parts = name.split('.') -%}
        {%- set loaded = parts | length == 2 -%}
        {%- set base = source(parts[0], parts[1]) if loaded else ref(name) -%}
        {%- set changes = {'identifier': base.identifier ~ '_changes'} -%}
        {%- if kind != 'content' -%}
            {%- do inputs.append({
                'setting': 'delta.' ~ name | replace('.', '_'),
                'base': base,
                'changelog': base.incorporate(path=changes) if loaded else base,
                'position': 'batch_id' if loaded else 'step',
                'loaded': loaded,
                'whole': kind == 'whole',
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(inputs) }}
{% endmacro %}
