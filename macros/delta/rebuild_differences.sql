{#-
    The rows in which a mart as its increments had left it differs from the rebuild of this run, times aside; none
    where nothing was kept to compare with (see rebuild_check_save).
-#}

{% macro rebuild_differences(mart) -%}
    {%- set kept = rebuild_check_copy(mart) -%}
    {%- set is_kept = execute and var('compare_rebuild', false) and load_relation(kept) is not none -%}
    {%- for state, one, other in [['by increments', kept, mart], ['rebuilt', mart, kept]] if is_kept %}
    select
        '{{ mart.identifier }}' as mart,
        '{{ state }}' as state,
        content
    from (
        select to_jsonb(one) - '{updated_at, last_synced_at}'::text[] as content from {{ one }} as one
        except all
        select to_jsonb(other) - '{updated_at, last_synced_at}'::text[] as content from {{ other }} as other
    ) as differing
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::text as mart,
        null::text as state,
        null::jsonb as content
    where false
    {%- endfor %}
{%- endmacro %}
