"""The source that docs/add-a-source.md adds is loaded as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from python_runner.ingest.load import LoadResult, load_from_snowflake
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import open_pool
from python_runner.project import DECLARATION, PROJECT
from python_runner.snowflake.client import Snowflake
from python_runner.sources import read_sources
from tests.conftest import Database, Warehouse

PAGE = PROJECT / "docs/add-a-source.md"
ENTRY = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.database
def test_the_added_source_is_loaded(database: Database, warehouse: Warehouse, tmp_path: Path) -> None:
    (entry,) = ENTRY.findall(PAGE.read_text())
    declaration = tmp_path / DECLARATION.name
    declaration.write_text(
        DECLARATION.read_text().replace(
            "      - name: wallet_holdings\n", entry + "\n" + "      - name: wallet_holdings\n", 1
        )
    )
    source = read_sources(declaration)["challenges"]

    def load() -> LoadResult:
        with open_pool(database.settings) as pool, Snowflake(warehouse.settings) as snowflake:
            pool.run_with_retry(lambda connection: raw_schema.create_tables(connection, [source]))
            return load_from_snowflake(pool, snowflake, source, full=False, progress=SourceProgress())

    warehouse.execute(
        "create table CHALLENGES (challenge_id varchar, title varchar, ends_at timestamp_ntz)",
        "insert into CHALLENGES values ('c1', 'Opening', '2026-01-01'), ('c2', 'Finale', null)",
    )
    assert load().rows_inserted == 2
    warehouse.execute(
        "update CHALLENGES set title = 'Overture' where challenge_id = 'c1'",
        "delete from CHALLENGES where challenge_id = 'c2'",
    )
    loaded = load()
    assert (loaded.rows_updated, loaded.rows_deleted) == (1, 1)
    assert database.rows("select challenge_id, title from raw.challenges") == [
        {"challenge_id": "c1", "title": "Overture"}
    ]
    assert database.value("select sum(weight) from raw.challenges_changes") == -1
