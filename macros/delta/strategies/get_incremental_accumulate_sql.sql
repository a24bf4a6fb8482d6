{#-
    The incremental strategy `accumulate`: merges signed rows into the table by its unique key, as column_rules
    describes. A column without a rule, such as updated_at, is written only in rows that change for another reason.

    A rebuild replaces the content of the table in the same transaction: it deletes the rows that are gone and
    writes the rows that differ. Readers see the old rows until the commit.
-#}

{% macro get_incremental_accumulate_sql(arg_dict) %}
    {{ return(adapter.dispatch('get_incremental_accumulate_sql', 'delta_models')(arg_dict)) }}
{% endmacro %}


{% macro postgres__get_incremental_accumulate_sql(arg_dict) %}
    {%- set rules = adapter.dispatch('column_rules', 'delta_models')(model) -%}
    {%- set is_empty = adapter.dispatch('accumulate_is_empty', 'delta_models') -%}
    {%- set rebuild = not config.get('meta', {}).get('delta') or adapter.dispatch('is_rebuild', 'delta_models')() -%}
    {%- set keys = [arg_dict.unique_key] if arg_dict.unique_key is string else arg_dict.unique_key -%}
    {%- set columns = arg_dict.dest_columns | map(attribute='name') | list -%}
    {%- set added = [] if rebuild else rules['sum'] -%}
    {%- set compared = rules['sum'] + rules['replace'] + rules['max'] -%}
    {%- for column in keys + compared + rules['delete_when_empty'] if column not in columns -%}
        {{ exceptions.raise_compiler_error("accumulate: " ~ this ~ " has no column '" ~ column ~ "'") }}
    {%- endfor -%}

    analyze {{ arg_dict.temp_relation }} ({{ keys | join(', ') }});
    {% if rebuild %}
    delete from {{ arg_dict.target_relation }} as old
    where not exists (
        select from {{ arg_dict.temp_relation }} as new
        where {% for key in keys %}old.{{ key }} = new.{{ key }} and {% endfor %} not {{ is_empty(rules, 'new') }}
    );
    {% endif %}
    merge into {{ arg_dict.target_relation }} as old
    using (select * from {{ arg_dict.temp_relation }} order by {{ keys | join(', ') }}) as new
        on {% for key in keys %}old.{{ key }} = new.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    {%- if not rebuild %}
    when matched and {{ is_empty(rules, 'old', 'new') }} then delete
    {%- endif %}
    when matched and (
        {%- for column in compared %}
        {% if column in added %}new.{{ column }} <> 0
        {%- elif column in rules['max'] %}new.{{ column }} > old.{{ column }} is not false and new.{{ column }} is not null
        {%- else %}new.{{ column }} is distinct from old.{{ column }}
        {%- endif %}{{ ' or' if not loop.last }}
        {%- endfor %}
    ) then update set
        {%- for column in columns if column not in keys %}
        {{ column }} =
        {%- if column in added %} old.{{ column }} + new.{{ column }}
        {%- elif column in rules['max'] %} greatest(old.{{ column }}, new.{{ column }})
        {%- else %} new.{{ column }}
        {%- endif %}{{ ',' if not loop.last }}
        {%- endfor %}
    when not matched and not {{ is_empty(rules, 'new') }} then insert ({{ columns | join(', ') }})
    values ({% for column in columns %}new.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{% endmacro %}
