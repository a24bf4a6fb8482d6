"""The steps behind the commands: load the sources, build the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from python_runner import dbt, raw
from python_runner.drift import check_columns
from python_runner.load import Loaded, load_from_file, load_from_snowflake
from python_runner.postgres import Pool, open_pool
from python_runner.progress import Narrator, SourceMeter, step
from python_runner.reconcile import Preview, preview, reconcile
from python_runner.settings import PostgresSettings, SnowflakeSettings
from python_runner.sources import Source, read_sources

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake import Snowflake

How = Literal["ordinary", "full", "reconcile"]


def load(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    sources: list[Source],
    narrator: Narrator,
    *,
    how: How = "ordinary",
) -> list[Loaded]:
    """Load the sources from Snowflake, one after the other, in the declared order."""

    def load_one(pool: Pool, snowflake: Snowflake, source: Source) -> Loaded:
        meter = SourceMeter(narrator, source.name, lambda: snowflake.waited_seconds)
        begin, retries, waited = perf_counter(), snowflake.retries, snowflake.waited_seconds
        if how == "reconcile":
            loaded = reconcile(pool, snowflake, source, meter=meter)
        else:
            loaded = load_from_snowflake(pool, snowflake, source, full=how == "full", meter=meter)
        loaded = replace(
            loaded,
            seconds=perf_counter() - begin,
            retries=snowflake.retries - retries,
            waited_seconds=round(snowflake.waited_seconds - waited, 3),
        )
        narrator.tell("loaded", **asdict(loaded))
        return loaded

    with _opened(postgres, warehouse, sources, narrator) as (pool, snowflake):
        return [load_one(pool, snowflake, source) for source in sources]


def preview_reconcile(
    postgres: PostgresSettings, warehouse: SnowflakeSettings, sources: list[Source], narrator: Narrator
) -> list[Preview]:
    """What reconciling would change."""
    with _opened(postgres, warehouse, sources, narrator) as (pool, snowflake):
        return [
            preview(
                pool,
                snowflake,
                source,
                meter=SourceMeter(narrator, source.name, lambda: snowflake.waited_seconds),
            )
            for source in sources
        ]


def load_file(
    postgres: PostgresSettings, source: Source, pages: Iterable[pa.Table], narrator: Narrator, *, full: bool = False
) -> Loaded:
    """Load one source from the pages of a file."""
    with open_pool(postgres) as pool:
        _create_tables(pool)
        loaded = load_from_file(pool, source, pages, full=full, meter=SourceMeter(narrator, source.name))
    narrator.tell("loaded", **asdict(loaded))
    return loaded


def build(postgres: PostgresSettings, narrator: Narrator, *, full_refresh: bool = False) -> dbt.Built:
    """`dbt build`, told node by node.

    Without the unit tests, whose inputs are fixed: they are for CI. The tests that join everything anew come
    with a full refresh alone: an ordinary one should cost what changed.
    """

    def on_node(name: str, total: int | None) -> None:
        if total:
            narrator.tell("planned", total=total)
        else:
            narrator.tell("node", name=name)

    kind = ["--full-refresh"] if full_refresh else ["--exclude", "tag:reconcile"]
    with step(narrator, "dbt build"):
        return dbt.build(postgres, "--exclude-resource-type", "unit_test", *kind, on_node=on_node)


@contextmanager
def _opened(
    postgres: PostgresSettings, warehouse: SnowflakeSettings, sources: list[Source], narrator: Narrator
) -> Iterator[tuple[Pool, Snowflake]]:
    from python_runner.snowflake import Snowflake  # noqa: PLC0415  importing the connector takes a second

    def say(text: str) -> None:
        narrator.tell("message", text=text)

    with open_pool(postgres) as pool, Snowflake(warehouse, on_retry=say) as snowflake:
        check_columns(snowflake, sources, warn=say)
        _create_tables(pool)
        yield pool, snowflake


def _create_tables(pool: Pool) -> None:
    pool.persist(lambda connection: raw.create_tables(connection, list(read_sources().values())))
