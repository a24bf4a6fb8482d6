{#-
    Post-hook of the marts: delta_end, or for a mart that is transferred: gives it a new version and notifies its readers, if
    the transaction has changed a row.
-#}

{% macro mart_end() %}
{%- if not is_transferred() -%}
    {{ return(delta_end()) }}
{%- endif -%}
{%- if execute -%}
do $$
begin
    if exists (
        select from pg_stat_xact_user_tables
        where relid = '{{ this }}'::regclass and n_tup_ins + n_tup_upd + n_tup_del > 0
    ) then
        {{ postgres__delta_changed('true') | indent(8) }}
    end if;
end
$$
{%- endif -%}
{% endmacro %}
