"""A synthetic collection with the distributions and the invalid rows of the real one, as a DuckDB file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from python_runner.data_types import Kind
from python_runner.demo.sample_sql import COUNTS, SCRIPTS
from python_runner.errors import RunnerError
from python_runner.sources import Source, read_sources

DATABASE = "ALLDAY"
SCHEMA = "PUBLIC"

FULL_MOMENTS = 9_540_000
FULL_HELD = 6_100_000
FULL_WALLETS = 120_000


@dataclass(frozen=True)
class Scale:
    """The number of moments; everything else is proportional to the real collection."""

    moments: int

    @property
    def held(self) -> int:
        """The number of moments that wallets hold. The others are in packs, or burned."""
        return round(self.moments * FULL_HELD / FULL_MOMENTS)

    @property
    def wallets(self) -> int:
        """The number of distinct wallets, including the two system wallets."""
        return max(round(self.moments * FULL_WALLETS / FULL_MOMENTS), 10)

    @property
    def share(self) -> float:
        """This scale as a fraction of the real one."""
        return self.moments / FULL_MOMENTS


TYPES: dict[Kind, str] = {
    "text": "varchar",
    "smallint": "bigint",
    "integer": "bigint",
    "bigint": "bigint",
    "numeric": "double",
    "real": "double",
    "double precision": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
}

SMALL = Scale(100_000)
FULL = Scale(FULL_MOMENTS)


@dataclass(frozen=True)
class SampleSize:
    """The row counts of the sample. `held` includes duplicates and invalid rows."""

    editions: int
    moments: int
    metadata: int
    held: int
    wallets: int
    pairs: int
    prices: int
    profiles: int


def create_table(source: Source) -> str:
    """A statement that DuckDB and Snowflake read: it creates the table of a source if there is none."""
    columns = ", ".join(f"{column.snowflake_name.upper()} {TYPES[column.kind]}" for column in source.columns)
    return f"create table if not exists {source.snowflake_table.upper()} ({columns})"


def generate(path: Path, scale: Scale = SMALL, seed: int = 1) -> SampleSize:
    """Write the sample to `path`, replacing an existing file. The same seed and scale give the same rows.

    A declared source that the sample does not know becomes an empty table.

    The stand-in serves the file as the Snowflake database of the same name, so the name must be `ALLDAY.db`.
    """
    variables: dict[str, float] = {
        "seed": seed,
        "moments": scale.moments,
        "held": scale.held,
        "wallets": scale.wallets,
    }
    variables |= {"share": scale.share, "breadth": scale.share**0.5}
    unfinished = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(unfinished), config={"threads": 2, "memory_limit": "600MB"}) as db:
            db.execute("set enable_progress_bar = false")
            for name, value in variables.items():
                db.execute(f"set variable {name} = {value!r}::{'bigint' if isinstance(value, int) else 'double'}")
            db.execute("set preserve_insertion_order = false")
            db.execute(f"create schema {SCHEMA}; set schema = '{SCHEMA}'")
            for script in SCRIPTS:
                db.execute(script)
            for source in read_sources().values():
                db.execute(create_table(source))
            counts = db.execute(COUNTS).fetchone()
    except duckdb.Error as exc:
        unfinished.unlink(missing_ok=True)
        raise RunnerError(f"the sample could not be written to {path}: {exc}") from exc
    # DuckDB would replay the WAL of the replaced file into the new one.
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    unfinished.replace(path)
    return SampleSize(*(counts or ()))
