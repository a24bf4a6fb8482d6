"""The profile that dbt is given: the connection of DATABASE_URL, or one of the user's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2

from python_runner.conninfo import PROFILE, SERVICE
from python_runner.errors import RunnerError
from python_runner.project import PROJECT
from python_runner.settings import ENCODING, PostgresSettings

SERVICE_FILE = "pg_service.conf"


@contextmanager
def profiles(settings: PostgresSettings) -> Iterator[Path]:
    """The folder of a profile derived from DATABASE_URL, or the folder in DBT_PROFILES_DIR."""
    before = dict(os.environ)
    with TemporaryDirectory(prefix="profiles-") as folder:
        try:
            for name in [name for name, value in before.items() if name.startswith("DBT_") and not value]:
                del os.environ[name]
            if own := os.environ.get("DBT_PROFILES_DIR"):
                os.environ["PGCLIENTENCODING"] = ENCODING
                yield Path(own)
            else:
                shutil.copy(PROJECT / "profiles.yml.example", Path(folder) / "profiles.yml")
                Path(folder, SERVICE_FILE).write_text(settings.service_for_dbt(), encoding="utf-8")
                service = {"PGSERVICEFILE": str(Path(folder, SERVICE_FILE)), "PGSERVICE": SERVICE}
                os.environ.update(settings.for_dbt() | service)
                yield Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)


def check_connection(settings: PostgresSettings) -> None:
    """Connect as dbt will. RunnerError if Postgres or a pooler before it refuses what dbt's sessions ask for."""
    if os.environ.get("DBT_PROFILES_DIR"):
        return
    with profiles(settings):
        asked = {name: os.environ[variable] for name, variable in PROFILE.items() if os.environ.get(variable)}
        try:
            psycopg2.connect(**asked).close()
        except psycopg2.Error as error:
            what = " ".join(str(error).split())
            remedy = (
                ": a pooler does not take DB_STATEMENT_TIMEOUT_S, DB_LOCK_TIMEOUT_S or options: remove them, or"
                " name the server itself in DATABASE_URL"
                if "startup parameter" in what
                else ": check DATABASE_URL"
            )
            raise RunnerError(f"Postgres refuses dbt ({what}){remedy}") from error
