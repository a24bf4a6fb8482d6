"""`python -m benchmarks.analytics_pictures COLLECTION FOLDER`: the pictures of docs/analytics.md, of collection.duckdb.

`trend.png` shows the value of the teams with the most value over the refreshes, `concentration.png` which share of a
tier's moments the largest wallets hold.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

TEAMS = """
with totals as (
    select team_name, sum(floor_cents) as total from int_wallet_facts where team_name is not null group by team_name
),
changes as (
    select team_name, refresh, sum(floor_cents) as cents from int_wallet_facts group by team_name, refresh
)
select
    team_name,
    refreshes.refresh,
    coalesce(sum(cents) over (partition by team_name order by refreshes.refresh), 0)::double / 100
from (from totals order by total desc, team_name limit 6) as teams
cross join refreshes
left join changes using (team_name, refresh)
order by teams.total desc, team_name, refresh
"""
SHARES = """
with held as (
    select tier, wallet_address, sum(moments) as moments from int_wallet_facts where tier is not null
    group by tier, wallet_address having sum(moments) > 0
)
select
    tier,
    100.0 * row_number() over wallets / count(*) over (partition by tier),
    100.0 * sum(moments) over wallets / sum(moments) over (partition by tier)
from held
window wallets as (partition by tier order by moments desc, wallet_address)
order by tier, 2
"""
# Apart for the colour-blind too (Okabe and Ito, 2008).
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#000000", "#56B4E9")
STYLES = ("-", "-", "-", "--", "--", "--")  # a dashed line does not hide the one below it

Lines = dict[str, list[tuple[float, float]]]


def trend(copy: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The value of teams over the refreshes, in percent of what it was at the first one."""
    lines = {
        name: [(at, 100 * value / points[0][1]) for at, value in points if points[0][1]]
        for name, points in _lines(copy, TEAMS).items()
    }
    _draw(lines, path, "Value of the largest teams' moments", "refresh", "lowest asks, first refresh = 100")


def concentration(copy: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The share of moments against the share of wallets, the largest first."""
    lines = {name: [(0.0, 0.0), *points] for name, points in _lines(copy, SHARES).items()}
    _draw(lines, path, "Who holds the moments of a tier", "% of wallets, largest first", "% of moments")


PICTURES = {"trend": trend, "concentration": concentration}


def main(collection: str, folder: str) -> None:
    """Draw both."""
    with duckdb.connect(collection, read_only=True) as copy:
        for name, draw in PICTURES.items():
            draw(copy, Path(folder, f"{name}.png"))


def _lines(copy: duckdb.DuckDBPyConnection, query: str) -> Lines:
    lines: Lines = {}
    for name, x, y in copy.execute(query).fetchall():
        lines.setdefault(name, []).append((float(x), float(y)))
    return lines


def _draw(lines: Lines, path: Path, title: str, x: str, y: str) -> None:
    picture, axes = plt.subplots(figsize=(7, 4))
    for (name, points), colour, style in zip(lines.items(), COLOURS, STYLES, strict=False):
        axes.plot(*zip(*points, strict=True), label=name, color=colour, linestyle=style, linewidth=2)
    axes.margins(x=0)
    axes.set_title(title, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    picture.tight_layout()
    picture.savefig(path, dpi=140)
    plt.close(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
