"""Rows that cannot be loaded are kept with their reason; a source that sends too many of them is refused."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from python_runner.clean import Dirt, dumps
from python_runner.errors import RunnerError
from python_runner.plan import Staged
from python_runner.postgres import Connection
from python_runner.sources import Source

# So few are dirt, however small the load.
A_FEW = 3


class TooManyRejectsError(RunnerError):
    """A load with too many rejects; nothing of it is applied."""


def note_dirt(connection: Connection, source: Source, batch_id: int | None, dirt: Sequence[Dirt]) -> int:
    """Record each row and reason once; returns how many rejects no applied load has met before."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into raw.rejected_rows as known (source, reason, batch_id, "row", loaded)
            values (%s, %s, %s, %s, %s)
            on conflict (source, reason, md5("row"::text)) do update set batch_id = excluded.batch_id
            where known.batch_id is null and excluded.batch_id is not null
            """,
            [(source.name, d.reason, batch_id, Jsonb(d.row, dumps=dumps), d.loaded) for d in dirt],
        )
    (new,) = connection.execute(
        "select count(*) from raw.rejected_rows where source = %s and batch_id = %s and not loaded",
        (source.name, batch_id),
    ).fetchone()  # type: ignore[misc]
    return int(new)


def refuse_dirt(source: Source, staged: Staged, *, new: int) -> None:
    """TooManyRejectsError where the share of new rejects is above the source's `reject_limit`."""
    if new <= max(A_FEW, source.reject_limit * staged.fetched):
        return
    first = next(dirt.reason for dirt in staged.dirt if not dirt.loaded)
    raise TooManyRejectsError(
        f"{source.name}: {new:,} of {staged.fetched:,} rows cannot be loaded ({first}), above the reject_limit of"
        f" {source.reject_limit:.1%}: nothing was applied; see raw.rejected_rows, mend the source or its declaration"
    )
