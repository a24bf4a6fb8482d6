{#-
    The unique keys that a model declares, each a list of columns: its unique indexes, and the constraints of its
    contract.
-#}

{% macro postgres__unique_keys(node) %}
    {%- set keys = [] -%}
    {%- for index in node.config.get('indexes') or [] if index.get('unique') -%}
        {%- do keys.append(index['columns']) -%}
    {%- endfor -%}
    {%- set contracted = node.config.get('contract') -%}
    {%- if contracted and contracted.get('enforced') -%}
        {%- for constraint in node.constraints if constraint.type in ['primary_key', 'unique'] -%}
            {%- do keys.append(constraint.columns) -%}
        {%- endfor -%}
        {%- for column in node.columns.values() -%}
            {%- for constraint in column.constraints if constraint.type in ['primary_key', 'unique'] -%}
                {%- do keys.append([column.name]) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(keys) }}
{% endmacro %}
