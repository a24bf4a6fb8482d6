"""The steps behind the commands: load the sources, build the models."""

from __future__ import annotations

from pathlib import Path

from rich.progress import Progress

from python_runner import dbt, raw
from python_runner.load import Loaded, load_from_file, load_from_snowflake
from python_runner.postgres import Pool, open_pool, translated
from python_runner.report import SourceMeter
from python_runner.settings import PostgresSettings, SnowflakeSettings
from python_runner.sources import Source, read_sources


def load(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    sources: list[Source],
    bar: Progress,
    *,
    full: bool = False,
) -> list[Loaded]:
    """Load the sources from Snowflake, one after the other, in the declared order."""
    from python_runner.snowflake import Snowflake  # noqa: PLC0415  importing the connector takes a second

    with open_pool(postgres) as pool, Snowflake(warehouse, on_retry=bar.console.print) as snowflake:
        _create_tables(pool)
        return [
            load_from_snowflake(pool, snowflake, source, full=full, meter=SourceMeter(bar, source.name))
            for source in sources
        ]


def load_file(postgres: PostgresSettings, source: Source, path: Path, bar: Progress, *, full: bool = False) -> Loaded:
    """Load one source from a file."""
    with open_pool(postgres) as pool:
        _create_tables(pool)
        return load_from_file(pool, source, path, full=full, meter=SourceMeter(bar, source.name))


def build(postgres: PostgresSettings, bar: Progress, *, full_refresh: bool = False) -> dbt.Built:
    """`dbt build`, node by node on the bar.

    Without the unit tests, whose inputs are fixed: they are for CI. The tests that join everything anew come
    with a full refresh alone: an ordinary one should cost what changed.
    """
    task = bar.add_task("dbt build", total=None, detail="parsing")

    def on_node(name: str, total: int | None) -> None:
        if total:
            bar.update(task, total=total)
        else:
            bar.update(task, advance=1, detail=name)

    kind = ["--full-refresh"] if full_refresh else ["--exclude", "tag:reconcile"]
    return dbt.build(postgres, "--exclude-resource-type", "unit_test", *kind, on_node=on_node)


def _create_tables(pool: Pool) -> None:
    with translated(), pool.connection() as connection:
        raw.create_tables(connection, list(read_sources().values()))
