"""Configuration comes from the environment, and a mistake in it is one line without secrets."""

from __future__ import annotations

import pytest

from python_runner.errors import UsageError
from python_runner.settings import PostgresSettings, postgres_settings, snowflake_settings

SNOWFLAKE = {"ACCOUNT": "a", "USER": "u", "PASSWORD": "hunter2", "DATABASE": "d", "SCHEMA": "s"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name, value in SNOWFLAKE.items():
        monkeypatch.setenv(f"SNOWFLAKE_{name}", value)


@pytest.mark.parametrize(
    ("url", "host", "port", "database", "password"),
    [
        ("postgresql://me:pa%20ss@db.example:6543/site?sslmode=require", "db.example", "6543", "site", "pa ss"),
        ("postgres://me@/site?host=/run/postgresql", "/run/postgresql", "5432", "site", ""),
        ("host=db.example user=me dbname=site password='pa ss'", "db.example", "5432", "site", "pa ss"),
    ],
)
def test_every_form_of_connection_string_reaches_dbt(
    url: str, host: str, port: str, database: str, password: str
) -> None:
    settings = PostgresSettings(database_url=url, _env_file=None)  # type: ignore[arg-type,call-arg]
    given = settings.for_dbt()
    assert given["DBT_PG_HOST"] == host
    assert given["DBT_PG_PORT"] == port
    assert given["DBT_PG_DATABASE"] == database
    assert given["DBT_ENV_SECRET_PG_PASSWORD"] == password
    assert "pa" not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "hunter2"}, "DATABASE_URL is not a connection string"),
        (
            {"DATABASE_URL": "host=x", "DB_POOL_MAX": "many"},
            "DB_POOL_MAX (is 'many'): input should be a valid integer",
        ),
        ({"DATABASE_URL": "host=x", "DB_POOL_MAX": "1"}, "DB_POOL_MIN (2) is above DB_POOL_MAX (1)"),
    ],
)
def test_a_mistake_in_the_postgres_settings_is_named(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], message: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        postgres_settings()
    assert str(caught.value).startswith(message)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SNOWFLAKE_ACCOUNT", None, "SNOWFLAKE_ACCOUNT is not set"),
        ("SNOWFLAKE_SCHEMA", None, "SNOWFLAKE_SCHEMA is not set"),
        ("SNOWFLAKE_PASSWORD", None, "SNOWFLAKE_PASSWORD is not set: set it, or SNOWFLAKE_PRIVATE_KEY_PATH"),
        ("SNOWFLAKE_RATE_LIMIT_RPS", "0", "SNOWFLAKE_RATE_LIMIT_RPS (is '0'): input should be greater than 0"),
        ("SNOWFLAKE_PRIVATE_KEY_PATH", "/no/such", "SNOWFLAKE_PRIVATE_KEY_PATH (is '/no/such'): path does not"),
    ],
)
def test_a_mistake_in_the_snowflake_settings_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, message: str
) -> None:
    monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        snowflake_settings()
    assert str(caught.value).startswith(message)
