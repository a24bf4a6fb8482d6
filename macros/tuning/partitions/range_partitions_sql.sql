{#-
    The missing ranges, for partitions_sql: those that `rows` needs, and the next ones after now, or after the
    number in `highest`. Times are in UTC, whatever the session's time zone is. Leaves out ranges that overlap an
    existing one, and the oldest beyond 1,000, so that a wrong date does not create a partition for each day since
    then.
-#}

{% macro postgres__range_partitions_sql(by, rows, highest) %}
    {%- set column = adapter.quote(by['column']) -%}
    {%- set step = "interval '1 " ~ by['interval'] ~ "'" if by['timely'] else by['interval'] ~ '::numeric' -%}
    {%- set zone = " || ' 00:00:00+00'" if by['type'] == 'timestamp with time zone' else '' -%}
    {%- set show = "to_char(%s, 'YYYY-MM-DD')" ~ zone if by['timely'] else '%s::text' -%}
    {%- set moment = "timestamp 'epoch' + extract(epoch from %s) * interval '1 second'" -%}
    {%- set place = moment if by['timely'] else '%s::numeric' -%}
    select
        {{ "to_char(beginning, 'YYYYMMDD')" if by['timely'] else "beginning::text" }} as label,
        format('for values from (%L) to (%L)', {{ show % 'beginning' }}, {{ show % 'ending' }}) as bounds,
        format('%1$I >= %2$L and %1$I < %3$L', '{{ by["column"] }}', {{ show % 'beginning' }}, {{ show % 'ending' }})
            as belongs
    from (
        select
            beginning,
            beginning + {{ step }} as ending
        from (
            {%- if by['timely'] %}
            select date_trunc('{{ by["interval"] }}', {{ place % column }}) as beginning
            from {{ rows }}
            where isfinite({{ column }}) and {{ column }} >= '0001-01-01'
            union
            select beginning
            from generate_series(
                date_trunc('{{ by["interval"] }}', now() at time zone 'utc'),
                now() at time zone 'utc' + {{ by['ahead'] }} * {{ step }},
                {{ step }}
            ) as beginning
            {%- else %}
            select floor({{ column }} / {{ step }}) * {{ step }} as beginning
            from {{ rows }}
            where {{ column }} is not null
            union
            select (floor(coalesce(highest, 0) / {{ step }}) + n) * {{ step }} as beginning
            from
                (select max({{ column }}) as highest from {{ highest }}) as numbered,
                generate_series(0, {{ by['ahead'] }}) as n
            {%- endif %}
        ) as beginnings
        where not exists (
            select from existing
            cross join lateral regexp_match(bounds, $$FROM \('?(.+?)'?\) TO \('?(.+?)'?\)$$) as ends
            where
                beginning < coalesce({{ place % ("nullif(ends[2], 'MAXVALUE')::" ~ by['type']) }}, beginning + {{ step }})
                and beginning + {{ step }} > coalesce({{ place % ("nullif(ends[1], 'MINVALUE')::" ~ by['type']) }}, beginning)
                and bounds <> 'DEFAULT'
        )
        order by beginning desc
        limit greatest(1000 - (select count(*) from existing), 0)
    ) as ranges
{% endmacro %}
