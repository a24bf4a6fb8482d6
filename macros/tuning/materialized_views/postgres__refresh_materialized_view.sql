{#-
    Overrides dbt's refresh: CONCURRENTLY where the view has a unique index over its columns, so that readers go on and only
    rows that differ are written; and not at all where the query says what the view already shows, leaving aside the columns that
    the config names under meta.refresh.ignore (a time of update, say, which is new each time it is asked for).
-#}

{% macro postgres__refresh_materialized_view(relation) %}
    {%- set ignored = config.get('meta', {}).get('refresh', {}).get('ignore', []) -%}
    {%- if ignored is string or ignored is not iterable -%}
        {{ exceptions.raise_compiler_error(
            "postgres__refresh_materialized_view: " ~ relation ~ " has meta.refresh.ignore '" ~ ignored ~ "': name its columns in a list"
        ) }}
    {%- endif -%}
    do $refresh$
    begin
        {%- if ignored %}
        if not exists (
            with
            new as (select to_jsonb(row_) - array['{{ ignored | join("', '") }}'] as shown from ({{ sql }}) as row_),
            old as (select to_jsonb(row_) - array['{{ ignored | join("', '") }}'] as shown from {{ relation }} as row_)
            (select shown from new except all select shown from old)
            union all
            (select shown from old except all select shown from new)
        ) then
            return;
        end if;
        {%- endif %}
        if exists (
            select from pg_index
            where
                indrelid = '{{ relation }}'::regclass
                and indisunique and indisvalid and indpred is null and indexprs is null
        ) then
            refresh materialized view concurrently {{ relation }};
        else
            refresh materialized view {{ relation }};
        end if;
    end
    $refresh$
{% endmacro %}
