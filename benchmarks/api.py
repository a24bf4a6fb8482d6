"""What the read API answers a second, beside the usual way: Node, Express and a Map whose entries expire.

Both run as one process on the same database, in turns: each is started with an empty cache, and asked by wrk.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import SIGINT
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import psycopg
from psycopg.conninfo import conninfo_to_dict
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from benchmarks.changes import move
from benchmarks.progress import say
from benchmarks.server import free_port
from python_runner.settings import PostgresSettings
from python_runner.transform import dbt_build

PEER = Path(__file__).parent / "peers" / "api"
CONNECTIONS, POOL, SECONDS, WARM_UP = 16, 10, 4, 200
# Requests of a client that is not in a hurry, to see what a refresh costs it.
CALM_CONNECTIONS, CALM_DELAY_MS, IDLE_S, MOVED = 4, 5, 10, 0.01
LIMIT_S = 120
HOT, MOST_MISSES = 1000, 10_000
OURS, NODE = "ours", "node"
CASES = ("wallet_misses", "team_misses", "wallet_hits", "team_hits")
NO_WRK = "wrk is not installed"
NO_NPM = "npm is not installed"

Figures = dict[str, Any]


def compare(settings: PostgresSettings, rounds: int, keep: Callable[[Figures], None]) -> None:
    """Misses and hits of both, round by round, and what a refresh does to ours."""
    if not shutil.which("wrk"):
        keep({"missing": NO_WRK})
        return
    with TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        ways = {OURS: [str(Path(sys.executable).with_name("runner")), "serve"]}
        figures: Figures = {"peer": install(Path(folder))}
        if figures["peer"] is None:
            ways[NODE] = ["node", str(Path(folder) / "server.js")]
        paths = asked(settings)
        figures |= {case: {way: [] for way in ways} for case in CASES}
        for number in range(rounds):
            say(f"api: round {number + 1}")
            for way in ways if number % 2 else reversed(ways):
                with serving(ways[way], settings) as url:
                    wrk(url, Path(folder), paths["warm_up"], once=True)
                    for case in CASES:
                        found = wrk(url, Path(folder), paths[case], once=case.endswith("misses"))
                        figures[case][way].append(found)
        keep(figures)
        url = stack.enter_context(serving(ways[OURS], settings))
        wrk(url, Path(folder), paths["wallet_hits"], once=True)
        idle = wrk(url, Path(folder), paths["wallet_hits"], seconds=IDLE_S, calm=True)
        with psycopg.connect(settings.conninfo) as connection:
            move(connection, MOVED)

        def refresh() -> None:
            dbt_build.build(settings, "--resource-type", "model")

        during = wrk(url, Path(folder), paths["wallet_hits"], until=refresh, calm=True)
        keep(figures | {"refresh": {"idle": idle, "during": during}})


def install(folder: Path) -> str | None:
    """Install the peer; why it cannot be, otherwise."""
    if not shutil.which("npm"):
        return NO_NPM
    shutil.copytree(PEER, folder, dirs_exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    return f"npm cannot install it: {done.stderr.strip().splitlines()[-1]}" if done.returncode else None


def asked(settings: PostgresSettings) -> dict[str, list[str]]:
    """The paths of each case. What is a miss is asked for once only."""
    with psycopg.connect(settings.conninfo) as connection:
        wallets = [
            f"/v1/wallets/{wallet}"
            for (wallet,) in connection.execute("select wallet_address from wallet_summary_snapshot order by 1")
        ]
        teams = [
            f"/v1/leaderboards/teams/{quote(team)}?limit="
            for (team,) in connection.execute("select distinct team_name from top_wallets_by_team_snapshot order by 1")
        ]
    chance = random.Random(1)  # noqa: S311
    chance.shuffle(wallets)
    boards = [f"{team}{limit}" for team in teams for limit in range(41, 101)]
    chance.shuffle(boards)
    return {
        "warm_up": [*wallets[:WARM_UP], *(f"{team}{limit}" for team in teams for limit in range(1, 11))],
        "wallet_misses": wallets[WARM_UP:][:MOST_MISSES],
        "team_misses": boards,
        "wallet_hits": wallets[WARM_UP:][:HOT],
        "team_hits": [f"{team}100" for team in teams],
    }


@contextmanager
def serving(command: Sequence[str], settings: PostgresSettings) -> Iterator[str]:
    """The URL of a process that answers, with an empty cache."""
    port, parts = str(free_port()), conninfo_to_dict(settings.conninfo)
    environment = {
        "DATABASE_URL": settings.conninfo, "API_POOL_MAX": str(POOL), "PORT": port, "NODE_ENV": "production",
        "PGHOST": str(parts["host"]), "PGPORT": str(parts["port"]),
        "PGUSER": str(parts["user"]), "PGDATABASE": str(parts["dbname"]),
    }  # fmt: skip
    options = ["--port", port] if command[-1] == "serve" else []
    with subprocess.Popen(  # noqa: S603
        [*command, *options],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/readyz")
            yield url
        finally:
            process.terminate()


@retry(retry=retry_if_exception_type((URLError, ConnectionError)), wait=wait_fixed(0.05), stop=stop_after_delay(30))
def wait_for(url: str) -> None:
    """Until it answers."""
    urlopen(url, timeout=5).close()  # noqa: S310


def wrk(
    url: str,
    folder: Path,
    paths: Sequence[str],
    *,
    once: bool = False,
    seconds: int = SECONDS,
    calm: bool = False,
    until: Callable[[], None] | None = None,
) -> Figures:
    """Ask for the paths: each once, or again and again for some seconds or until the work is done."""
    listed = folder / "paths"
    listed.write_text("\n".join(paths) + "\n")
    connections, delay = (CALM_CONNECTIONS, CALM_DELAY_MS) if calm else (CONNECTIONS, 0)
    limit = LIMIT_S if once or until else seconds
    command = f"wrk -t 1 -c {connections} -d {limit} --timeout 10 -s {PEER / 'load.lua'} {url}".split(" ")
    environment = {"WRK_PATHS": str(listed), "WRK_ONCE": str(int(once)), "WRK_DELAY_MS": str(delay)}
    with subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        lines = iter(process.stdout or ())
        taken = next((float(line.split()[-1]) for line in lines if line.startswith("all in")), 0) if once else 0
        if until:
            sleep(1)
            until()
        if once or until:
            process.send_signal(SIGINT)  # else it sleeps until the limit
        output, _ = process.communicate(timeout=2 * LIMIT_S)
    found: Figures = json.loads(output.strip().splitlines()[-1])
    if found["errors"]:
        raise SystemExit(f"{url}: {found['errors']} of {found['requests']} requests have failed")
    found["seconds"] = taken or found["seconds"]
    return found | {"per_s": round(found["requests"] / found["seconds"])}
