{#-
    The logs that the current model reads, as its config declares them under meta.delta: a model's name, or
    source.table for a loaded table, whose log is <table>_changes. Each is read `whole` in a rebuild, or only
    its `changes` are read, which a rebuild has none of.
-#}

{% macro delta_inputs() %}
    {%- set inputs = [] -%}
    {%- for name, kind in config.get('meta', {}).get('delta', {}).items() -%}
        {%- if kind not in ['whole', 'changes'] -%}
            {{ exceptions.raise_compiler_error(
                "delta_inputs: " ~ model.name ~ " reads " ~ name ~ " '" ~ kind ~ "': use 'whole' or 'changes'"
            ) }}
        {%- endif -%}
        {%- set parts = name.split('.') -%}
        {%- set loaded = parts | length == 2 -%}
        {%- set base = source(parts[0], parts[1]) if loaded else ref(name) -%}
        {%- set changes = {'identifier': base.identifier ~ '_changes'} -%}
        {%- set log = base.incorporate(path=changes) if loaded else base -%}
        {%- do inputs.append({
            'setting': 'delta.' ~ name | replace('.', '_'),
            'base': base,
            'log': log,
            'position': 'batch_id' if loaded else 'step',
            'loaded': loaded,
            'whole': kind == 'whole',
        }) -%}
    {%- endfor -%}
    {{ return(inputs) }}
{% endmacro %}
