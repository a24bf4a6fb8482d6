"""Each analysis of the server runs on every version, and finds what it is for."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from python_runner.postgres.diagnostics import ANALYSES, run_diagnostics

pytestmark = pytest.mark.database


@pytest.fixture
def connection(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """
            create table big with (autovacuum_enabled = false) as
            select n, n % 7 as k, repeat('x', 100) as filler from generate_series(1, 20000) as n;
            create index big_k on big (k);
            create index big_k_n on big (k, n);
            create unique index big_n on big (n);
            update big set filler = filler;
            update big set filler = filler;
            analyze big;
            select count(*) from big where filler = 'y';
            select pg_stat_force_next_flush();
            """
        )
        yield connection


def found(connection: psycopg.Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    return {finding.name: finding.rows for finding in run_diagnostics(connection)}


def test_seeded_faults_are_found(connection: psycopg.Connection[Any]) -> None:
    seen = found(connection)
    assert set(seen) == {path.stem for path in ANALYSES.glob("*.sql")}
    assert [(row["index_name"], row["covered_by"]) for row in seen["duplicate_indexes"]] == [("big_k", "big_k_n")]
    assert {row["index_name"] for row in seen["unused_indexes"]} == {"big_k", "big_k_n"}
    (bloat,) = seen["bloat"]
    assert bloat["table_name"] == "public.big"
    assert 2.5 < bloat["times_needed"] < 3.5
    assert [row["table_name"] for row in seen["missing_indexes"]] == ["public.big"]
    assert "public.big" in {row["table_name"] for row in seen["cache_hits"]}


def test_who_waits_and_for_whom(connection: psycopg.Connection[Any], database_url: str) -> None:
    with psycopg.connect(database_url, application_name="idler") as blocker, psycopg.connect(database_url) as other:
        blocker.execute("lock table big")
        waiting = threading.Thread(target=other.execute, args=("select count(*) from big",))
        waiting.start()
        # The server may have other tests' sessions.
        while not (locks := [row for row in found(connection)["longest_locks"] if row["blocker"] == "idler"]):
            assert waiting.is_alive()
        blocker.rollback()
        waiting.join()
    assert [row["blocker_is"] for row in locks] == ["idle in transaction"]
    assert locks[0]["statement"].startswith("select count(*)")


def test_each_says_how_to_read_it(connection: psycopg.Connection[Any]) -> None:
    for finding in run_diagnostics(connection):
        assert len(finding.how_to_read) > 30
        assert not finding.how_to_read.startswith("--")


def test_without_statistics_of_statements_it_says_how_to_get_them(connection: psycopg.Connection[Any]) -> None:
    statements = {finding.name: finding for finding in run_diagnostics(connection)}["slowest_statements"]
    assert "create extension pg_stat_statements" in statements.how_to_read
    assert statements.rows == []
