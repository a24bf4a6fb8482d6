{#-
    The first row of each group in an order, of a relation or CTE `rows`: for each `key` in `groups`. Postgres finds it by
    index; others number the rows.
-#}

{% macro first_of_each(groups, rows, key, order) -%}
    {{ return(adapter.dispatch('first_of_each')(groups, rows, key, order)) }}
{%- endmacro %}


{% macro postgres__first_of_each(groups, rows, key, order) -%}
    select first_row.*
    from {{ groups }}
    cross join lateral (
        select {{ rows }}.* from {{ rows }}
        where {{ rows }}.{{ key }} = {{ groups }}.{{ key }}
        order by {{ rows }}.{{ order | join(', ' ~ rows ~ '.') }}
        limit 1
    ) as first_row
{%- endmacro %}


{% macro default__first_of_each(groups, rows, key, order) -%}
    select {{ rows }}.*
    from {{ rows }}
    inner join {{ groups }} on {{ rows }}.{{ key }} = {{ groups }}.{{ key }}
    qualify row_number() over (
        partition by {{ rows }}.{{ key }} order by {{ rows }}.{{ order | join(', ' ~ rows ~ '.') }}
    ) = 1
{%- endmacro %}
