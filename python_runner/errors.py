"""The exceptions of the runner. A message is one line: what is wrong, which value, what to do."""

from __future__ import annotations

import re

# A server that is away, starts, stops or is full, and locks that were not granted. A connection that fails has no
# error code, and dbt reports only texts.
PASSING = re.compile(
    r"connection (refused|timed out|timeout expired|reset by peer|is bad|is closed|is lost)|timeout expired"
    r"|connection (has been|was|already) closed|closed the connection|terminating connection|is the server running"
    r"|could not (connect to|receive data from|send data to|translate host)|failed to resolve host"
    r"|network is unreachable|not currently accepting connections|the database system is "
    r"|too many (clients|connections)|connection slots are reserved"
    r"|lock timeout|deadlock detected|could not serialize access",
    re.IGNORECASE,
)


class RunnerError(Exception):
    """The operation failed; the CLI prints the message and exits with code 1."""


class UsageError(RunnerError):
    """The call or the configuration is wrong; the CLI prints the message and exits with code 2."""


class TransientError(RunnerError):
    """The operation failed for a reason that can pass: the same operation can succeed later."""


def postgres_error(message: str) -> RunnerError:
    """The error for a message of Postgres: a TransientError if the message names a cause that can pass."""
    return (TransientError if PASSING.search(message) else RunnerError)(message)
