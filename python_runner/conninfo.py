"""What a libpq connection string means, and the same connection for dbt.

dbt's profile has few parameters. libpq reads the others from a service, for what a connection does not say itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, PGconn

from python_runner.errors import UsageError

SERVICE = "runner"
# The parameters that profiles.yml.example reads, each from a variable.
PROFILE = {
    "host": "DBT_PG_HOST",
    "port": "DBT_PG_PORT",
    "user": "DBT_PG_USER",
    "password": "DBT_ENV_SECRET_PG_PASSWORD",  # pragma: allowlist secret
    "dbname": "DBT_PG_DATABASE",
    "sslmode": "DBT_PG_SSLMODE",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
}
DEFAULTS = {"port": "5432", "password": "", "sslmode": "", "connect_timeout": "10", "application_name": "dbt"}
FILES = ("passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir")


def parse(conninfo: str, variable: str = "DATABASE_URL") -> dict[str, str]:
    """The parameters that a connection string names. UsageError omits the string: it may contain a password."""
    try:
        parts = conninfo_to_dict(conninfo)
    except ProgrammingError as error:
        raise UsageError(
            f"{variable} is not a connection string that libpq accepts: "
            "use postgresql://user:password@host:5432/database"
        ) from error
    return {name: str(value) for name, value in parts.items() if value is not None}


def resolve(conninfo: str) -> dict[str, str]:
    """The parameters that libpq connects with: of the string, then of a service, then of the environment."""
    given = parse(conninfo)
    with _service(given.pop("service", "")):
        # libpq reads the service, but does not connect to port 0.
        probe = PGconn.connect_start(make_conninfo("", host="", hostaddr="", port=0).encode())
        if not probe.user:
            raise UsageError(f"the service of DATABASE_URL or PGSERVICE: {probe.error_message.decode().strip()}")
        known = {
            option.keyword.decode(): option.val.decode()
            for option in Conninfo.get_defaults()
            if option.val is not None
            and (option.val != option.compiled or (option.envvar and option.envvar.decode() in os.environ))
        }
    known.pop("service", None)
    resolved = known | given
    resolved["host"] = resolved.get("host") or resolved.get("hostaddr") or probe.host.decode()
    resolved["dbname"] = resolved.get("dbname") or resolved["user"]
    resolved["connect_timeout"] = resolved.get("connect_timeout") or DEFAULTS["connect_timeout"]
    # dbt changes to the folder of the project before it connects.
    files = {name: path for name in FILES if (path := resolved.get(name)) and path != "system"}
    return resolved | {name: str(Path(path).absolute()) for name, path in files.items()}


def profile_variables(parameters: Mapping[str, str]) -> dict[str, str]:
    """The variables that `profiles.yml.example` reads. UsageError if a profile cannot say it."""
    written = DEFAULTS | {name: value for name, value in parameters.items() if name in PROFILE}
    ports = {port or DEFAULTS["port"] for port in written["port"].split(",")}
    if len(ports) > 1:
        raise UsageError(
            f"DATABASE_URL names hosts with different ports ({written['port']}), of which dbt takes one:"
            " use the same port for all, or name one host"
        )
    return {PROFILE[name]: value for name, value in (written | {"port": ports.pop()}).items()}


def service_file(parameters: Mapping[str, str]) -> str:
    """A service with what a profile cannot say. UsageError if dbt's driver, or a service, cannot say it either."""
    others = {name: value for name, value in parameters.items() if name not in PROFILE}
    for name, value in others.items():
        if "\n" in value or "\r" in value:
            raise UsageError(f"{name} in DATABASE_URL has a line break, which cannot be passed to dbt: remove it")
        try:
            psycopg2.extensions.parse_dsn(f"{name}=''")
        except psycopg2.ProgrammingError as error:
            raise UsageError(
                f"DATABASE_URL, or its service, sets {name}, which the driver of dbt does not know: remove it"
            ) from error
    return "\n".join([f"[{SERVICE}]", *(f"{name}={value}" for name, value in others.items())]) + "\n"


@contextmanager
def _service(name: str) -> Iterator[None]:
    """Let libpq's defaults come from this service, or from the one in the environment."""
    before = os.environ.get("PGSERVICE")
    if name:
        os.environ["PGSERVICE"] = name
    try:
        yield
    finally:
        os.environ.pop("PGSERVICE", None)
        os.environ.update({} if before is None else {"PGSERVICE": before})
