"""What was measured, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.variants import VARIANTS, Truncate

Figures = dict[str, Any]
TITLES = {variant.name: variant.title for variant in VARIANTS}
ROUTES = {
    "copy": "COPY of a sorted file (the limit)",
    "drain": "reading alone in one statement, written nowhere (the source's limit)",
    "insert_rows": "INSERT, a row each",
    "insert": "INSERT, 1,000 literal rows each",
    "dlt_stock": "dlt, `sql_table` with pyarrow, merge",
    "dlt_tuned": "dlt, Arrow chunks of one statement, Parquet, upsert",
    "ours": "this project, first load",
    "ours_incremental": "this project, 1 % moved",
    "upsert": "the bare INSERT … ON CONFLICT of those rows",
    "ours_full": "this project, all as a difference: 1 % moved, 1 % burned",
    "ours_reconcile": "this project, reconciling 10 altered and 10 burned rows",
    "ours_limited": "this project, first load at 2 statements/s, 0.5 s away",
}

REFRESH = """Seconds are database time, summed over all connections, VACUUM and ANALYZE included; "waited" is the time
of the caller, including the start of dbt. The ways take turns on one server, so that each finds in the buffers what the
others left there. Each begins after a checkpoint, so that every page it touches is written to the WAL in full. "Equal"
says whether all six snapshots equal those of TRUNCATE + INSERT; a way with a wrong result starts the next case from
a rebuild. A way that rebuilds does the same in every case and is measured once."""
SUMMARY = """Seconds in each case. "Wrong" is a result that differs from a rebuild, and stays different: `merge` keeps
rows of which nothing is left, `delete+insert` keeps wallets that have become empty."""
GROWTH = "Seconds of database time after 10,000 moments moved; for this project the median of three."
READERS = """Four readers run the site's queries in a loop, with 10 ms between them, during a refresh after 1 % of the
moments moved."""
API = """One process each on the same database, started in turns with an empty cache, and 16 connections of wrk:
requests a second, the median of three rounds (least to most), and the 99th percentile of the latency. The peer caches
rows in a `Map` for five minutes, whatever is refreshed meanwhile. A miss is a wallet or a leaderboard that was not
asked for before."""
CASES = {
    "wallet_hits": "a wallet, cached",
    "team_hits": "a team's first hundred, cached",
    "wallet_misses": "a wallet, not cached",
    "team_misses": "a team's first hundred, not cached",
}
LOAD = """From a stand-in for Snowflake, a server on this machine, into a table with its primary key. The rate is not
limited, except in the last row."""


ANALYTICS = """The columnar copy and Postgres take turns, each question three times: medians. Postgres has `work_mem`
512 MB, two parallel workers and fresh statistics."""


def summary(figures: Figures) -> str:
    """How long each way of refreshing takes, in each case."""
    cases = figures["refresh"]
    names = [name for name in TITLES if any(name in case for case in cases.values())]
    return table(
        ["seconds", *(case_title(case) for case in cases)],
        [[_bold(name, TITLES[name]), *(_seconds(case.get(name)) for case in cases.values())] for name in names],
    )


def comparison(figures: Figures) -> str:
    """The ways of refreshing beside each other in one case, for the README."""
    case, readers = figures["refresh"]["moved_1pct"], figures["readers"]
    rows = [
        [
            _bold(name, TITLES[name]),
            _number(way["seconds"]),
            "yes" if way["equal"] else "**no**",
            f"{readers[name]['max_ms']:,.0f}",
        ]
        for name, way in case.items()
    ]
    return table(["way", "refresh, s", "equals a rebuild", "longest read meanwhile, ms"], rows)


def longest_reads(figures: Figures) -> str:
    """The longest time that a reader waits during a refresh."""
    truncate, ours = (figures["readers"][name]["max_ms"] / 1000 for name in (Truncate.name, "ours"))
    return f"A reader meanwhile waits up to {truncate:.0f} s under TRUNCATE + INSERT, and {ours:.1f} s here."


def document(figures: Figures) -> str:
    """All of it."""
    parts = [part(figures) for name, part in PARTS.items() if name in figures]
    return "\n\n".join(["# What was measured", _machine(figures), *parts]) + "\n"


def _machine(figures: Figures) -> str:
    machine = figures["machine"]
    settings = ", ".join(f"{name} {value}" for name, value in machine["settings"].items())
    packages = ", ".join(f"{name} {value}" for name, value in machine["packages"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB; PostgreSQL {machine['postgres']}"
        f" ({settings}); Python {machine['python']}, {packages}."
    )


def _refresh(figures: Figures) -> str:
    rows = [
        [
            case_title(case) if name == next(iter(ways)) else "",
            _bold(name, TITLES[name]),
            _number(way["seconds"]),
            _number(ways[Truncate.name]["seconds"] / way["seconds"]),
            *(_number(way[key]) for key in ("maintenance_seconds", "wall_seconds")),
            _number(way["wal_bytes"] / 1e6),
            f"{way['dead_tuples']:,}",
            "yes" if way["equal"] else "**no**",
        ]
        for case, ways in figures["refresh"].items()
        for name, way in ways.items()
    ]
    readers = f"{longest_reads(figures)} " if "readers" in figures else ""  # a run that was cut short has none
    short = f"{SUMMARY}\n\n{summary(figures)}\n\n{readers}All figures:"
    head = ["changed", "way", "seconds", "times faster", "VACUUM s", "waited s", "WAL MB", "dead rows", "equal"]
    return (
        _part(figures, "refresh", REFRESH, f"{short}\n\n{table(head, rows)}")
        + f"\n\nNot measured: {_missing(figures, 'pg_ivm')}"
    )


def _growth(figures: Figures) -> str:
    names = [Truncate.name, "ours"]
    sizes = sorted((int(held), row) for held, row in figures["growth"].items())
    rows = [[f"{held:,}", *(_number(row[name]) for name in names)] for held, row in sizes]
    return _part(figures, "growth", GROWTH, table(["held", *map(TITLES.__getitem__, names)], rows))


def _readers(figures: Figures) -> str:
    titles = {"idle": "nothing runs"} | TITLES
    rows = [
        [
            _bold(name, titles[name]),
            *(_number(row[key]) for key in ("p50_ms", "p99_ms", "max_ms")),
            *(f"{row[key]:,}" for key in ("reads", "errors", "empty")),
        ]
        for name, row in figures["readers"].items()
    ]
    head = ["while", "p50 ms", "p99 ms", "longest ms", "reads", "errors", "empty"]
    return _part(figures, "readers", READERS, table(head, rows))


def _load(figures: Figures) -> str:
    rows = [
        [_bold(name, ROUTES[name]), f"{row['rows_per_s']:,}", _number(row["seconds"]), f"{row['peak_mb']:,.0f}"]
        for name in ROUTES
        if "rows_per_s" in (row := figures["load"].get(name, {}))
    ]
    missing = "; ".join(f"{name}, {row['missing']}" for name, row in figures["load"].items() if "missing" in row)
    tables = table(["way", "rows/s", "seconds", "peak MB"], rows)
    return _part(figures, "load", LOAD, tables) + f"\n\nNot measured: {missing}."


def _analytics(figures: Figures) -> str:
    found, questions = figures["analytics"], figures["analytics"].get("questions", {})
    first, syncs = found["first"], found.get("syncs", [])
    rows = [
        [name.replace("_", " "), f"{row['postgres']:.3f}", f"{row['copy']:.3f}", _number(row["postgres"] / row["copy"])]
        for name, row in questions.items()
    ]
    ratios = sorted(row["postgres"] / row["copy"] for row in questions.values())
    copied = sum(first["rows"].values())
    rate = copied / first["seconds"]
    said = (
        f"- first copy: {copied:,} rows in {_number(first['seconds'])} s, {rate:,.0f} rows/s, with"
        f" {first['peak_mib']:,} MiB of memory"
    )
    if questions:
        seconds = ", ".join(f"{one['seconds']:.2f}" for one in syncs)
        share = 100 * found["copy_bytes"] / found["postgres_bytes"]
        said += (
            f"\n- syncs after 0.1 % of the moments moved: {seconds} s"
            f"\n- size: {found['copy_bytes'] / 1e6:,.1f} MB, {share:.1f} % of Postgres's"
            f" {found['postgres_bytes'] / 1e6:,.0f} MB"
            f"\n- questions: {_number(ratios[len(ratios) // 2])} times faster in the median, from {_number(ratios[0])}"
            f" to {_number(ratios[-1])}"
        )
    head = ["question", "Postgres, s", "copy, s", "times faster"]
    return _part(figures, "analytics", ANALYTICS, f"{said}\n\n{table(head, rows)}")


def _api(figures: Figures) -> str:
    found = figures["api"]
    if "missing" in found:
        return _part(figures, "api", API, f"Not measured: {found['missing']}.")
    rows = []
    for case, title in CASES.items():
        ours, peer = found[case]["ours"], found[case].get("node", [])
        times = [_number(_median(ours, "per_s") / _median(peer, "per_s"))] if peer else [""]
        p99 = [_number(_median(way, "p99_ms")) if way else "" for way in (ours, peer)]
        rows.append([title, _spread(ours), _spread(peer) if peer else "", *times, *p99])
    head = ["asked", "this API, /s", "Node, Express and a Map, /s", "times", "p99 ms", "its p99 ms"]
    parts = [table(head, rows)]
    if found["peer"]:
        parts.append(f"The peer is not measured: {found['peer']}.")
    if "refresh" in found:
        idle, during = (found["refresh"][when] for when in ("idle", "during"))
        parts.append(
            f"A client that asks for {idle['per_s']:,} wallets a second waits {_number(idle['p99_ms'])} ms at the 99th"
            f" percentile while nothing runs, and {_number(during['p99_ms'])} ms during a refresh after 1 % of the"
            " moments moved, wallets that are read again included."
        )
    return _part(figures, "api", API, "\n\n".join(parts))


def _median(rounds: Sequence[Figures], name: str) -> float:
    return float(median(found[name] for found in rounds))


def _spread(rounds: Sequence[Figures]) -> str:
    rates = [found["per_s"] for found in rounds]
    return f"{median(rates):,.0f} ({min(rates):,} to {max(rates):,})"


def _part(figures: Figures, name: str, what: str, found: str) -> str:
    run = figures["runs"][name]
    picture = "" if name in {"load", "analytics", "api"} else f"\n\n![{name}]({name}.png)"
    title = {"api": "API"}.get(name, name.title())
    return f"## {title}\n\n{what}\n\nAt {run['held']:,} held moments, on {run['on']}:\n\n{found}{picture}"


PARTS = {
    "refresh": _refresh,
    "growth": _growth,
    "readers": _readers,
    "load": _load,
    "analytics": _analytics,
    "api": _api,
}


def case_title(case: str) -> str:
    """`moved_0.1pct` in words."""
    what, _, share = case.partition("_")
    return f"{share.removesuffix('pct')} % {what}" if share else what


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown, numbers to the right."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ruler, *rows])


def _missing(figures: Figures, name: str) -> str:
    return f"{name}, {figures['missing'][name]}."


def _seconds(row: Figures | None) -> str:
    if row is None:
        return ""
    return _number(row["seconds"]) + ("" if row["equal"] else " (wrong)")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"  # noqa: PLR2004


def _bold(name: str, title: str) -> str:
    return f"**{title}**" if name.startswith("ours") else title
