"""What a refresh of the copy knows: when it was made, and how far it has read each changelog of which database."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb

from python_runner.analytics.folder import FROM_SCRATCH, Engine, refreshes, write_parquet
from python_runner.analytics.tables import quote
from python_runner.errors import RunnerError

FILE = "refresh.parquet"


@dataclass(frozen=True)
class Origin:
    """The database that is copied. Another one is refused."""

    system_identifier: str
    database: str
    schema: str

    def __str__(self) -> str:
        return f"database {self.database!r}, schema {self.schema!r}, server {self.system_identifier}"


@dataclass(frozen=True)
class Place:
    """How far a changelog has been read, and what tells whether reading can go on from there.

    `files` changes when it is truncated: its steps can then have the numbers that others had.
    """

    relation: str
    position: int
    least: int | None
    files: str = ""


@dataclass(frozen=True)
class State:
    """The state after a refresh.

    `incarnation` changes when the server is restarted, as it is to restore a backup, or the database is created again.
    `merged` is the number of refreshes that compaction has left, up to the number `merged_upto`.
    """

    origin: Origin
    incarnation: str
    places: dict[str, Place]
    names: int
    merged: int = 0
    merged_upto: int = 0


@dataclass(frozen=True)
class Refresh:
    """A refresh of the copy."""

    number: int
    synced_at: str
    state: State
    rows: dict[str, int] = field(default_factory=dict)

    def write(self, connection: Engine, folder: Path) -> None:
        """Write it to a directory, as one row."""
        rows = ", ".join(f"{count}::bigint as {name}_rows" for name, count in self.rows.items())
        state = quote(json.dumps(asdict(self.state)))
        row = f"select timestamp {quote(self.synced_at)} as synced_at, {rows}, {state} as state"
        write_parquet(connection, row, folder / FILE)


def scan(history: Path) -> str:
    """SQL that reads every refresh of a history."""
    files = quote(history / "refresh=*" / FILE)
    return f"read_parquet({files}, hive_partitioning = true, hive_types = {{'refresh': bigint}})"


def last_refresh(connection: Engine, history: Path) -> Refresh:
    """The newest refresh. RunnerError if it cannot be read, or if one before it is missing."""
    numbers = refreshes(history)
    if not numbers:
        raise RunnerError(f"the copy has no refresh in {history}: {FROM_SCRATCH}")
    refresh = read(connection, history / f"refresh={numbers[-1]}")
    kept, upto = refresh.state.merged, refresh.state.merged_upto
    if len([n for n in numbers if n <= upto]) != kept or len(numbers) - kept != refresh.number - upto:
        raise RunnerError(
            f"refreshes are missing in {history}: it has {len(numbers)} of {kept + refresh.number - upto}. Put them"
            f" back, or {FROM_SCRATCH}"
        )
    return refresh


def read(connection: Engine, folder: Path) -> Refresh:
    """The refresh in a directory."""
    try:
        row = connection.execute(
            f"select synced_at::varchar as synced_at, * exclude (synced_at)"
            f" from read_parquet({quote(folder / FILE)}, hive_partitioning = false)"
        )
        names = [column[0] for column in row.description]
        found = dict(zip(names, row.fetchone() or (), strict=True))
        state = json.loads(found.pop("state"))
        origin = Origin(**state.pop("origin"))
        places = {name: Place(**place) for name, place in state.pop("places").items()}
        return Refresh(
            number=int(folder.name.partition("=")[2]),
            synced_at=found.pop("synced_at"),
            state=State(origin=origin, places=places, **state),
            rows={name.removesuffix("_rows"): count for name, count in found.items()},
        )
    except (duckdb.Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunnerError(
            f"the copy is damaged, or of another version: {folder / FILE} cannot be read. {FROM_SCRATCH}"
        ) from error
