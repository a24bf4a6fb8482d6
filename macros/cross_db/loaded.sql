{#-
    A loaded table as `runner load` leaves it. On Postgres that is the source in raw. On Snowflake it is computed from the
    table that the load would read, by the same declaration: values are converted, rows without a usable value are left out
    or lose the value, and of several rows with a key the newest stays. `model` is the model that derives the table, if any.
-#}

{% macro loaded(name, model=none) -%}
    {{ return(adapter.dispatch('loaded')(name, model)) }}
{%- endmacro %}


{% macro postgres__loaded(name, model) -%}
    {{ source('raw', name) }}
{%- endmacro %}


{% macro snowflake__loaded(name, model) -%}
    {%- set given = ref(model) if model else source('raw', name) -%}
    {%- if execute -%}
        {%- set declared = graph.sources.values()
            | selectattr('source_name', 'equalto', 'raw') | selectattr('name', 'equalto', name) | first -%}
        {%- set meta = declared.config.meta -%}
        {%- set table = api.Relation.create(
            database=target.database, schema=target.schema, identifier=meta.snowflake_table
        ) -%}
        {%- set columns = [] -%}
        {%- for column in declared.columns.values() -%}
            {%- do columns.append(as_loaded(column, meta.key)) -%}
        {%- endfor -%}
        {%- set others = columns | map(attribute='name') | reject('in', [meta.key, meta.get('cursor')]) | list -%}
        (
            select
                {{ columns | map(attribute='name') | join(', ') }},
                {{ 'coalesce(date_part(epoch_second, ' ~ meta.cursor ~ '), 0)::bigint' if meta.get('cursor') else '0' }} as batch_id
            from (
                select
                {%- for column in columns %}
                    {{ column.value }} as {{ column.name }}{{ ',' if not loop.last }}
                {%- endfor %}
                from {{ given if model else table }} as given
                where {{ columns | map(attribute='condition') | select | join('\n                    and ') or 'true' }}
            ) as converted
            qualify row_number() over (
                partition by {{ meta.key }}
                order by {{ meta.cursor ~ ' desc nulls last, ' if meta.get('cursor') }}{{ others | join(', ') }}
            ) = 1
        )
    {%- else -%}
        {{ given }}
    {%- endif -%}
{%- endmacro %}
