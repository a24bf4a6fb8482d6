"""What a failure of Snowflake means: slow down, log in anew, try again, or stop and say why."""

from __future__ import annotations

from enum import Enum, auto

from snowflake.connector import errors
from snowflake.connector.vendored.requests.exceptions import RequestException

from python_runner.settings import SnowflakeSettings


class Meaning(Enum):
    """What to do about a failure."""

    THROTTLED = auto()
    SESSION_LOST = auto()
    TRANSIENT = auto()
    PERMANENT = auto()


# Codes of the service: snowflake.connector.network and
# https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-api (errno)
BAD_LOGIN = {390100, 390101, 390144, 390303, 390318}
SESSION_LOST = {390110, 390111, 390112, 390113, 390114, 390115, 390195}
SERVICE_FAILED = {250001, 250003, 250005, 603}
HINTS = {
    2003: "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA and what SNOWFLAKE_ROLE may read",
    90105: "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA and what SNOWFLAKE_ROLE may read",
    90106: "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA and what SNOWFLAKE_ROLE may read",
    904: "compare the table with models/staging/_sources.yml",
    2043: "compare the table with models/staging/_sources.yml",
    606: "check SNOWFLAKE_WAREHOUSE",
}

THROTTLED = (errors.TooManyRequests, errors.ServiceUnavailableError)
PERMANENT = (errors.ForbiddenError, errors.BadRequest, errors.MethodNotAllowed, errors.NonRetryableTlsError)
# Not the service's own: what it answers to a statement, and how the connector was called.
OURS = (errors.ProgrammingError, errors.NotSupportedError, errors.InterfaceError)

FAILURES = (errors.Error, RequestException)


def meaning(failure: BaseException) -> Meaning:
    """Judge by the code first: the connector raises one class for lost sessions and for wrong SQL."""
    if isinstance(failure, RequestException):  # an answer that was cut off
        return Meaning.TRANSIENT
    if not isinstance(failure, errors.Error) or _login_refused(failure) or isinstance(failure, PERMANENT):
        return Meaning.PERMANENT
    if isinstance(failure, THROTTLED):
        return Meaning.THROTTLED
    if failure.errno in SESSION_LOST or isinstance(failure, errors.HttpError):  # renewing a session failed
        return Meaning.SESSION_LOST
    if failure.errno in SERVICE_FAILED:
        return Meaning.TRANSIENT
    return Meaning.PERMANENT if isinstance(failure, OURS) else Meaning.TRANSIENT


def explain(failure: BaseException, settings: SnowflakeSettings) -> str:
    """One line: what is wrong, and what to do."""
    what, code = one_line(failure), getattr(failure, "errno", None)
    if _login_refused(failure):
        return f"Snowflake refused the login of {settings.user!r} ({what}): check SNOWFLAKE_USER, {settings.credential}"
    if code in HINTS:
        return f"Snowflake ({settings.database}.{settings.schema_}): {what}; {HINTS[code]}"
    if meaning(failure) is Meaning.THROTTLED:
        return f"Snowflake goes on refusing statements ({what}): lower SNOWFLAKE_RATE_LIMIT_RPS"
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
