{#- Statements that are all carried out, or none, without failing the transaction; a failure is a warning. -#}

{% macro postgres__try_sql(statements) -%}
    do $try$
    begin
        {{ statements }};
    exception
        when others then raise warning '%', sqlerrm;
    end
    $try$
{%- endmacro %}
