{#- The compiler error for a wrong declaration: which one, its value, and what to do. -#}

{% macro postgres__index_error(owner, key, value, remedy) %}
    {{ exceptions.raise_compiler_error("indexes: " ~ owner ~ " declares " ~ key ~ " '" ~ value ~ "': " ~ remedy) }}
{% endmacro %}
