"""One rate limit for everything that asks Snowflake; a server that throttles makes each statement cost more of it."""

from __future__ import annotations

import threading
from time import perf_counter

from pyrate_limiter import Limiter, Rate

# What leaves evenly arrives unevenly: with 5 % between them, statements arrive within the rate in any second.
MARGIN = 1.05
SLOWEST = 16


class Throttle:
    """Permits at a fixed rate, in statements a second, shared by the threads of a load.

    A statement takes one permit. Each refusal by the server doubles that for everybody (up to 16), each statement
    that succeeds takes one off again: additive increase, multiplicative decrease, as in TCP (RFC 5681).
    """

    def __init__(self, rate_rps: float) -> None:
        self._limiter = Limiter(Rate(1, max(1, round(1000 * MARGIN / rate_rps))), buffer_ms=1)
        self._lock = threading.Lock()
        self.permits = 1
        self.waited_seconds = 0.0

    def wait(self) -> None:
        """Return when the next statement may be sent."""
        begin = perf_counter()
        for _ in range(self.permits):
            self._limiter.try_acquire("statement")
        with self._lock:
            self.waited_seconds += perf_counter() - begin

    def slow_down(self) -> None:
        """The server refused a statement because there were too many."""
        with self._lock:
            self.permits = min(2 * self.permits, SLOWEST)

    def speed_up(self) -> None:
        """The server answered a statement."""
        with self._lock:
            self.permits = max(1, self.permits - 1)
