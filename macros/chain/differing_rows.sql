{#-
    The rows of a CTE that an increment with the strategy merge_or_delete has to write: those that the current model's table
    does not have as they are, and those that delete one of its rows. A full build takes all rows, except such that delete.
    `mark` is the column that is NULL in a row that deletes, if there is one.
-#}

{% macro differing_rows(rows, key, columns, mark=none) -%}
    {%- if columns is string or not columns -%}
        {{ exceptions.raise_compiler_error("differing_rows: expected a list of columns, got '" ~ columns ~ "'") }}
    {%- endif -%}
    {%- set mark = mark or key -%}
    select {{ rows }}.*
    from {{ rows }}
    {%- if is_incremental() %}
    left join {{ this }} as known on {{ rows }}.{{ key }} = known.{{ key }}
    where
        ({{ rows }}.{{ mark }} is not null or known.{{ key }} is not null)
        and (
            known.{{ key }} is null
            {%- for column in columns %}
            or {{ rows }}.{{ column }} is distinct from known.{{ column }}
            {%- endfor %}
        )
    {%- else %}
    where {{ rows }}.{{ mark }} is not null
    {%- endif %}
{%- endmacro %}
