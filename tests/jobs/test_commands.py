"""The commands of the queue, with a real refresh as the job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from python_runner.jobs.names import JobName
from tests.conftest import Database, Warehouse
from tests.delta.oracle import assert_equal
from tests.runner.test_cli import assert_one_line, runner

pytestmark = pytest.mark.database

OFF = {f"SCHEDULE_{name.name.upper()}": "" for name in JobName}


def answer(*arguments: str, cwd: Path, **environment: str) -> Any:
    done = runner(*arguments, "--json", cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_job_is_enqueued_shown_and_cancelled(database: Database, tmp_path: Path) -> None:
    url = {"DATABASE_URL": database.login}
    assert answer("jobs", cwd=tmp_path, **url) == {"queued": [], "running": [], "ended": []}
    queued = answer(
        "enqueue", "refresh", "--source", "wallet_profiles", "--at", "2099-01-01T03:00", cwd=tmp_path, **url
    )
    assert queued == {"id": 1, "job": "refresh", "new": True}
    (shown,) = answer("jobs", cwd=tmp_path, **url)["queued"]
    assert (shown["id"], shown["job"], shown["source"]) == (1, "refresh", "wallet_profiles")
    assert "job 1 is cancelled" in runner("jobs", "cancel", "1", cwd=tmp_path, **url).stdout
    assert_one_line(runner("jobs", "retry", "1", cwd=tmp_path, **url), 1, "has not failed, it is cancelled")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["enqueue", "maintain", "--source", "wallet_profiles"], ["--source does not apply to maintain"]),
        (["enqueue", "refresh", "--source", "nothing"], ["no source is named 'nothing'"]),
        (["worker"], ["SNOWFLAKE_ACCOUNT"]),
    ],
)
def test_a_wrong_call_is_explained(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    url = {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    assert_one_line(runner(*arguments, cwd=tmp_path, **url), 2, *words)


@pytest.mark.slow
def test_a_refresh_by_the_queue(database: Database, warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.hold(*((f"0x{moment % 3}", moment, False, "2026-01-01 00:00:00") for moment in range(30)))
    warehouse.execute("insert into WALLET_PROFILES values ('0x1', 'Ada')")
    site = warehouse.environment | OFF | {"DATABASE_URL": database.login}
    site["ANALYTICS_FOLDER"] = str(tmp_path / "copy")
    queued = [(answer("enqueue", name, cwd=tmp_path, **site)["id"], name) for name in ("refresh", "analytics")]
    done = runner("worker", "--once", "--json", cwd=tmp_path, **site)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(event["job"], event["job_name"]) for event in events} == set(queued)
    assert {"job_started", "loaded", "built", "synced", "job_succeeded"} <= {event["event"] for event in events}
    with psycopg.connect(database.url) as connection:
        assert_equal(connection)
    answer("enqueue", "refresh", cwd=tmp_path, **site)
    refused = runner("worker", "--once", cwd=tmp_path, **site | {"SNOWFLAKE_PASSWORD": "hunter2"})
    assert refused.returncode == 1
    assert "hunter2" not in refused.stdout + refused.stderr
    failed, *succeeded = answer("status", cwd=tmp_path, **site)["jobs_ended"]
    assert (failed["state"], {job["state"] for job in succeeded}) == ("failed", {"succeeded"})
    assert "refused the login" in failed["error"]
