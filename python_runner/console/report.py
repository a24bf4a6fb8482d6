"""Prints the results of a command: tables for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # `status` needs neither Arrow nor dbt
    from python_runner.analytics.after_run import CopyResult
    from python_runner.analytics.sync import SyncResult
    from python_runner.ingest.load import LoadResult
    from python_runner.ingest.reconcile import Preview
    from python_runner.ingest.transfer import Transfer
    from python_runner.postgres.diagnostics import Finding
    from python_runner.transform.dbt_build import BuildResult

WIDTH = 140  # the tables need it; a narrower terminal wraps the lines
UNLIMITED = 10_000  # a pipe or a file has no width: cells are not shortened

console = Console(highlight=False)
console.width = max(console.width, WIDTH) if console.is_terminal else UNLIMITED


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(value, sys.stdout, default=_plain, indent=2)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def print_rows(title: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a table whose header is the keys of the first row."""
    rows = list(rows)
    if title:
        console.print(title, style="bold", markup=False)
    table = Table(header_style="dim", box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        numeric = all(isinstance(row[name], (int, float, Decimal)) or row[name] is None for row in rows)
        table.add_column(Text(name.replace("_", " ")), justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cell(name, value)) for name, value in row.items()))
    console.print(table if rows else "nothing")
    console.print()


def print_results(
    loaded: list[LoadResult], built: BuildResult | None, copied: CopyResult | None = None, *, as_json: bool
) -> None:
    """Print what a command loaded and, if it did, what it built and what it copied for analytics."""
    if as_json:
        print_json({"loaded": loaded, "built": built} | ({"analytics": copied} if copied else {}))
        return
    print_loads(loaded)
    if built:
        print_build(built)
    if copied:
        if copied.synced:
            print_sync(copied.synced)
        if copied.warning:
            console.print(f"warning: {copied.warning}", style="yellow", markup=False)


def print_sync(synced: SyncResult) -> None:
    """Print what a sync appended to the columnar copy, and why it compared whole tables."""
    for name, reason in synced.compared.items():
        console.print(f"{name} was compared: {reason}", markup=False)
    if synced.waiting:
        console.print(f"nothing was synced: {synced.waiting}", markup=False)
    elif synced.rows:
        rows = ", ".join(f"{count:,} {name}" for name, count in synced.rows.items())
        console.print(f"refresh {synced.refresh}: {rows} in {synced.seconds:.2f} s", markup=False)
    else:
        console.print(f"nothing is new since refresh {synced.refresh}")


def print_loads(loaded: Iterable[LoadResult]) -> None:
    """Print what each load fetched and changed."""
    print_rows(
        "loaded",
        [
            {
                "source": one.source,
                "load": one.mode,
                "rows": one.rows_fetched,
                "inserted": one.rows_inserted,
                "updated": one.rows_updated,
                "deleted": one.rows_deleted,
                "rejected": one.rows_rejected,
                "nulled": one.rows_nulled,
                "seconds": one.seconds,
                "rows/s": round(one.rows_fetched / one.seconds),
                "retries": one.retries,
                "waited s": one.waited_seconds,
            }
            for one in loaded
        ],
    )


def print_previews(previews: Iterable[Preview], *, as_json: bool) -> None:
    """Print what a reconciliation would change, and the first changed rows of each source."""
    previews = list(previews)
    if as_json:
        print_json({"would_change": previews})
        return
    print_rows(
        "would change",
        [
            {
                "source": one.source,
                "rows": one.rows_fetched,
                "insert": one.rows_inserted,
                "update": one.rows_updated,
                "delete": one.rows_deleted,
                "rejected": one.rows_rejected,
                "nulled": one.rows_nulled,
            }
            for one in previews
        ],
    )
    for one in previews:
        if one.first:
            print_rows(f"{one.source}: the first {len(one.first)} rows", map(_change, one.first))


def _change(row: Mapping[str, Any]) -> dict[str, Any]:
    was, becomes = row["was"] or {}, row["becomes"] or {}
    differing = [name for name in was | becomes if not (was and becomes) or was[name] != becomes[name]]
    parts = [f"{name}: {' → '.join(str(side[name]) for side in (was, becomes) if side)}" for name in differing]
    return {"change": row["change"], "key": str(row["key"]), "columns": ", ".join(parts)}


def print_findings(findings: Iterable[Finding], *, as_json: bool) -> None:
    """Print the result of each diagnostic query and how to read it."""
    if as_json:
        print_json({finding.name: finding.rows for finding in findings})
        return
    for finding in findings:
        console.print(finding.name.replace("_", " "), style="bold")
        console.print(finding.how_to_read, style="dim", markup=False)
        print_rows("", finding.rows)


def print_build(built: BuildResult) -> None:
    """Print how many nodes of each type dbt built, and its warnings."""
    nodes = ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in sorted(built.nodes.items()))
    console.print(f"built {nodes.replace('_', ' ')} in {built.seconds:.1f} s")
    for warning in built.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False)


def print_moved(built: BuildResult, transferred: list[Transfer], taken: BuildResult, *, as_json: bool) -> None:
    """Print how the published tables were built on Snowflake, what travelled, and how Postgres took it over."""
    if as_json:
        print_json({"on_snowflake": built, "transferred": transferred, "on_postgres": taken})
        return
    print_build(built)
    rows = [{"table": one.table, "rows": one.rows, "seconds": one.seconds} for one in transferred]
    print_rows("from Snowflake", rows)
    print_build(taken)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "bytes":
        return f"{value / 2**20:,.1f} MiB"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value))
