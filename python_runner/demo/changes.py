"""`python -m python_runner.demo.changes FOLDER SECONDS` changes the stand-in of a folder, again and again."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from python_runner.demo import stand_in
from python_runner.demo.day import Rates, simulate_day
from python_runner.errors import RunnerError

# Half a minute of a busy day. Nothing is burned, because only a reconciliation finds what is gone.
RATES = Rates(moved=0.0005, locked=0.0002, burned=0, minted=0.0002, repriced=0.005, renamed=0)


def main() -> None:
    """Go on until stopped, or until the stand-in has ended. What fails is in the log."""
    folder, pause_s = Path(sys.argv[1]), float(sys.argv[2])
    while warehouse := stand_in.running(folder):
        try:
            simulate_day(warehouse, RATES, seed=int(time.time()))
        except RunnerError as error:
            sys.stderr.write(f"{error}\n")
        time.sleep(pause_s)
    sys.exit("the stand-in for Snowflake has ended: run `make down` and `make up`")


if __name__ == "__main__":
    main()
