"""What happens to the loaded tables between two refreshes, logged as the loader logs it."""

from __future__ import annotations

from python_runner.postgres.pool import Connection

# The wallets of the moved moments go round among them.
MOVE = """
with batch as (
    insert into raw.load_batches (batch_id, source, mode, baseline, started_at, rows_fetched, rows_rejected)
    select 1 + max(batch_id), 'wallet_holdings', 'incremental', false, now(), 0, 0 from raw.load_batches
    returning batch_id
),
moved as (
    select
        h.*,
        lead(wallet_address) over (order by hashint8(nft_id + batch.batch_id)) as receiver,
        batch.batch_id as batch
    from raw.wallet_holdings as h, batch
    where hashint8(nft_id * 7 + batch.batch_id)::bigint + 2147483648 < 4294967296 * %(share)s
),
logged as (
    insert into raw.wallet_holdings_changes (batch_id, weight, nft_id, wallet_address, is_locked, last_event_ts)
    select batch, weight, nft_id, holder, is_locked, event_ts
    from moved
    cross join lateral (
        values (-1, moved.wallet_address, moved.last_event_ts), (1, moved.receiver, now())
    ) as side (weight, holder, event_ts)
    where receiver is not null
    order by nft_id
)
update raw.wallet_holdings as h
set wallet_address = receiver, last_event_ts = now(), batch_id = batch
from moved
where moved.nft_id = h.nft_id and receiver is not null
"""
REPRICE = """
with batch as (
    insert into raw.load_batches (batch_id, source, mode, baseline, started_at, rows_fetched, rows_rejected)
    select 1 + max(batch_id), 'edition_price_scrape', 'incremental', false, now(), 0, 0 from raw.load_batches
    returning batch_id
),
priced as (
    select p.*, batch.batch_id as batch, lowest_ask_usd + 1 as ask, round(avg_sale_usd * 1.01, 2) + 0.01 as sale
    from raw.edition_price_scrape as p, batch
    where hashtext(edition_id || batch.batch_id)::bigint + 2147483648 < 4294967296 * %(share)s
),
logged as (
    insert into raw.edition_price_scrape_changes
        (batch_id, weight, edition_id, lowest_ask_usd, avg_sale_usd, top_sale_usd)
    select batch, -1, edition_id, lowest_ask_usd, avg_sale_usd, top_sale_usd from priced
    union all
    select batch, 1, edition_id, ask, sale, top_sale_usd from priced
)
update raw.edition_price_scrape as p
set lowest_ask_usd = ask, avg_sale_usd = sale, batch_id = batch
from priced
where priced.edition_id = p.edition_id
"""


def move(connection: Connection, share: float) -> None:
    """That share of the held moments changes hands."""
    if share:
        connection.execute(MOVE, {"share": share})
        connection.execute("analyze raw.wallet_holdings_changes")


def reprice(connection: Connection, share: float) -> None:
    """That share of the editions gets another price."""
    if share:
        connection.execute(REPRICE, {"share": share})
        connection.execute("analyze raw.edition_price_scrape_changes")


def last_batch(connection: Connection) -> int:
    """The newest load there is."""
    return int((connection.execute("select max(batch_id) from raw.load_batches").fetchone() or (0,))[0])
