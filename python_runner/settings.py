"""Configuration from the environment and `.env`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, TypeVar

from dotenv import dotenv_values
from pydantic import Field, FilePath, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from python_runner.errors import UsageError

ENV_FILE = ".env"
ENCODING = "UTF8"
# What to do when a limit of a session has cancelled a statement.
REMEDIES = {
    "statement": "raise DB_STATEMENT_TIMEOUT_S",
    "lock": "see `runner status --database`, or raise DB_LOCK_TIMEOUT_S",
}
SECRET = re.compile("PASS|TOKEN|URL")
MAX_NAME_BYTES = 63  # of a name in Postgres, which cuts a longer one


class PostgresSettings(BaseSettings):
    """The Postgres database, and the limits of the connections to it."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr
    db_pool_min: int = Field(2, ge=1)
    db_pool_max: int = Field(20, ge=1)
    db_pool_timeout_s: float = Field(60, gt=0, description="how long to wait for a free connection")
    db_statement_timeout_s: int = Field(0, ge=0, description="0 disables it: a first load can run for a long time")
    db_lock_timeout_s: int = Field(0, ge=0, description="0 disables it")
    dbt_pg_schema: str = "public"

    @property
    def conninfo(self) -> str:
        """What libpq makes of DATABASE_URL, with UTF-8 whatever the session's defaults are."""
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415

        return make_conninfo("", **self.parameters())

    def for_dbt(self) -> dict[str, str]:
        """The same connection, as the environment variables that `profiles.yml.example` reads."""
        from python_runner.conninfo import profile_variables  # noqa: PLC0415

        return profile_variables(self.parameters()) | {
            "DBT_PG_SCHEMA": self.dbt_pg_schema,
            "PGCLIENTENCODING": ENCODING,
        }

    def service_for_dbt(self) -> str:
        """The rest of the connection, as a service of libpq, with the limits of the loader's connections."""
        from python_runner.conninfo import service_file  # noqa: PLC0415

        parameters = self.parameters()
        limits = {"statement_timeout": self.db_statement_timeout_s, "lock_timeout": self.db_lock_timeout_s}
        options = [f"-c {name}={seconds}s" for name, seconds in limits.items() if seconds]
        if options:
            parameters["options"] = " ".join([*filter(None, [parameters.get("options")]), *options])
        return service_file(parameters)

    def parameters(self) -> dict[str, str]:
        """What libpq connects with, by name."""
        from python_runner.conninfo import resolve  # noqa: PLC0415

        return resolve(self.database_url.get_secret_value()) | {"client_encoding": ENCODING}


class ApiSettings(BaseSettings):
    """What the read API reads from besides the primary, and the limits of its connections."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_replica_url: SecretStr | None = Field(None, description="standbys, separated by commas")
    redis_url: SecretStr | None = Field(None, description="a Redis or Valkey server that processes share")
    api_pool_min: int = Field(1, ge=1, description="connections that each pool keeps open")
    api_pool_max: int = Field(10, ge=1, description="over all workers and servers")
    api_cors_origins: str | None = Field(None, description="origins, separated by commas")

    @property
    def replicas(self) -> list[str]:
        """The connection string of each standby."""
        urls = self.database_replica_url.get_secret_value() if self.database_replica_url else ""
        return [url.strip() for url in urls.split(",") if url.strip()]

    @property
    def origins(self) -> list[str]:
        """The origins whose pages may read the answers."""
        return [origin.strip() for origin in (self.api_cors_origins or "").split(",") if origin.strip()]

    def pool_size(self, workers: int) -> int:
        """The connections of one pool: a worker has a pool for each server, and a connection that listens."""
        servers = 1 + len(self.replicas)
        size = (self.api_pool_max // workers - 1) // servers
        if size < 1:
            raise UsageError(
                f"API_POOL_MAX ({self.api_pool_max}) is too low for {workers} workers and {servers} servers:"
                f" set it to {workers * (servers + 1)} or more"
            )
        return size


class CopySettings(BaseSettings):
    """The folder of the columnar copy, which is all that a question needs."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    analytics_folder: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder. UsageError if it is not set, or if DuckDB would read its name as a pattern or a partition."""
        folder = self.analytics_folder
        if not folder:
            raise UsageError("ANALYTICS_FOLDER is not set: set it in the environment or in .env (see .env.example)")
        if not folder.is_absolute() or set("*?[\\=") & set(str(folder)):
            raise UsageError(f"ANALYTICS_FOLDER is {folder}: give an absolute path without * ? [ \\ =")
        return folder


class AnalyticsSettings(PostgresSettings, CopySettings):
    """The Postgres database, and the folder of its columnar copy."""


Postgres = TypeVar("Postgres", bound=PostgresSettings)


class SnowflakeSettings(BaseSettings):
    """The Snowflake schema to read, and the limits of reading it."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_ignore_empty=True,
        env_prefix="SNOWFLAKE_",
        extra="ignore",
        hide_input_in_errors=True,
    )

    account: str
    user: str
    password: SecretStr | None = None
    private_key_path: FilePath | None = None
    private_key_passphrase: SecretStr | None = None
    token: SecretStr | None = Field(None, description="an OAuth access token")
    role: str | None = None
    warehouse: str | None = None
    database: str
    schema_: str = Field(validation_alias="SNOWFLAKE_SCHEMA")
    host: str | None = None
    port: int | None = Field(None, ge=1, le=65535)
    protocol: str | None = Field(None, pattern="^https?$")

    rate_limit_rps: float = Field(2, gt=0, description="statements per second, over all workers")
    batches_in_parallel: int = Field(3, ge=1, description="chunks of results in flight, over all sources")

    @property
    def credential(self) -> str:
        """The name of the variable that is used to log in: the token, else the key, else the password."""
        given = {"TOKEN": self.token, "PRIVATE_KEY_PATH": self.private_key_path}
        return f"SNOWFLAKE_{next((name for name, value in given.items() if value), 'PASSWORD')}"

    def connect_args(self) -> dict[str, Any]:
        """The arguments of `snowflake.connector.connect`, without those that are not set."""
        args = {
            "account": self.account,
            "user": self.user,
            **self._credentials(),
            "role": self.role,
            "warehouse": self.warehouse,
            "database": self.database,
            "schema": self.schema_,
            "host": self.host,
            "port": self.port,
            "protocol": self.protocol,
        }
        return {name: value for name, value in args.items() if value is not None}

    def _credentials(self) -> dict[str, Any]:
        if self.token:
            return {"authenticator": "oauth", "token": self.token.get_secret_value()}
        if self.private_key_path:
            return {"private_key": _private_key(self.private_key_path, self.private_key_passphrase)}
        if self.password:
            return {"password": self.password.get_secret_value()}
        raise UsageError("SNOWFLAKE_PASSWORD is not set: set it, or SNOWFLAKE_PRIVATE_KEY_PATH, or SNOWFLAKE_TOKEN")


def _private_key(path: Path, passphrase: SecretStr | None) -> bytes:
    """The key in the form that the connector takes; UsageError if it cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  most logins do not use a key
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    secret = passphrase.get_secret_value().encode() if passphrase else None
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), secret)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"SNOWFLAKE_PRIVATE_KEY_PATH ({path}) is no private key that can be read: use a PEM file, and set"
            " SNOWFLAKE_PRIVATE_KEY_PASSPHRASE only if it is encrypted"
        ) from error
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class ScheduleSettings(BaseSettings):
    """When the worker enqueues each job: cron expressions in UTC; an empty one is off."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_prefix="SCHEDULE_", extra="ignore", hide_input_in_errors=True
    )

    refresh: str = "15 */3 * * *"
    full_refresh: str = "45 3 * * 0"
    reconcile: str = "45 4 * * 1-6"
    maintain: str = "45 5 * * 3"
    analytics: str = ""


def postgres_settings(env_file: str | None = ENV_FILE) -> PostgresSettings:
    """Read and check; UsageError names the variable that is wrong."""
    return _checked(PostgresSettings, env_file)


def copy_settings(env_file: str | None = ENV_FILE) -> CopySettings:
    """Read and check; UsageError names the variable that is wrong."""
    settings = CopySettings(_env_file=env_file)  # type: ignore[call-arg]
    settings.folder  # noqa: B018  it is required here
    return settings


def analytics_settings(env_file: str | None = ENV_FILE) -> AnalyticsSettings:
    """Read and check; UsageError names the variable that is wrong."""
    settings = _checked(AnalyticsSettings, env_file)
    settings.folder  # noqa: B018  it is required here
    return settings


def _checked(kind: type[Postgres], env_file: str | None) -> Postgres:
    if env_file:
        _load(env_file)
    try:
        settings = kind(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        raise UsageError(_first_line(error, prefix="")) from error
    database = settings.parameters()["dbname"]
    for name, value in (("DBT_PG_SCHEMA", settings.dbt_pg_schema), ("the database of DATABASE_URL", database)):
        _check_name(name, value)
    if settings.db_pool_min > settings.db_pool_max:
        raise UsageError(f"DB_POOL_MIN ({settings.db_pool_min}) is above DB_POOL_MAX ({settings.db_pool_max})")
    return settings


def schedule_settings(env_file: str | None = ENV_FILE) -> ScheduleSettings:
    """Read the cron expressions; the worker checks them."""
    return ScheduleSettings(_env_file=env_file)  # type: ignore[call-arg]


def _check_name(setting: str, name: str) -> None:
    """UsageError if dbt does not take the name: it quotes names, but not the quotation marks in them."""
    if '"' in name or "'" in name:
        raise UsageError(f"{setting} ({name}) contains a quotation mark, which dbt does not take: use another name")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise UsageError(f"{setting} ({name}) has more than {MAX_NAME_BYTES} bytes: use a shorter name")


def api_settings(env_file: str | None = ENV_FILE) -> ApiSettings:
    """Read and check; UsageError names the variable that is wrong."""
    from python_runner.conninfo import parse  # noqa: PLC0415

    try:
        settings = ApiSettings(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        raise UsageError(_first_line(error, prefix="")) from error
    for url in settings.replicas:
        parse(url, "DATABASE_REPLICA_URL")
    return settings


def snowflake_settings(env_file: str | None = ENV_FILE) -> SnowflakeSettings:
    """Read and check; UsageError names the variable that is wrong."""
    try:
        settings = SnowflakeSettings(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        raise UsageError(_first_line(error, prefix="SNOWFLAKE_")) from error
    settings.connect_args()
    return settings


def _load(env_file: str) -> None:
    """Put the variables that are not set into the environment, which is all that dbt and libpq read."""
    for name, value in dotenv_values(env_file).items():
        if value and not os.environ.get(name):
            os.environ[name] = value


def _first_line(error: ValidationError, prefix: str) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = str(first["loc"][0]).upper()
    name = field if field.startswith(prefix) else prefix + field
    if first["type"] == "missing":
        return f"{name} is not set: set it in the environment or in .env (see .env.example)"
    given = f" (is {os.environ[name]!r})" if name in os.environ and not SECRET.search(name) else ""
    return f"{name}{given}: {first['msg'][0].lower()}{first['msg'][1:]}"
