"""`python -m python_runner.demo.changes FOLDER SECONDS` changes the stand-in of a folder, and refreshes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from python_runner import refresh
from python_runner.console.progress import progress_listener
from python_runner.demo import stand_in
from python_runner.demo.day import Rates, simulate_day
from python_runner.errors import RunnerError
from python_runner.postgres.run_lock import hold_run_lock
from python_runner.settings import postgres_settings, snowflake_settings
from python_runner.sources import read_sources

# Half a minute of a busy day. Nothing is burned, because only a reconciliation finds what is gone.
RATES = Rates(moved=0.0005, locked=0.0002, burned=0, minted=0.0002, repriced=0.005, renamed=0)


def main() -> None:
    """Go on until stopped; what fails is in the log and done by the next refresh."""
    folder, pause_s = Path(sys.argv[1]), float(sys.argv[2])
    while True:
        time.sleep(pause_s)
        try:
            _refresh(folder)
        except RunnerError as error:
            sys.stderr.write(f"{error}\n")


def _refresh(folder: Path) -> None:
    warehouse = stand_in.running(folder)
    if warehouse is None:
        raise RunnerError("the stand-in for Snowflake does not run: run `make down` and `make up`")
    simulate_day(warehouse, RATES, seed=int(time.time()))
    postgres, snowflake = postgres_settings(None), snowflake_settings(None)
    with (
        progress_listener(as_json=True) as listener,
        hold_run_lock(postgres, "run", wait=True, notify=listener.message) as lock,
        refresh.connect(postgres, snowflake, listener, lock.check) as connections,
    ):
        refresh.run(postgres, connections, list(read_sources().values()), listener, lock=lock)


if __name__ == "__main__":
    main()
