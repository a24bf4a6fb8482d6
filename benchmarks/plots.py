"""What was measured, as pictures: each says one thing."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.growth import CALM
from benchmarks.report import REBUILDS, turns, turns_of
from benchmarks.variants import VARIANTS, JoinOnce, Ours, Truncate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Figures = dict[str, Any]
TITLES = {variant.name: variant.title.replace("`", "") for variant in VARIANTS}
# Apart for the colour-blind too (Okabe and Ito, 2008); ours is the one that stands out.
COLOURS = {
    "ours": "#D55E00",
    "truncate": "#000000",
    "join_once": "#E69F00",
    "table": "#0072B2",
    "materialized_view": "#CC79A7",
    "merge": "#009E73",
    "delete_insert": "#56B4E9",
}
MARKS = {
    "ours": "o", "truncate": "s", "join_once": "X", "table": "^", "materialized_view": "D", "merge": "v",
    "delete_insert": "P",
}  # fmt: skip


def refresh(figures: Figures, path: Path) -> None:
    """Seconds against the share that has changed; hollow where a way ends wrong."""
    picture, (moved, repriced) = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    _shares(moved, figures, "moved", "of the held moments have moved")
    _shares(repriced, figures, "repriced", "of the editions have another price")
    moved.set_ylabel("seconds of database time")
    moved.set_title(f"A refresh at {figures['runs']['refresh']['held']:,} held moments", loc="left")
    handles, labels = moved.get_legend_handles_labels()
    picture.legend(handles, labels, loc="lower center", ncols=3, frameon=False, fontsize="small")
    picture.tight_layout(rect=(0, 0.14, 1, 1))
    picture.savefig(path, dpi=140)
    plt.close(picture)


def _shares(axes: Axes, figures: Figures, what: str, label: str) -> None:
    shares = {
        float(case.split("_")[1].removesuffix("pct")): row
        for case, row in figures["refresh"].items()
        if case.startswith(what)
    }
    for name, colour in COLOURS.items():
        points = {share: row[name] for share, row in sorted(shares.items()) if name in row}
        right = all(row["equal"] for row in points.values())
        style: dict[str, Any] = {
            "color": colour,
            "markerfacecolor": colour if right else "none",
            "linewidth": 3 if name == "ours" else 1.5,
        }
        title = TITLES[name] + ("" if right else " (hollow: ends wrong)")
        if name in REBUILDS and (taken := turns_of(figures, name)):  # it does the same in every case
            axes.axhline(median(taken), label=title, **style)
            axes.axhspan(min(taken), max(taken), color=colour, alpha=0.15, linewidth=0)
        elif points:
            seconds = [median(turns(row)) for row in points.values()]
            axes.plot(list(points), seconds, marker=MARKS[name], label=title, **style)
            least, most = ([extreme(turns(row)) for row in points.values()] for extreme in (min, max))
            axes.vlines(list(points), least, most, color=colour, alpha=0.3, linewidth=8)
    axes.set_xscale("log")
    axes.set_xticks(sorted(shares), [f"{share:g} %" for share in sorted(shares)])
    axes.set_xlabel(label)
    _plain(axes)


def growth(figures: Figures, path: Path) -> None:
    """Seconds of the same changes against what is held."""
    picture, axes = plt.subplots(figsize=(6, 4))
    sizes = sorted((int(held), row) for held, row in figures["growth"].items())
    for name in (Truncate.name, JoinOnce.name, Ours.name, CALM):
        points = [(held / 1e6, row[name]) for held, row in sizes if name in row]
        if not points:
            continue
        way, line = (Ours.name, "--") if name == CALM else (name, "-")
        title = TITLES[way] + (", no checkpoint before" if name == CALM else "")
        axes.plot(
            *zip(*points, strict=True), color=COLOURS[way], marker=MARKS[way], linewidth=2, linestyle=line, label=title
        )
    axes.set_xscale("log")
    axes.set_xticks([held / 1e6 for held, _ in sizes], [f"{held / 1e6:g}" for held, _ in sizes])
    axes.set_xlabel("millions of held moments")
    axes.set_ylabel("seconds of database time")
    axes.set_title("A refresh after 10,000 moments have moved", loc="left")
    axes.legend(frameon=False)
    _plain(axes)
    picture.tight_layout()
    picture.savefig(path, dpi=140)
    plt.close(picture)


def readers(figures: Figures, path: Path) -> None:
    """What a reader waits while the snapshots are refreshed."""
    picture, axes = plt.subplots(figsize=(8, 4))
    titles = {"idle": "nothing runs"} | TITLES
    rows = list(reversed(figures["readers"].items()))
    for place, (name, row) in enumerate(rows):
        colour = COLOURS.get(name, "#888888")
        axes.plot([row["p50_ms"], row["max_ms"]], [place, place], color=colour, linewidth=2, alpha=0.5)
        for key, mark in (("p50_ms", "|"), ("p99_ms", "o"), ("max_ms", ">")):
            axes.plot(row[key], place, color=colour, marker=mark, markersize=9, markeredgewidth=2)
    axes.set_yticks(range(len(rows)), [titles[name] for name, _ in rows])
    axes.set_xlabel("milliseconds of a read: | median, ● 99th percentile, ▶ longest")
    axes.set_title("Four readers during a refresh", loc="left")
    _plain(axes, logarithmic="x")
    picture.tight_layout()
    picture.savefig(path, dpi=140)
    plt.close(picture)


def _plain(axes: Axes, logarithmic: str = "y") -> None:
    axes.minorticks_off()
    axes.set(**{f"{logarithmic}scale": "log"})
    scale = axes.yaxis if logarithmic == "y" else axes.xaxis
    scale.set_major_locator(LogLocator(subs=(1, 2, 5) if logarithmic == "y" else (1,)))
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    scale.set_minor_locator(NullLocator())
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


PICTURES = {"refresh": refresh, "growth": growth, "readers": readers}
