{#-
    The incremental strategy `changelog`: appends the model's rows; column_rules describes the columns.

    A rebuild appends the difference between the sum of the rows in the table and the sum that they should have. No
    row is changed, so that readers continue from their watermarks. The difference does not say in which rows a
    `true_for_one_step` column should be true, so the readers of a changelog with such columns are rebuilt.
-#}

{% macro get_incremental_changelog_sql(arg_dict) %}
    {{ return(adapter.dispatch('get_incremental_changelog_sql', 'delta_models')(arg_dict)) }}
{% endmacro %}


{% macro postgres__get_incremental_changelog_sql(arg_dict) %}
    {%- set rules = adapter.dispatch('column_rules', 'delta_models')(model) -%}
    {%- set sums, maxima, flags = rules['sum'], rules['max'], rules['true_for_one_step'] -%}
    {%- set columns = arg_dict.dest_columns | map(attribute='name') | list -%}
    {%- set keys = columns | reject('in', sums + maxima + flags + ['step']) | list -%}
    {%- if adapter.dispatch('is_rebuild', 'delta_models')() %}
    {%- if flags %}
    delete from delta.watermarks where log = '{{ arg_dict.target_relation }}'::regclass;
    {%- endif %}
    insert into {{ arg_dict.target_relation }} ({{ get_quoted_csv(sums + maxima + flags + keys) }}, step)
    select
        {%- for column in sums %}
        sum({{ adapter.quote(column) }}),
        {%- endfor %}
        {%- for column in maxima %}
        max({{ adapter.quote(column) }}) filter (where is_new),
        {%- endfor %}
        {%- for column in flags %}
        false,
        {%- endfor %}
        {{ get_quoted_csv(keys) }},
        current_setting('delta.step')::bigint
    from (
        select true as is_new, {{ get_quoted_csv(keys + sums + maxima) }} from {{ arg_dict.temp_relation }}
        union all
        select
            false as is_new,
            {{ get_quoted_csv(keys) }}
            {%- for column in sums %},
            -{{ adapter.quote(column) }}
            {%- endfor %}
            {%- for column in maxima %},
            {{ adapter.quote(column) }}
            {%- endfor %}
        from {{ arg_dict.target_relation }}
    ) as compared
    group by {{ get_quoted_csv(keys) }}
    having
        {%- for column in sums %}
        {{ 'or ' if not loop.first }}sum({{ adapter.quote(column) }}) <> 0
        {%- endfor %}
        {%- for column in maxima %}
        or max({{ adapter.quote(column) }}) filter (where is_new) > max({{ adapter.quote(column) }}) filter (where not is_new)
        {%- endfor %}
    {%- else %}
    insert into {{ arg_dict.target_relation }} ({{ get_quoted_csv(columns) }})
    select {{ get_quoted_csv(columns) }} from {{ arg_dict.temp_relation }}
    {%- endif %}
{% endmacro %}
