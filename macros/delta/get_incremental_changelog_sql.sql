{#-
    Incremental strategy `changelog`: appends the model's rows. A log that starts over appends the difference between what
    its rows now add up to and what they should: nothing that stands in a log is changed, and its readers go on from
    where they are. The config says under meta.changelog which columns are

      sum                added up
      max                the greatest value
      true_for_one_step  true in the step that sets it, false in every sum

    The others are the key. Which flags are due a difference cannot say: the readers of a log with flags start over.
-#}

{% macro get_incremental_changelog_sql(arg_dict) %}
    {%- set rules = config.get('meta', {}).get('changelog', {}) -%}
    {%- set sums, newest, flags = rules.get('sum', []), rules.get('max', []), rules.get('true_for_one_step', []) -%}
    {%- set columns = arg_dict.dest_columns | map(attribute='name') | list -%}
    {%- set keys = columns | reject('in', sums + newest + flags + ['step']) | list -%}
    {%- if delta_rebuilds() %}
    {%- if flags %}
    delete from delta.watermarks where log = '{{ arg_dict.target_relation }}'::regclass;
    {%- endif %}
    insert into {{ arg_dict.target_relation }} ({{ get_quoted_csv(sums + newest + flags + keys) }}, step)
    select
        {%- for column in sums %}
        sum({{ adapter.quote(column) }}),
        {%- endfor %}
        {%- for column in newest %}
        max({{ adapter.quote(column) }}) filter (where is_new),
        {%- endfor %}
        {%- for column in flags %}
        false,
        {%- endfor %}
        {{ get_quoted_csv(keys) }},
        current_setting('delta.step')::bigint
    from (
        select true as is_new, {{ get_quoted_csv(keys + sums + newest) }} from {{ arg_dict.temp_relation }}
        union all
        select
            false as is_new,
            {{ get_quoted_csv(keys) }}
            {%- for column in sums %},
            -{{ adapter.quote(column) }}
            {%- endfor %}
            {%- for column in newest %},
            {{ adapter.quote(column) }}
            {%- endfor %}
        from {{ arg_dict.target_relation }}
    ) as compared
    group by {{ get_quoted_csv(keys) }}
    having
        {%- for column in sums %}
        {{ 'or ' if not loop.first }}sum({{ adapter.quote(column) }}) <> 0
        {%- endfor %}
        {%- for column in newest %}
        or max({{ adapter.quote(column) }}) filter (where is_new) > max({{ adapter.quote(column) }}) filter (where not is_new)
        {%- endfor %}
    {%- else %}
    insert into {{ arg_dict.target_relation }} ({{ get_quoted_csv(columns) }})
    select {{ get_quoted_csv(columns) }} from {{ arg_dict.temp_relation }}
    {%- endif %}
{% endmacro %}
