{#- Runs all statements or none, without failing the transaction; an error becomes a warning. -#}

{% macro postgres__try_sql(statements) -%}
    do $try$
    begin
        {{ statements }};
    exception
        when others then raise warning '%', sqlerrm;
    end
    $try$
{%- endmacro %}
