{#-
    Incremental strategy `accumulate`: merges signed rows into the target by its unique key. The config says
    under meta.accumulate which columns are

      sums      added to what is there
      latest    taken from the new row
      newest    the greater of both
      vanishes  a row whose columns named here are all zero (sums) or NULL (others) is deleted

    The other columns (a time of update, say) are written with a row that changes for another reason, and never
    on their own. A model that starts over replaces the content of its target the same way: what differs is
    written, what is gone is deleted, and readers see the old rows until the commit.
-#}

{% macro get_incremental_accumulate_sql(arg_dict) %}
    {%- set rules = config.get('meta', {}).get('accumulate', {}) -%}
    {%- set keys = [arg_dict.unique_key] if arg_dict.unique_key is string else arg_dict.unique_key -%}
    {%- set columns = arg_dict.dest_columns | map(attribute='name') | list -%}
    {%- set rebuild = not config.get('meta', {}).get('delta') or delta_rebuilds() -%}
    {%- set sums = [] if rebuild else rules.get('sums', []) -%}
    {%- set newest = rules.get('newest', []) -%}
    {%- set compared = rules.get('sums', []) + rules.get('latest', []) + newest -%}
    {%- for column in keys + compared + rules.get('vanishes', []) if column not in columns -%}
        {{ exceptions.raise_compiler_error("accumulate: " ~ this ~ " has no column '" ~ column ~ "'") }}
    {%- endfor -%}

    analyze {{ arg_dict.temp_relation }} ({{ keys | join(', ') }});
    {% if rebuild %}
    delete from {{ arg_dict.target_relation }} as old
    where not exists (
        select from {{ arg_dict.temp_relation }} as new
        where {% for key in keys %}old.{{ key }} = new.{{ key }} and {% endfor %} not {{ accumulate_vanishes(rules, 'new') }}
    );
    {% endif %}
    merge into {{ arg_dict.target_relation }} as old
    using (select * from {{ arg_dict.temp_relation }} order by {{ keys | join(', ') }}) as new
        on {% for key in keys %}old.{{ key }} = new.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    {%- if not rebuild %}
    when matched and {{ accumulate_vanishes(rules, 'old', 'new') }} then delete
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
    when not matched and not {{ accumulate_vanishes(rules, 'new') }} then insert ({{ columns | join(', ') }})
    values ({% for column in columns %}new.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{% endmacro %}


{% macro accumulate_vanishes(rules, old, new=none) -%}
    (
    {%- for column in rules.get('vanishes', []) -%}
        {%- if column in rules.get('sums', []) -%}
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
