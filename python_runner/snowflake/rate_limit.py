"""One rate limit for all requests to Snowflake; it slows down when the server throttles."""

from __future__ import annotations

import threading
from time import perf_counter

from pyrate_limiter import Limiter, Rate

# Network delay varies. With 5 % of margin the statements that arrive in any second stay within the rate.
MARGIN = 1.05
MAX_PERMITS = 16


class RateLimit:
    """Permits at a fixed rate, in statements per second, shared by the threads of a load.

    A statement takes one permit. Each statement that the server throttles doubles the number of permits per statement,
    up to 16; each statement that succeeds reduces it by one. This is additive increase, multiplicative decrease, as
    in TCP (RFC 5681).
    """

    def __init__(self, rate_rps: float) -> None:
        self._limiter = Limiter(Rate(1, max(1, round(1000 * MARGIN / rate_rps))), buffer_ms=1)
        self._lock = threading.Lock()
        self.permits = 1
        self.waited_seconds = 0.0

    def wait(self) -> None:
        """Wait until the next statement may be sent."""
        begin = perf_counter()
        for _ in range(self.permits):
            self._limiter.try_acquire("statement")
        with self._lock:
            self.waited_seconds += perf_counter() - begin

    def slow_down(self) -> None:
        """Double the permits per statement, because the server throttled one."""
        with self._lock:
            self.permits = min(2 * self.permits, MAX_PERMITS)

    def speed_up(self) -> None:
        """Reduce the permits per statement, because one succeeded."""
        with self._lock:
            self.permits = max(1, self.permits - 1)
