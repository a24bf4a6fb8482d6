"""The published tables by their meaning: plain SQL over raw.*, which knows nothing of the models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

TIMES = {"updated_at", "last_synced_at"}

EDITIONS = """
editions as (
    -- Moments of an edition may differ: use the one with the lowest serial number.
    select distinct on (m.edition_id)
        m.edition_id,
        nullif(trim(m.first_name), '') as first_name,
        nullif(trim(m.last_name), '') as last_name,
        nullif(trim(m.team_name), '') as team_name,
        nullif(trim(m.position), '') as position,
        upper(nullif(trim(m.tier), '')) as tier,
        nullif(trim(m.series_name), '') as series_name,
        nullif(trim(m.set_name), '') as set_name,
        m.max_mint_size
    from raw.nft_core_metadata as m
    where m.edition_id is not null
    order by m.edition_id, m.serial_number, m.nft_id
)
"""
HELD = f"""
with {EDITIONS},
held as (
    select
        h.wallet_address,
        coalesce(nullif(trim(w.display_name), ''), h.wallet_address) as display_name,
        h.is_locked,
        e.tier,
        e.team_name,
        e.set_name,
        p.lowest_ask_usd,
        p.avg_sale_usd
    from raw.wallet_holdings as h
    left join raw.nft_core_metadata as m on m.nft_id = h.nft_id
    left join editions as e on e.edition_id = m.edition_id
    left join raw.edition_price_scrape as p on p.edition_id = e.edition_id
    left join raw.wallet_profiles as w on w.wallet_address = h.wallet_address
),
collectors as (
    select * from held where wallet_address not in ('0xe4cf4bdc1751c65d', '0xb6f2481eba4df97b')
)
"""
TIERS = """
    count(*) filter (where tier = 'COMMON') as tier_common,
    count(*) filter (where tier = 'UNCOMMON') as tier_uncommon,
    count(*) filter (where tier = 'RARE') as tier_rare,
    count(*) filter (where tier = 'LEGENDARY') as tier_legendary,
    count(*) filter (where tier = 'ULTIMATE') as tier_ultimate
"""
MOMENTS = f"""
    display_name,
    count(*) as total_moments,
    count(*) filter (where not is_locked) as unlocked_moments,
    count(*) filter (where is_locked) as locked_moments,
    {TIERS}
"""
VALUES = """
    coalesce(sum(lowest_ask_usd), 0) as floor_value,
    coalesce(sum(avg_sale_usd), 0) as asp_value
"""

REBUILT = {
    "wallet_summary_snapshot": f"""
        {HELD}
        select
            wallet_address,
            display_name,
            count(*) as moments_total,
            count(*) filter (where is_locked) as locked_count,
            count(*) filter (where not is_locked) as unlocked_count,
            {TIERS},
            {VALUES},
            count(*) filter (where lowest_ask_usd is not null or avg_sale_usd is not null) as priced_moments
        from held
        group by wallet_address, display_name
    """,
    "top_wallets_snapshot": f"""
        {HELD}
        select wallet_address, {MOMENTS} from collectors group by wallet_address, display_name
    """,
    "top_wallets_by_team_snapshot": f"""
        {HELD}
        select team_name, wallet_address, {MOMENTS} from collectors where team_name is not null
        group by team_name, wallet_address, display_name
    """,
    "top_wallets_by_tier_snapshot": f"""
        {HELD}
        select lower(tier) as tier, wallet_address, {MOMENTS} from collectors where tier is not null
        group by collectors.tier, wallet_address, display_name
    """,
    "top_wallets_by_value_snapshot": f"""
        {HELD}
        select wallet_address, display_name, count(*) as total_moments, {TIERS}, {VALUES}
        from collectors
        group by wallet_address, display_name
    """,
    "editions_snapshot": f"""
        with {EDITIONS},
        held as (
            select
                m.edition_id,
                count(*) as total_moments,
                min(m.serial_number) as min_serial,
                max(m.serial_number) as max_serial
            from raw.wallet_holdings as h
            join raw.nft_core_metadata as m on m.nft_id = h.nft_id
            group by m.edition_id
        )
        select
            e.*,
            coalesce(held.total_moments, 0) as total_moments,
            held.min_serial,
            held.max_serial,
            p.lowest_ask_usd,
            p.avg_sale_usd,
            p.top_sale_usd
        from editions as e
        left join held on held.edition_id = e.edition_id
        left join raw.edition_price_scrape as p on p.edition_id = e.edition_id
    """,
    "explorer_filters_snapshot": f"""
        with {EDITIONS},
        offered as (
            select 'players' as filter, trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')) as value
            from editions
            union select 'teams', team_name from editions
            union select 'series', series_name from editions
            union select 'sets', set_name from editions
            union select 'positions', position from editions
            union select 'tiers', tier from editions
        )
        select 1 as id, {", ".join(
            f"coalesce(jsonb_agg(value order by value) filter (where filter = '{name}'), '[]') as {name}"
            for name in ("players", "teams", "series", "sets", "positions", "tiers")
        )}
        from offered
        where value <> ''
    """,
}  # fmt: skip
TABLES = tuple(REBUILT)


def differences(connection: Connection[Any], schema: str = "public", tables: Sequence[str] = TABLES) -> dict[str, int]:
    """For each published table, how many rows are in it or in its rebuild but not in both."""
    return {table: difference(connection, table, REBUILT[table], schema) for table in tables}


def assert_equal(connection: Connection[Any], schema: str = "public", tables: Sequence[str] = TABLES) -> None:
    """Fail where a published table differs from its rebuild, and if all of them are empty."""
    wrong = {table: rows for table, rows in differences(connection, schema, tables).items() if rows}
    assert not wrong, f"rows that differ from a rebuild: {wrong}"
    filled = SQL("select exists (select from {})")
    names = [Identifier(schema, table) for table in tables if table != "explorer_filters_snapshot"]  # one row always
    assert any(connection.execute(filled.format(name)).fetchone() == (True,) for name in names), "no rows to compare"


def compared_columns(connection: Connection[Any], rebuilt: str) -> list[str]:
    """The columns that the rebuild says something of."""
    described = connection.execute(SQL("select * from ({}) as rebuilt limit 0").format(SQL(rebuilt))).description
    return [column.name for column in described or ()]


def difference(connection: Connection[Any], table: str, rebuilt: str, schema: str = "public") -> int:
    """How many rows are in the table or in its rebuild, a query, but not in both."""
    names = {
        "columns": SQL(", ").join(map(Identifier, compared_columns(connection, rebuilt))),
        "published": Identifier(schema, table),
        "rebuilt": SQL(rebuilt),
    }
    row = connection.execute(
        SQL(
            """
            with
            rebuilt as materialized ({rebuilt}),
            published as (select {columns} from {published})
            select count(*) from (
                (select {columns} from rebuilt except all select {columns} from published)
                union all
                (select {columns} from published except all select {columns} from rebuilt)
            ) as difference
            """
        ).format(**names)
    ).fetchone()
    assert row is not None
    return int(row[0])
