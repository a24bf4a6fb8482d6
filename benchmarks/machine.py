"""On what, and with what, was measured."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import psutil

from python_runner.postgres.pool import Connection

PACKAGES = ("dbt-core", "dbt-postgres", "snowflake-connector-python", "pyarrow", "pgpq", "psycopg", "duckdb")
SETTINGS = ("shared_buffers", "work_mem", "maintenance_work_mem", "max_wal_size", "fsync", "synchronous_commit")


def described(connection: Connection) -> dict[str, object]:
    """The machine, the server and its settings, and the versions of what is measured."""
    file = Path("/proc/cpuinfo")
    cpus = [line for line in file.read_text().splitlines() if line.startswith("model name")] if file.exists() else []
    shown = connection.execute(
        "select name, current_setting(name) from pg_settings where name = any(%s)", (list(SETTINGS),)
    ).fetchall()
    return {
        "processor": cpus[0].split(":")[1].strip() if cpus else platform.processor(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": connection.execute("show server_version").fetchall()[0][0],
        "settings": dict(shown),
        "packages": {name: version(name) for name in PACKAGES},
    }
