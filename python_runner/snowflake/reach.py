"""Whether Snowflake can be reached at all: asked once, because a login waits and is tried again for minutes."""

from __future__ import annotations

from snowflake.connector.util_text import construct_hostname
from snowflake.connector.vendored.requests.api import head
from snowflake.connector.vendored.requests.exceptions import RequestException, SSLError

from python_runner.errors import TransientError
from python_runner.settings import SnowflakeSettings

# To connect, for each address of the name, and then to wait for any answer.
TIMEOUT_S = (5, 5)


def check_reachable(settings: SnowflakeSettings) -> None:
    """TransientError if nothing answers, at the address or through the proxy of the environment."""
    host = settings.host or construct_hostname(None, settings.account)
    address = f"{settings.protocol or 'https'}://{host}:{settings.port or 443}"
    try:
        head(address, timeout=TIMEOUT_S, allow_redirects=False)  # type: ignore[no-untyped-call]
    except SSLError:
        return  # something answers: the login says what is wrong with its certificate
    except RequestException as failure:
        raise TransientError(
            f"Snowflake cannot be reached at {address} ({_cause(failure)}): check SNOWFLAKE_ACCOUNT, SNOWFLAKE_HOST,"
            " the network, and the proxy in HTTPS_PROXY if there is one"
        ) from failure


def _cause(failure: BaseException) -> str:
    """The words of the first failure, in one line: those of the later ones name objects of the driver."""
    words = ""
    deeper: BaseException | None = failure
    while deeper:
        words, deeper = str(deeper) or words, deeper.__cause__ or deeper.__context__
    return " ".join(words.split())[:200]
