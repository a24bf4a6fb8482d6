"""The columnar copy of the changelogs: Parquet files, one directory for each refresh."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from python_runner.errors import UsageError

if TYPE_CHECKING:
    from python_runner.settings import AnalyticsSettings, CopySettings


def checked_settings() -> AnalyticsSettings:
    """The settings of the copy and of its database. UsageError if one is wrong, or if DuckDB is not installed."""
    from python_runner.settings import analytics_settings  # noqa: PLC0415  the help does not wait for it

    settings = analytics_settings()
    _check_installed()
    return settings


def checked_copy() -> CopySettings:
    """The settings of the copy alone. UsageError if one is wrong, or if DuckDB is not installed."""
    from python_runner.settings import copy_settings  # noqa: PLC0415

    settings = copy_settings()
    _check_installed()
    return settings


def _check_installed() -> None:
    if not find_spec("duckdb"):
        raise UsageError("analytics needs duckdb: install the project with its extra `analytics`")
