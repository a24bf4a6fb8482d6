{#-
    Pre-hook of the marts: delta_begin, or for a mart that is transferred: takes the model's lock, deletes its watermarks, so
    that its next run on Postgres rebuilds it, and requests that its content is replaced by the rows from Snowflake.
-#}

{% macro mart_begin() %}
{%- if not is_transferred() -%}
    {{ return(delta_begin()) }}
{%- endif -%}
{%- if execute -%}
commit;
begin isolation level read committed;
select pg_advisory_xact_lock(hashtextextended({{ postgres__watermark_name(this) }}, 1));
delete from delta.watermarks where reader = to_regclass('{{ this }}');
select set_config('delta.rebuild', 'its rows come from Snowflake', true);
{%- endif -%}
{% endmacro %}
