"""`python -m benchmarks`: this project beside what one would pick instead, in one run on one machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGTERM, signal
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import psycopg

from benchmarks import analytics, api, growth, load, machine, readers, refresh, report, server
from benchmarks.fill import fill
from benchmarks.routes import ROUTES
from benchmarks.variants import VARIANTS, Ours, Table, Truncate, Variant, prepared
from python_runner.transform import dbt_build

PARTS = ("refresh", "readers", "growth", "load", "analytics", "api")
# Those whose growth is measured, and what they are made of.
GROWN = (Table, Truncate, Ours)
MISSING = {"pg_ivm": "no package of Debian's has it for this server"}


@dataclass(frozen=True)
class Scale:
    """How many moments are held, and what is measured of them."""

    held: int
    parts: Sequence[str] = PARTS
    cases: Sequence[str] = ("moved_1pct",)
    # The ways that are refreshed with readers about, and the other sizes for growth.
    read: Sequence[type[Variant]] = VARIANTS
    sizes: Sequence[int] = ()
    with_dlt: bool = True


SCALES = {
    "50k": Scale(50_000, cases=("moved_1pct", "repriced_10pct"), read=(Truncate, Ours), with_dlt=False),
    "1m": Scale(1_000_000, parts=("refresh", "readers"), read=(Truncate, Ours)),
    "full": Scale(6_100_000, cases=tuple(refresh.CASES), sizes=(1_000_000, 3_000_000, 20_000_000)),
}


class Results:
    """The figures, on disk as soon as there are any: a run that is cut short has not been for nothing."""

    def __init__(self, path: Path, scale: str) -> None:
        self.path, self.scale, self.begin = path, scale, perf_counter()
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
        print(f"{perf_counter() - self.begin:5.0f} s  {part}: {list(figures)[-1]}", file=sys.stderr)  # noqa: T201


def main() -> None:
    """Measure the chosen parts, and write what was found, in figures, words and pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; at 1m by default the first two"
    )
    parser.add_argument(
        "--scale", choices=SCALES, default="1m", help="held moments; full is 6.1 million, and takes hours"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="the folder for what was found")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(unknown)}: no such part; use {', '.join(PARTS)}")
    results = Results(options.output / "results.json", options.scale)
    signal(SIGTERM, lambda *_: sys.exit("stopped"))  # and so do the servers
    scale = SCALES[options.scale]
    measure(options.parts or scale.parts, scale, results)
    show(results.figures, options.output)


def show(figures: dict[str, Any], folder: Path) -> None:
    """Tables and pictures of what was found."""
    (folder / "results.md").write_text(report.document(figures))
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
        grown: dict[str, Any] = {}

        def grow(variants: Sequence[Variant], held: int) -> None:
            grown[str(held)] = growth.measured(variants, held)
            results.keep("growth", grown)

        if {"refresh", "readers", "growth"} & set(parts):
            with market(url, scale.held, VARIANTS if {"refresh", "readers"} & set(parts) else GROWN) as variants:
                if "refresh" in parts:
                    refresh.compare(variants, scale.cases, lambda figures: results.keep("refresh", figures))
                if "readers" in parts:
                    read = [variant for variant in variants if type(variant) in scale.read]
                    readers.compare(read, lambda figures: results.keep("readers", figures))
                if "growth" in parts:
                    grow(variants, scale.held)
        for held in scale.sizes if "growth" in parts else ():
            with market(url, held, GROWN) as variants:
                grow(variants, held)
        if "analytics" in parts:
            with server.database(url, f"copied_{scale.held}") as settings:
                fill(settings, scale.held)
                dbt_build.build(settings, "--resource-type", "model", "--resource-type", "seed")
                analytics.compare(settings, lambda figures: results.keep("analytics", figures))
        if "api" in parts:
            with server.database(url, "served") as settings:
                fill(settings, scale.held)
                dbt_build.build(settings, "--resource-type", "model", "--resource-type", "seed")
                api.compare(settings, lambda figures: results.keep("api", figures))
        if "load" in parts:
            with server.database(url, "loaded") as settings:
                routes = [*ROUTES, *(load.WITH_DLT if scale.with_dlt else ())]
                load.run(settings, scale.held, routes, lambda figures: results.keep("load", figures))


@contextmanager
def market(url: str, held: int, kinds: Sequence[type[Variant]]) -> Iterator[list[Variant]]:
    """A database with so many held moments, built; the ways to refresh it, with their snapshots."""
    with server.database(url, f"market_{held}") as settings:
        fill(settings, held)
        dbt_build.build(settings, "--resource-type", "model", "--resource-type", "seed")
        with psycopg.connect(settings.conninfo, autocommit=True) as connection:
            connection.execute("create extension pg_stat_statements")
            yield prepared(connection, settings, kinds)


if __name__ == "__main__":
    main()
