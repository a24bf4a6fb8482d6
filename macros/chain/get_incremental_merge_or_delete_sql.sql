{#-
    The incremental strategy `merge_or_delete`, for Snowflake: merges the model's rows into the table by its unique key. A
    row with NULL in the column that the config names under meta.merge_or_delete.delete_when_null deletes the row of its key.
-#}

{% macro get_incremental_merge_or_delete_sql(arg_dict) %}
    {%- set key = arg_dict.unique_key -%}
    {%- if key is not string -%}
        {{ exceptions.raise_compiler_error(
            "merge_or_delete: " ~ this ~ " has the unique_key '" ~ key ~ "': name one column"
        ) }}
    {%- endif -%}
    {%- set mark = config.get('meta', {}).get('merge_or_delete', {}).get('delete_when_null') -%}
    {%- set columns = arg_dict.dest_columns | map(attribute='quoted') | list -%}
    merge into {{ arg_dict.target_relation }} as old
    using {{ arg_dict.temp_relation }} as new
        on old.{{ key }} = new.{{ key }}
    {%- if mark %}
    when matched and new.{{ mark }} is null then delete
    {%- endif %}
    when matched then update set
        {%- for column in columns %}
        {{ column }} = new.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    when not matched {{ 'and new.' ~ mark ~ ' is not null ' if mark }}then insert ({{ columns | join(', ') }})
    values (new.{{ columns | join(', new.') }})
{% endmacro %}
