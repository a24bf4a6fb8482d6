{#-
    Incremental strategy `log`: appends the model's rows. A log that starts over is emptied first, and what its
    readers know of it is forgotten, so that they start over too.
-#}

{% macro get_incremental_log_sql(arg_dict) %}
    {%- set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) -%}
    {%- if delta_rebuilds() %}
    truncate {{ arg_dict.target_relation }};
    delete from delta.watermarks where log = '{{ arg_dict.target_relation }}'::regclass;
    delete from delta.logged where log = '{{ arg_dict.target_relation }}'::regclass;
    {%- endif %}
    insert into {{ arg_dict.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arg_dict.temp_relation }};
{% endmacro %}
