{#-
    Incremental strategy `accumulate`: merges signed rows into the target by its unique key. The config says
    under meta.accumulate which columns are

      sum                added to the value of the old row
      replace            taken from the new row
      max                the greater of both values
      delete_when_empty  a row is deleted if all columns named here are zero (sum) or NULL (others)

    The other columns (a time of update, say) are written with a row that changes for another reason, and never
    on their own. A model that starts over replaces the content of its target the same way: what differs is
    written, what is gone is deleted, and readers see the old rows until the commit.
-#}

{% macro get_incremental_accumulate_sql(arg_dict) %}
    {%- set rules = config.get('meta', {}).get('accumulate', {}) -%}
    {%- set keys = [arg_dict.unique_key] if arg_dict.unique_key is string else arg_dict.unique_key -%}
    {%- set columns = arg_dict.dest_columns | map(attribute='name') | list -%}
    {%- set rebuild = not config.get('meta', {}).get('delta') or delta_rebuilds() -%}
    {%- set sums = [] if rebuild else rules.get('sum', []) -%}
    {%- set newest = rules.get('max', []) -%}
    {%- set compared = rules.get('sum', []) + rules.get('replace', []) + newest -%}
    {%- for column in keys + compared + rules.get('delete_when_empty', []) if column not in columns -%}
        {{ exceptions.raise_compiler_error("accumulate: " ~ this ~ " has no column '" ~ column ~ "'") }}
    {%- endfor -%}

    analyze {{ arg_dict.temp_relation }} ({{ keys | join(', ') }});
    {% if rebuild %}
    delete from {{ arg_dict.target_relation }} as old
    where not exists (
        select from {{ arg_dict.temp_relation }} as new
        where {% for key in keys %}old.{{ key }} = new.{{ key }} and {% endfor %} not {{ accumulate_is_empty(rules, 'new') }}
    );
    {% endif %}
    merge into {{ arg_dict.target_relation }} as old
    using (select * from {{ arg_dict.temp_relation }} order by {{ keys | join(', ') }}) as new
        on {% for key in keys %}old.{{ key }} = new.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    {%- if not rebuild %}
    when matched and {{ accumulate_is_empty(rules, 'old', 'new') }} then delete
    {%- endif %}
    when matched and (
        {%- for column in compared %}
        {% if column in sums %}new.{{ column }} <> 0
        {%- elif column in newest %}new.{{ column }} > old.{{ column }} is not false and new.{{ column }} is not null
        {%- else %}new.{{ column }} is distinct from old.{{ column }}
        {%- endif %}{{ ' or' if not loop.last }}
        {%- endfor %}
    ) then update set
        {%- for column in columns if column not in keys %}
        {{ column }} =
        {%- if column in sums %} old.{{ column }} + new.{{ column }}
        {%- elif column in newest %} greatest(old.{{ column }}, new.{{ column }})
        {%- else %} new.{{ column }}
        {%- endif %}{{ ',' if not loop.last }}
        {%- endfor %}
    when not matched and not {{ accumulate_is_empty(rules, 'new') }} then insert ({{ columns | join(', ') }})
    values ({% for column in columns %}new.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{% endmacro %}


{% macro accumulate_is_empty(rules, old, new=none) -%}
    (
    {%- for column in rules.get('delete_when_empty', []) -%}
        {%- if column in rules.get('sum', []) -%}
            {{ old }}.{{ column }}{% if new %} + {{ new }}.{{ column }}{% endif %} = 0
        {%- else -%}
            {{ new or old }}.{{ column }} is null
        {%- endif -%}
        {{ ' and ' if not loop.last }}
    {%- else -%}
        false
    {%- endfor -%}
    )
{%- endmacro %}
