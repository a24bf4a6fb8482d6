{#-
    The rows in which the increments of a mart differ from its rebuild in this run. A missing copy is a difference too:
    rebuild_check_save makes one in a full refresh with the var compare_rebuild.
-#}

{% macro rebuild_differences(mart, ignore=['updated_at']) -%}
    {{ return(adapter.dispatch('rebuild_differences', 'delta_models')(mart, ignore)) }}
{%- endmacro %}


{% macro postgres__rebuild_differences(mart, ignore) -%}
    {%- set copy = adapter.dispatch('rebuild_check_copy', 'delta_models')(mart) if execute -%}
    {%- set is_copied = execute and load_relation(copy) is not none -%}
    {%- set ignored = "'{" ~ ignore | join(', ') ~ "}'::text[]" -%}
    {%- for state, one, other in [['by increments', copy, mart], ['rebuilt', mart, copy]] if is_copied %}
    select
        '{{ mart.identifier }}' as mart,
        '{{ state }}' as state,
        content
    from (
        select to_jsonb(one) - {{ ignored }} as content from {{ one }} as one
        except all
        select to_jsonb(other) - {{ ignored }} as content from {{ other }} as other
    ) as differing
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        '{{ mart.identifier }}' as mart,
        'not compared: it has no copy' as state,
        null::jsonb as content
    {%- endfor %}
{%- endmacro %}
