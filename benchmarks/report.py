"""What was measured, as tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.growth import CALM
from benchmarks.refresh import REBUILT_IN
from benchmarks.variants import VARIANTS, JoinOnce, Ours, Truncate

Figures = dict[str, Any]
TITLES = {variant.name: variant.title for variant in VARIANTS}
REBUILDS = {variant.name for variant in VARIANTS if variant.rebuilds}
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
others left there. Each begins after a checkpoint, so that every page it touches is written to the WAL in full. What was
measured in several turns, each after another change, has the median, and the least and the most beside it. "Equal" says
whether all six snapshots equal a rebuild, compared when all turns have been measured that lie between two rebuilds; a
way that is no rebuild, and not this project, starts from a copy of one. A way that rebuilds does the same in every
case. "From one join" is a rebuild as one would write it by hand: a temporary table with the join, and the six
aggregates from it."""
SUMMARY = """Seconds in each case. "Wrong" is a result that differs from a rebuild, and stays different: `merge` keeps
rows of which nothing is left, `delete+insert` keeps wallets that have become empty."""
CHECKPOINT = """This project in turns with and without a checkpoint right before: without it, pages that were written
since the last one are not written in full again."""
GROWTH = """Seconds of database time after 10,000 moments moved; for this project the median (least to most), with and
without a checkpoint right before. 20 million are measured apart, by `make bench ARGS="--scale 20m"`."""
START = """Seconds of the build step, its tests included, where nothing has changed: in a new process from its start to
its end, and in the process that a worker keeps."""
STARTS = {
    "cold": "a new process, nothing parsed before",
    "cold_parsed": "a new process, the project parsed before",
    "warm": "the worker's process",
}
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
limited, except in the last row of this project. A slow way reads a part of the rows."""
ANALYTICS = """The columnar copy and Postgres take turns, each question three times: the median (least to most).
Postgres has `work_mem` 512 MB, two parallel workers and fresh statistics."""


def turns(row: Figures) -> list[float]:
    """The seconds of all turns."""
    return list(row.get("turns", [row["seconds"]]))


def turns_of(figures: Figures, name: str, case: str = REBUILT_IN) -> list[float]:
    """Those of a way in a case, or in all if it rebuilds; none where it was not measured."""
    cases = figures["refresh"].values() if name in REBUILDS else [figures["refresh"].get(case, {})]
    return [seconds for ways in cases if name in ways for seconds in turns(ways[name])]


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
    case, readers = figures["refresh"][REBUILT_IN], figures["readers"]
    rows = [
        [
            _bold(name, TITLES[name]),
            _median(turns_of(figures, name)),
            _spread(turns_of(figures, name)),
            "yes" if case[name]["equal"] else "**no**",
            f"{readers[name]['max_ms']:,.0f}" if name in readers else "",
        ]
        for name in TITLES
        if name in case
    ]
    head = ["way", "refresh, s", "least to most", "equals a rebuild", "longest read meanwhile, ms"]
    run, cores = figures["runs"]["refresh"], figures["machine"]["cores"]
    return (
        f"after 1 % of {_moments(run['held'])} held moments have moved, on {cores} cores, in"
        " seconds of database time ([all cases, readers, growth, loading](benchmarks/results.md)):"
        f"\n\n{table(head, rows)}\n"
    )


def claim(figures: Figures) -> str:
    """How fast a refresh is, for the README."""
    ours = median(turns_of(figures, Ours.name))
    times = [
        f"{_number(median(taken) / ours)} times faster than {what}"
        for name, what in ((Truncate.name, TITLES[Truncate.name]), (JoinOnce.name, "a rebuild that joins once"))
        if (taken := turns_of(figures, name))
    ]
    held = _moments(figures["runs"]["refresh"]["held"])
    return (
        f"A refresh after 1 % of {held} held moments have moved takes {_number(ours)} s of database time:"
        f" {', '.join(times)}.\n{longest_reads(figures)}"
    )


def longest_reads(figures: Figures) -> str:
    """The longest time that a reader waits during a refresh."""
    readers = figures["readers"]
    rebuild = next(name for name in (Truncate.name, JoinOnce.name) if name in readers)
    waits, ours = (readers[name]["max_ms"] / 1000 for name in (rebuild, Ours.name))
    return f"A reader meanwhile waits up to {_number(waits)} s under {TITLES[rebuild]}, and {_number(ours)} s here."


def first_loads(figures: Figures) -> str:
    """How fast rows come in, here and by dlt, for the README."""
    rates = {name: row["rows_per_s"] for name, row in figures["load"].items() if "rows_per_s" in row}
    peers = " and ".join(f"{rates[name]:,}" for name in rates if name.startswith("dlt")) or "none that was measured"
    return f"A first load brings {rates['ours']:,} rows a second here, and {peers} with dlt"


# What the README shows of the figures, and the parts that it needs.
SHOWN: dict[str, tuple[Callable[[Figures], str], set[str]]] = {
    "claim": (claim, {"refresh", "readers"}),
    "comparison": (comparison, {"refresh", "readers"}),
    "first loads": (first_loads, {"load"}),
}
PLACE = re.compile(r"(<!-- measured: (.+?) -->\n?).*?(<!-- /measured -->)", re.DOTALL)


def with_figures(page: str, figures: Figures) -> str:
    """The page with what was measured between its marks. What was not measured stays as it is."""

    def filled(place: re.Match[str]) -> str:
        begin, name, end = place.groups()
        show, parts = SHOWN[name]
        return f"{begin}{show(figures)}{end}" if parts <= set(figures) else place[0]

    return PLACE.sub(filled, page)


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
    rebuilds = [taken for name in (Truncate.name, JoinOnce.name) if (taken := turns_of(figures, name))]
    rows = [
        [
            case_title(case) if name == next(iter(ways)) else "",
            _bold(name, TITLES[name]),
            _median(turns(way)),
            _spread(turns(way)),
            *(_number(median(taken) / median(turns(way))) for taken in rebuilds),
            *(_number(way[key]) for key in ("maintenance_seconds", "wall_seconds")),
            _number(way["wal_bytes"] / 1e6),
            f"{way['dead_tuples']:,}",
            "yes" if way["equal"] else "**no**",
        ]
        for case, ways in figures["refresh"].items()
        for name, way in ways.items()
    ]
    readers = [longest_reads(figures)] if "readers" in figures else []  # a run that was cut short has none
    short = [SUMMARY, summary(figures), *readers, *_without_checkpoint(figures), "All figures:"]
    times = ["times faster than TRUNCATE + INSERT", "than from one join"][: len(rebuilds)]
    head = [
        "changed", "way", "seconds", "least to most", *times, "VACUUM s", "waited s", "WAL MB", "dead rows", "equal",
    ]  # fmt: skip
    return (
        _part(figures, "refresh", REFRESH, "\n\n".join([*short, table(head, rows)]))
        + f"\n\nNot measured: {_missing(figures, 'pg_ivm')}"
    )


def _without_checkpoint(figures: Figures) -> list[str]:
    rows = [
        [case_title(case), *(f"{_with_spread(turns(way))}, {_number(way['wal_bytes'] / 1e6)} MB" for way in both)]
        for case, ways in figures["refresh"].items()
        if "without_checkpoint" in (ours := ways.get(Ours.name, {}))
        for both in [(ours, ours["without_checkpoint"])]
    ]
    return [CHECKPOINT, table(["seconds, WAL", "after a checkpoint", "without one"], rows)] if rows else []


def _growth(figures: Figures) -> str:
    sizes = sorted((int(held), row) for held, row in figures["growth"].items())
    titles = TITLES | {CALM: f"{TITLES[Ours.name]}, no checkpoint"}
    names = [name for name in titles if any(name in row for _, row in sizes)]
    rows = [
        [
            f"{held:,}",
            *(_with_spread(row.get("turns", {}).get(name, [row[name]])) if name in row else "" for name in names),
        ]
        for held, row in sizes
    ]
    return _part(figures, "growth", GROWTH, table(["held", *map(titles.__getitem__, names)], rows))


def _start(figures: Figures) -> str:
    rows = [
        [title, _median(turns(figures["start"][way])), _spread(turns(figures["start"][way]))]
        for way, title in STARTS.items()
    ]
    return _part(figures, "start", START, table(["process", "seconds", "least to most"], rows))


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
        [
            _bold(name, ROUTES[name]),
            *(f"{row[key]:,}" for key in ("rows", "rows_per_s")),
            _median(turns(row)),
            _spread(turns(row)),
            f"{row['peak_mb']:,.0f}",
        ]
        for name in ROUTES
        if "rows_per_s" in (row := figures["load"].get(name, {}))
    ]
    missing = "; ".join(f"{name}, {row['missing']}" for name, row in figures["load"].items() if "missing" in row)
    tables = table(["way", "rows", "rows/s", "seconds", "least to most", "peak MB"], rows)
    return _part(figures, "load", LOAD, tables) + f"\n\nNot measured: {missing}."


def _analytics(figures: Figures) -> str:
    found, questions = figures["analytics"], figures["analytics"].get("questions", {})
    first, syncs = found["first"], found.get("syncs", [])
    rows = [
        [
            name.replace("_", " "),
            *(_question(row, way) for way in ("postgres", "copy")),
            _number(row["postgres"] / row["copy"]),
        ]
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


def _question(row: Figures, way: str) -> str:
    taken = row.get("turns", {}).get(way, [row[way]])
    return f"{row[way]:.3f}" + (f" ({min(taken):.3f} to {max(taken):.3f})" if len(taken) > 1 else "")


def _api(figures: Figures) -> str:
    found = figures["api"]
    if "missing" in found:
        return _part(figures, "api", API, f"Not measured: {found['missing']}.")
    rows = []
    for case, title in CASES.items():
        ours, peer = found[case]["ours"], found[case].get("node", [])
        times = [_number(_rate(ours, "per_s") / _rate(peer, "per_s"))] if peer else [""]
        p99 = [_number(_rate(way, "p99_ms")) if way else "" for way in (ours, peer)]
        rows.append([title, _rates(ours), _rates(peer) if peer else "", *times, *p99])
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


def _rate(rounds: Sequence[Figures], name: str) -> float:
    return float(median(found[name] for found in rounds))


def _rates(rounds: Sequence[Figures]) -> str:
    rates = [found["per_s"] for found in rounds]
    return f"{median(rates):,.0f} ({min(rates):,} to {max(rates):,})"


def _part(figures: Figures, name: str, what: str, found: str) -> str:
    run = figures["runs"][name]
    picture = "" if name in {"load", "analytics", "api", "start"} else f"\n\n![{name}]({name}.png)"
    title = {"api": "API"}.get(name, name.title())
    when = f"On {run['on']}" if name == "growth" else f"At {run['held']:,} held moments, on {run['on']}"
    return f"## {title}\n\n{what}\n\n{when}:\n\n{found}{picture}"


PARTS = {
    "refresh": _refresh,
    "growth": _growth,
    "readers": _readers,
    "load": _load,
    "start": _start,
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
    return _median(turns(row)) + ("" if row["equal"] else " (wrong)")


def _median(seconds: Sequence[float]) -> str:
    return _number(median(seconds))


def _spread(seconds: Sequence[float]) -> str:
    return f"{_number(min(seconds))} to {_number(max(seconds))}" if len(seconds) > 1 else ""


def _with_spread(seconds: Sequence[float]) -> str:
    return f"{_median(seconds)} ({_spread(seconds)})" if len(seconds) > 1 else _median(seconds)


def _moments(held: int) -> str:
    return f"{held / 1e6:g} million" if held >= 1e6 else f"{held:,}"  # noqa: PLR2004


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"  # noqa: PLR2004


def _bold(name: str, title: str) -> str:
    return f"**{title}**" if name.startswith("ours") else title
