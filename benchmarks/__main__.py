"""`python -m benchmarks`: this project beside what one would pick instead, in one run on one machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from signal import SIGTERM, signal
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from benchmarks import analytics, api, growth, load, machine, readers, refresh, report, server, start
from benchmarks.fill import fill
from benchmarks.progress import say
from benchmarks.variants import VARIANTS, JoinOnce, Ours, Table, Truncate, Variant, prepared
from python_runner.postgres.pool import Connection
from python_runner.project import PROJECT
from python_runner.settings import PostgresSettings
from python_runner.transform import dbt_build

# In this order, on one database except the last; growth on others in addition.
PARTS = ("analytics", "api", "start", "refresh", "readers", "growth", "load")
REFRESHED = {"refresh", "readers", "growth"}
MISSING = {"pg_ivm": "no package of Debian's has it for this server"}
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Scale:
    """How many moments are held, and what is measured of them; refreshes and loads in `turns`, the rest in `rounds`."""

    held: int
    parts: Sequence[str] = PARTS
    cases: Sequence[str] = (refresh.REBUILT_IN,)
    # The ways that are refreshed with readers about, and the other sizes for growth.
    read: Sequence[type[Variant]] = (JoinOnce, Truncate, Ours)
    sizes: Sequence[int] = ()
    turns: int = 3
    rounds: int = 3
    with_dlt: bool = True


SCALES = {
    "50k": Scale(
        50_000, cases=("moved_1pct", "repriced_1pct"), read=(JoinOnce, Ours), turns=2, rounds=1, with_dlt=False
    ),
    "1m": Scale(1_000_000, parts=("refresh", "readers")),
    # Within an hour.
    "full": Scale(
        6_100_000, cases=tuple(refresh.CASES), read=(JoinOnce, Truncate, Table, Ours), sizes=(300_000, 1_000_000)
    ),
    # Apart from the hour, beside the sizes that full has measured.
    "20m": Scale(20_000_000, parts=("growth",)),
}


class Results:
    """The figures, on disk as soon as there are any: a run that is cut short has not been for nothing."""

    def __init__(self, path: Path, scale: str) -> None:
        self.path, self.scale = path, scale
        self.figures: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def keep(self, part: str, figures: Any) -> None:
        """In the place of the part's earlier ones."""
        self.figures[part] = figures
        measured = {
            "scale": self.scale,
            "held": SCALES[self.scale].held,
            "on": f"{datetime.now(UTC):%Y-%m-%d}",
        }
        self.figures["runs"] = self.figures.get("runs", {}) | {part: measured}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.figures, indent=2) + "\n")


def main() -> None:
    """Measure the chosen parts, and write what was found, in figures, words and pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; by default those of the scale"
    )
    parser.add_argument(
        "--scale",
        choices=SCALES,
        default="1m",
        help="held moments; 1m: refresh and readers, 5 minutes; full: everything at 6.1 million, an hour; 20m: growth",
    )
    parser.add_argument("--output", type=Path, default=HERE, help="the folder for what was found")
    parser.add_argument("--show", action="store_true", help="measure nothing: write the pages of what was found")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(unknown)}: no such part; use {', '.join(PARTS)}")
    folder = options.output.resolve()
    results = Results(folder / "results.json", options.scale)
    if not options.show:
        signal(SIGTERM, lambda *_: sys.exit("stopped"))  # and so do the servers
        scale = SCALES[options.scale]
        measure(options.parts or scale.parts, scale, results)
    show(results.figures, folder)
    say("done")


def show(figures: dict[str, Any], folder: Path) -> None:
    """Tables and pictures of what was found; where the project keeps them, the figures of the README too."""
    (folder / "results.md").write_text(report.document(figures))
    if folder == HERE:
        readme = PROJECT / "README.md"
        readme.write_text(report.with_figures(readme.read_text(), figures))
    try:
        from benchmarks import plots  # noqa: PLC0415  without matplotlib there are figures still
    except ImportError as error:
        print(f"no pictures: {error}; install the dependency group bench", file=sys.stderr)  # noqa: T201
        return
    for part, picture in plots.PICTURES.items():
        if part in figures:
            picture(figures, folder / f"{part}.png")


def measure(parts: Sequence[str], scale: Scale, results: Results) -> None:
    """On a server of our own."""
    with TemporaryDirectory(prefix="bench-") as folder, server.running(Path(folder)) as url:
        with psycopg.connect(url) as connection:
            results.keep("machine", machine.described(connection))
        results.keep("missing", MISSING | load.MISSING)
        if scale.sizes and "growth" in parts:
            results.figures.pop("growth", None)  # of an earlier run
        if set(parts) - {"load"}:
            with market(url, scale.held) as (connection, settings):
                on_the_market(connection, settings, parts, scale, results)
        for held in scale.sizes if "growth" in parts else ():
            with market(url, held) as (connection, settings):
                grow(prepared(connection, settings, growth.GROWN), held, scale.turns, results)
        if "load" in parts:
            with server.database(url, "loaded") as settings:
                routes = [*load.in_turns(scale.turns), *(load.WITH_DLT if scale.with_dlt else ())]
                load.run(settings, scale.held, routes, partial(results.keep, "load"))


def on_the_market(
    connection: Connection, settings: PostgresSettings, parts: Sequence[str], scale: Scale, results: Results
) -> None:
    """The parts that share a database. The first finds its logs short: others only add to them."""
    if "analytics" in parts:
        analytics.compare(settings, scale.rounds, partial(results.keep, "analytics"))
    if "api" in parts:
        api.compare(settings, scale.rounds, partial(results.keep, "api"))
    if "start" in parts:
        results.keep("start", start.compare(settings, scale.rounds))
    if not REFRESHED & set(parts):
        return
    variants = prepared(connection, settings, VARIANTS if "refresh" in parts else (*scale.read, *growth.GROWN))
    if "refresh" in parts:
        refresh.compare(variants, scale.cases, scale.turns, partial(results.keep, "refresh"))
    if "readers" in parts:
        read = [variant for variant in variants if type(variant) in scale.read]
        readers.compare(read, partial(results.keep, "readers"))
    if "growth" in parts:
        # A rebuild costs the same after any change, and takes minutes.
        rebuilt = report.turns_of(results.figures, JoinOnce.name) if "refresh" in parts else []
        grow(variants, scale.held, scale.turns, results, rebuilt)


def grow(variants: Sequence[Variant], held: int, turns: int, results: Results, rebuilt: Sequence[float] = ()) -> None:
    """Measure growth at one size, rebuilds unless their seconds are known; keep the sizes measured before."""
    found = growth.measured(variants, held, turns, rebuilt)
    results.keep("growth", results.figures.get("growth", {}) | {str(held): found})


@contextmanager
def market(url: str, held: int) -> Iterator[tuple[Connection, PostgresSettings]]:
    """A database with so many held moments, built."""
    with server.database(url, f"market_{held}") as settings:
        say(f"{held:,} held moments: load and build")
        fill(settings, held)
        dbt_build.build(settings, "--resource-type", "model", "--resource-type", "seed")
        with psycopg.connect(settings.conninfo, autocommit=True) as connection:
            connection.execute("create extension pg_stat_statements")
            yield connection, settings


if __name__ == "__main__":
    main()
