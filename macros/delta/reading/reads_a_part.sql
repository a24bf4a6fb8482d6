{#- Whether --empty or --sample may let ref() and source() return fewer rows than there are. -#}

{% macro postgres__reads_a_part() %}
    {{ return(invocation_args_dict.get('empty') is true or invocation_args_dict.get('sample') is not none) }}
{% endmacro %}
