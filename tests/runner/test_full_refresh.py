"""The weekly run: everything fetched, everything rebuilt, and an error where the increments differ from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from python_runner.console.progress import ProgressListener
from python_runner.errors import RunnerError
from python_runner.postgres.rights import failures_schema
from python_runner.refresh import build
from tests.conftest import Database, Loader, Warehouse
from tests.roles import add_schema

pytestmark = pytest.mark.database

SCHEMA = "a_schema_whose_name_is_as_long_as_postgres_takes_it_which_is_63"


@dataclass
class Messages(ProgressListener):
    """The messages for people."""

    texts: list[str] = field(default_factory=list)

    def emit(self, event: str, **fields: Any) -> None:
        if event == "message":
            self.texts.append(fields["text"])


def test_what_the_increments_had_made_is_compared_with_the_rebuild(
    load: Loader, database: Database, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_PG_SCHEMA", SCHEMA)
    add_schema(database.url, SCHEMA)
    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"), ("0xb", "2", True, None))
    load()
    build(database.settings, Messages())
    database.execute(f"update {SCHEMA}.top_wallets_snapshot set total_moments = 7 where wallet_address = '0xb'")
    with pytest.raises(
        RunnerError, match=r"rebuild_equals_the_increments failed: Got 2 results.* the rows are in "
    ) as caught:
        build(database.settings, Messages(), full_refresh=True)
    audit = failures_schema(SCHEMA)
    assert str(caught.value).endswith(f'."{audit}"."rebuild_equals_the_increments"')
    rows = database.rows(f"select * from {audit}.rebuild_equals_the_increments order by state")
    assert [(row["mart"], row["state"], row["content"]["total_moments"]) for row in rows] == [
        ("top_wallets_snapshot", "by increments", 7),
        ("top_wallets_snapshot", "rebuilt", 1),
    ]
    assert database.value(f"select sum(total_moments) from {SCHEMA}.top_wallets_snapshot") == 2
    left = "select relname from pg_class where relnamespace = 'delta'::regnamespace and relpersistence = 'u'"
    assert database.rows(left) == []

    # A model that cannot be built on is mended by the rebuild, with nothing to compare it with.
    database.execute(f"alter table {SCHEMA}.wallet_summary_snapshot drop column floor_value")
    messages = Messages()
    build(database.settings, messages, full_refresh=True)
    assert "nothing to be compared with: dbt: wallet_summary_snapshot" in messages.texts[0]
    assert database.value(f"select sum(floor_value) from {SCHEMA}.wallet_summary_snapshot") == 0
