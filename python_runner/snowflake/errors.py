"""Classifies the errors of Snowflake: slow down, log in again, retry, or stop."""

from __future__ import annotations

from enum import Enum, auto

from snowflake.connector import errors
from snowflake.connector.vendored.requests.exceptions import RequestException

from python_runner.settings import SnowflakeSettings


class FailureKind(Enum):
    """How the client reacts to a failure."""

    THROTTLED = auto()
    SESSION_LOST = auto()
    TRANSIENT = auto()
    PERMANENT = auto()


# Codes of the service: snowflake.connector.network and
# https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-api (errno)
BAD_LOGIN = {390100, 390101, 390144, 390303, 390318}
SESSION_LOST = {390110, 390111, 390112, 390113, 390114, 390115, 390195}
SERVICE_FAILED = {250001, 250003, 250005, 603}
NOT_KEPT = {709, 710}  # the statement is not known, or its result has expired
HINTS = {
    2003: "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA and what SNOWFLAKE_ROLE may read",
    90105: "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA and what SNOWFLAKE_ROLE may read",
    90106: "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA and what SNOWFLAKE_ROLE may read",
    904: "compare the table with models/staging/_sources.yml",
    2043: "compare the table with models/staging/_sources.yml",
    606: "check SNOWFLAKE_WAREHOUSE",
    **dict.fromkeys(NOT_KEPT, "run it again"),
}

THROTTLED = (errors.TooManyRequests, errors.ServiceUnavailableError)
PERMANENT = (errors.ForbiddenError, errors.BadRequest, errors.MethodNotAllowed, errors.NonRetryableTlsError)
# Caused by the statement or by the call of the connector, so a retry cannot help.
CALLER_ERRORS = (errors.ProgrammingError, errors.NotSupportedError, errors.InterfaceError)

FAILURES = (errors.Error, RequestException)


def failure_kind(failure: BaseException) -> FailureKind:
    """Classify by error code first: the connector raises the same class for lost sessions and for wrong SQL."""
    if isinstance(failure, RequestException):  # an incomplete response
        return FailureKind.TRANSIENT
    if not isinstance(failure, errors.Error) or _login_refused(failure) or isinstance(failure, PERMANENT):
        return FailureKind.PERMANENT
    if isinstance(failure, THROTTLED):
        return FailureKind.THROTTLED
    if failure.errno in SESSION_LOST or isinstance(failure, errors.HttpError):  # the session could not be renewed
        return FailureKind.SESSION_LOST
    if failure.errno in SERVICE_FAILED:
        return FailureKind.TRANSIENT
    return FailureKind.PERMANENT if isinstance(failure, CALLER_ERRORS) else FailureKind.TRANSIENT


def may_pass(failure: BaseException) -> bool:
    """Whether the same operation can succeed later."""
    return failure_kind(failure) is not FailureKind.PERMANENT or getattr(failure, "errno", None) in NOT_KEPT


def explain(failure: BaseException, settings: SnowflakeSettings) -> str:
    """A message of one line: what is wrong and what to do."""
    what, code = one_line(failure), getattr(failure, "errno", None)
    if _login_refused(failure):
        return f"Snowflake refused the login of {settings.user!r} ({what}): check SNOWFLAKE_USER, {settings.credential}"
    if code in HINTS:
        return f"Snowflake ({settings.database}.{settings.schema_}): {what}; {HINTS[code]}"
    if failure_kind(failure) is FailureKind.THROTTLED:
        return f"Snowflake keeps throttling statements ({what}): lower SNOWFLAKE_RATE_LIMIT_RPS"
    if isinstance(failure, (errors.OperationalError, errors.ForbiddenError, RequestException)):
        server = settings.host or settings.account
        return f"Snowflake at {server!r} does not answer ({what}): check SNOWFLAKE_ACCOUNT, SNOWFLAKE_HOST"
    return f"Snowflake: {what}"


def one_line(failure: BaseException | None) -> str:
    """The message without line breaks."""
    text = getattr(failure, "raw_msg", None) or str(failure)
    return " ".join(text.split())[:300]


def _login_refused(failure: BaseException) -> bool:
    return getattr(failure, "errno", None) in BAD_LOGIN or "Incorrect username or password" in str(failure)
