{#-
    Overrides dbt's refresh. Refreshes CONCURRENTLY if the view has a unique index on columns, so that readers
    continue and only rows that differ are written. Skips the refresh if the result would be the same, ignoring the
    columns that the config lists under meta.refresh.ignore, such as a time of update.
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
