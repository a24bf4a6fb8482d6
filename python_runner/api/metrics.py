"""Counters, and the text that Prometheus reads."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping


class Metrics:
    """What one process has counted. The label `worker` distinguishes the processes behind one port."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.responses: Counter[tuple[str, int]] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def count(self, path: str, status: int, seconds: float) -> None:
        """Count a response."""
        self.responses[path, status] += 1
        self.seconds[path] += seconds

    def text(self, gauges: Mapping[str, float]) -> str:
        """The exposition format, version 0.0.4."""
        worker = f'worker="{os.getpid()}"'
        lines = ["# TYPE api_answers_total counter"]
        lines += [f'api_answers_total{{{worker},source="{name}"}} {count}' for name, count in self.answers.items()]
        lines += ["# TYPE api_responses_total counter"]
        lines += [
            f'api_responses_total{{{worker},path="{path}",status="{status}"}} {count}'
            for (path, status), count in self.responses.items()
        ]
        lines += ["# TYPE api_response_seconds_total counter"]
        lines += [
            f'api_response_seconds_total{{{worker},path="{path}"}} {seconds:.6f}'
            for path, seconds in self.seconds.items()
        ]
        for name, value in gauges.items():
            lines += [f"# TYPE api_{name} gauge", f"api_{name}{{{worker}}} {value:g}"]
        return "\n".join(lines) + "\n"
