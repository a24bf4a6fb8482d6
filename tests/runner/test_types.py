"""A source with a column of each type, from the stand-in for Snowflake: loaded, and reconciled without a difference."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from python_runner.ingest.load import LoadResult, load_from_snowflake
from python_runner.ingest.reconcile import reconcile
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import open_pool
from python_runner.snowflake.client import Snowflake
from python_runner.snowflake.schema_check import check_columns
from python_runner.sources import Source
from tests.conftest import Database, Warehouse
from tests.runner.samples import declared

pytestmark = pytest.mark.database

COLUMNS = {  # the declared type, the type in Snowflake, values in Snowflake's SQL
    "id": ("integer", "number(38, 0)", "1", "2"),
    "word": ("text", "varchar", "'é'", "null"),
    "fixed": ("varchar(3)", "varchar", "'abc'", "'abcd'"),
    "small": ("smallint", "varchar", "' 7'", "'40000'"),
    "exact": ("numeric", "number(38, 9)", "0.5", "-12.34"),
    "price": ("decimal(4, 1)", "float", "12.34", "1000"),
    "single": ("real", "float", "0.1", "1e300"),
    "double": ("double precision", "float", "0.1", "1e300"),
    "flag": ("boolean", "varchar", "'Yes'", "'maybe'"),
    "day": ("date", "date", "'1900-02-28'", "null"),
    "local": ("timestamp", "timestamp_ntz", "'2025-06-01 10:00:00.123456'", "'1900-01-01 00:00:00'"),
}
EXPECTED: list[tuple[Any, ...]] = [
    (1, "é", "abc", 7, Decimal("0.5"), Decimal("12.3"), 0.1, 0.1, True, "1900-02-28", "2025-06-01 10:00:00.123456"),
    (2, None, None, None, Decimal("-12.34"), None, None, 1e300, None, None, None),
]
THINGS = declared(
    "things", *({"name": n, "data_type": t[0], "unusable": "null", "required": n == "id"} for n, t in COLUMNS.items())
)
ALIKE = THINGS.model_copy(
    update={"columns": tuple(c for c in THINGS.columns if c.name not in {"exact", "single", "double"})}
)
Run = Callable[..., LoadResult]


@pytest.fixture
def run(database: Database, warehouse: Warehouse) -> Run:
    warehouse.execute(
        f"create table THINGS ({', '.join(f'{name} {t[1]}' for name, t in COLUMNS.items())})",
        f"insert into THINGS select {', '.join(t[2] for t in COLUMNS.values())}",
        f"insert into THINGS select {', '.join(t[3] for t in COLUMNS.values())}",
    )

    def run(work: Callable[..., LoadResult], source: Source = THINGS, **options: Any) -> LoadResult:
        with open_pool(database.settings) as pool, Snowflake(warehouse.settings) as snowflake:
            check_columns(snowflake, [source], warn=lambda _: None)
            pool.run_with_retry(lambda connection: raw_schema.create_tables(connection, [source]))
            return work(pool, snowflake, source, progress=SourceProgress(), **options)

    return run


def test_every_type_is_loaded_and_reconciled(run: Run, database: Database, warehouse: Warehouse) -> None:
    shown = ", ".join({"day": "day::text", "local": "local::text"}.get(name, name) for name in COLUMNS)
    content = f"select {shown} from raw.things order by id"
    loaded = run(load_from_snowflake, full=False)
    assert (loaded.rows_inserted, loaded.rows_nulled) == (2, 1)
    assert [tuple(row.values()) for row in database.rows(content)] == EXPECTED
    again = run(reconcile)
    assert (again.rows_inserted, again.rows_updated, again.rows_deleted) == (0, 0, 0)
    warehouse.execute("update THINGS set day = '2000-02-29', exact = 1.5 where id = 1")
    repaired = run(reconcile)
    assert repaired.rows_updated == 1
    assert database.rows("select day::text as day, exact from raw.things where id = 1") == [
        {"day": "2000-02-29", "exact": Decimal("1.5")}
    ]


def test_what_both_servers_write_alike_does_not_travel(run: Run) -> None:
    run(load_from_snowflake, ALIKE, full=False)
    assert run(reconcile, ALIKE).rows_fetched == 0
