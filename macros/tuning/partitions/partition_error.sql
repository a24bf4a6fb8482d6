{#- The compiler error for a wrong declaration: which one, its value, and what to do. -#}

{% macro postgres__partition_error(owner, key, value, remedy) %}
    {{ exceptions.raise_compiler_error("partition_by: " ~ owner ~ " declares " ~ key ~ " '" ~ value ~ "': " ~ remedy) }}
{% endmacro %}
