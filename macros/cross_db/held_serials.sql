{#-
    The lowest and highest serial number among the held moments of each touched.edition_id, from the CTEs touched, holdings
    and metadata. Postgres reads one row of an edition for each, by index; others group all moments.
-#}

{% macro held_serials() -%}
    {{ return(adapter.dispatch('held_serials')()) }}
{%- endmacro %}


{% macro postgres__held_serials() -%}
    select
        touched.edition_id
        {%- for name, direction in [('min_serial', ''), ('max_serial', ' desc')] %},
        (
            select metadata.serial_number
            from metadata
            inner join holdings on metadata.nft_id = holdings.nft_id
            where metadata.edition_id = touched.edition_id and metadata.serial_number is not null
            order by metadata.serial_number{{ direction }}
            limit 1
        ) as {{ name }}
        {%- endfor %}
    from touched
{%- endmacro %}


{% macro default__held_serials() -%}
    select
        metadata.edition_id,
        min(metadata.serial_number) as min_serial,
        max(metadata.serial_number) as max_serial
    from metadata
    inner join holdings on metadata.nft_id = holdings.nft_id
    group by metadata.edition_id
{%- endmacro %}
