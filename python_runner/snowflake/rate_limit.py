"""One rate limit for all requests to Snowflake; it slows down when the server throttles."""

from __future__ import annotations

import threading
from time import perf_counter

from pyrate_limiter import Limiter, Rate

# Network delay varies. With 5 % of margin the statements that arrive in any second stay within the rate.
MARGIN = 1.05
MAX_PERMITS = 16


class RateLimit:
    """Permits at a fixed rate, in statements per second, shared by the threads of a load. Unused ones do not add up.

    A statement takes one permit. Each statement that the server throttles doubles the number of permits per statement,
    up to 16; each statement that succeeds reduces it by one. This is additive increase, multiplicative decrease, as
    in TCP (RFC 5681).
    """

    def __init__(self, rate_rps: float) -> None:
        at_once = max(1, int(rate_rps))
        self._limiter = Limiter(Rate(at_once, max(1, round(1000 * MARGIN * at_once / rate_rps))), buffer_ms=1)
        self._lock = threading.Lock()
        self.permits = 1
        self.waited_seconds = 0.0

    def wait(self) -> float:
        """Wait until the next statement may be sent. Returns the seconds."""
        begin = perf_counter()
        for _ in range(self.permits):
            self._limiter.try_acquire("statement")
        waited = perf_counter() - begin
        with self._lock:
            self.waited_seconds += waited
        return waited

    def slow_down(self) -> None:
        """Double the permits per statement, because the server throttled one."""
        with self._lock:
            self.permits = min(2 * self.permits, MAX_PERMITS)

    def speed_up(self) -> None:
        """Reduce the permits per statement, because one succeeded."""
        with self._lock:
            self.permits = max(1, self.permits - 1)
