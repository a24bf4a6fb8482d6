{#-
    The condition that keeps the events of the ranges of blocks in which the chain has other events than the copy in the
    current model: new ones, and whatever came late or twice. The comparison counts the events of each range and adds up
    their heights, so that it reads no event's data. The result has literals, because Snowflake skips no partition by a
    subquery. The var chain_lookback_ranges limits how far back it looks, from the newest range of the copy; 0 is no limit.
-#}

{% macro changed_ranges() -%}
    {%- set lookback = var('chain_lookback_ranges', 0) -%}
    {%- set first_range -%}
        select max(block_range) - {{ lookback }} as block_range from {{ this }}
    {%- endset -%}
    {%- set begin -%}
        select
            ({{ first_range }}) as block_range,
            to_varchar(max(block_timestamp)::date, 'YYYY-MM-DD') as day
        from {{ this }}
        where block_range < ({{ first_range }})
        having count(*) > 0
    {%- endset -%}
    {%- set begins = run_query(begin).rows if execute and lookback else [] -%}
    {%- set compare -%}
        with

        chain as (
            select
                {{ block_range('block_height') }} as block_range,
                count(*) as events,
                sum(block_height) as heights,
                to_varchar(min(block_timestamp)::date, 'YYYY-MM-DD') as first_day,
                to_varchar(dateadd(day, 1, max(block_timestamp))::date, 'YYYY-MM-DD') as end_day
            from {{ ref('stg_chain_events') }}
            {%- for number, day in begins %}
            where block_timestamp >= '{{ day }}'::timestamp_ntz and {{ block_range('block_height') }} >= {{ number | int }}
            {%- endfor %}
            group by {{ block_range('block_height') }}
        ),

        copy as (
            select
                block_range,
                count(*) as events,
                sum(block_height) as heights
            from {{ this }}
            group by block_range
        )

        select
            chain.block_range,
            chain.first_day,
            chain.end_day
        from chain
        left join copy on chain.block_range = copy.block_range
        where chain.events is distinct from copy.events or chain.heights is distinct from copy.heights
        order by chain.block_range
    {%- endset -%}
    {%- set numbers, days = [], [] -%}
    {%- for number, first_day, end_day in (run_query(compare).rows if execute else []) -%}
        {%- do numbers.append(number | int) -%}
        {#- Adjacent ranges are one interval of days. -#}
        {%- if days and first_day <= days[-1][1] -%}
            {%- do days.append([days.pop()[0], end_day]) -%}
        {%- else -%}
            {%- do days.append([first_day, end_day]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set days = [[days[0][0], days[-1][1]]] if days | length > 100 else days -%}
    {%- for first_day, end_day in days %}
    {{ 'or' if not loop.first else '(' }} (
        block_timestamp >= '{{ first_day }}'::timestamp_ntz and block_timestamp < '{{ end_day }}'::timestamp_ntz
    )
    {%- else -%}
    false
    {%- endfor -%}
    {%- if numbers %})
    and {{ block_range('block_height') }} in ({{ numbers | join(', ') }})
    {%- endif %}
{%- endmacro %}
