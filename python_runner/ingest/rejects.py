"""Records rows that cannot be loaded with their reason, and refuses a load that has too many of them."""

from __future__ import annotations

from python_runner.errors import RunnerError
from python_runner.ingest.load_plan import StagedCounts
from python_runner.postgres.pool import Connection
from python_runner.sources import Source

# A load of any size may have this many new rejects.
ALWAYS_ALLOWED = 3


class TooManyRejectsError(RunnerError):
    """The load has too many rejects and was not applied."""


def record_rejects(connection: Connection, source: Source, batch_id: int | None) -> int:
    """Record each rejected row and reason of the staged pages once. Returns the number of rejects new to this batch."""
    connection.execute(
        """
        insert into raw.rejected_rows as known (source, reason, batch_id, "row", loaded)
        select distinct on (reason, md5("row"::text)) source, reason, %s::bigint, "row", loaded
        from raw.load_pages, jsonb_to_recordset(dirt) as entry (reason text, "row" jsonb, loaded boolean)
        where source = %s
        on conflict (source, reason, md5("row"::text)) do update set batch_id = excluded.batch_id
        where known.batch_id is null and excluded.batch_id is not null
        """,
        (batch_id, source.name),
    )
    (new,) = connection.execute(
        "select count(*) from raw.rejected_rows where source = %s and batch_id = %s and not loaded",
        (source.name, batch_id),
    ).fetchone()  # type: ignore[misc]
    return int(new)


def enforce_reject_limit(connection: Connection, source: Source, staged: StagedCounts, *, new: int) -> None:
    """TooManyRejectsError if the share of new rejects is above the source's `reject_limit`."""
    if new <= max(ALWAYS_ALLOWED, source.reject_limit * staged.fetched):
        return
    (reason,) = connection.execute(
        """
        select entry ->> 'reason' from raw.load_pages, jsonb_array_elements(dirt) as entry
        where source = %s and not (entry ->> 'loaded')::boolean
        order by page limit 1
        """,
        (source.name,),
    ).fetchone()  # type: ignore[misc]
    raise TooManyRejectsError(
        f"{source.name}: {new:,} of {staged.fetched:,} rows cannot be loaded ({reason}), above the reject_limit of"
        f" {source.reject_limit:.1%}: nothing was applied; see raw.rejected_rows, and fix the source or its declaration"
    )
