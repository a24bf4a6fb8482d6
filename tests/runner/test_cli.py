"""What a user sees: one line and an exit code, never a traceback or a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import csv, parquet

from tests.conftest import CHUNK_ROWS, Database, Warehouse
from tests.roles import add_schema

RUNNER = Path(sys.executable).parent / "runner"
UNREACHABLE = {"SNOWFLAKE_HOST": "127.0.0.1", "SNOWFLAKE_PORT": "1", "SNOWFLAKE_PROTOCOL": "http"}


def runner(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SNOWFLAKE_", "DATABASE_URL", "DBT_"))}
    return subprocess.run(
        [str(RUNNER), *arguments], cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False
    )


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for word in words:
        assert word.lower() in lines[0].lower()
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        (None, 2, ["DATABASE_URL is not set", ".env"]),
        ("hunter2", 2, ["DATABASE_URL is not a connection string"]),
        ("postgresql://me:hunter2@127.0.0.1:1/site", 1, ["Connection refused", "check DATABASE_URL"]),
    ],
)
def test_a_wrong_database_url(tmp_path: Path, url: str | None, code: int, words: list[str]) -> None:
    environment = {"DATABASE_URL": url} if url else {}
    assert_one_line(runner("status", cwd=tmp_path, **environment), code, *words)


def test_dot_env_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://me:hunter2@127.0.0.1:1/site\n")
    assert_one_line(runner("status", cwd=tmp_path), 1, "Connection refused")


@pytest.mark.database
@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"SNOWFLAKE_ACCOUNT": ""}, 2, ["SNOWFLAKE_ACCOUNT"]),
        ({"SNOWFLAKE_PASSWORD": "hunter2"}, 1, ["refused the login", "SNOWFLAKE_PASSWORD"]),
        ({"SNOWFLAKE_SCHEMA": "NOWHERE"}, 1, ["ALLDAY.NOWHERE", "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA"]),
    ],
)
def test_wrong_snowflake_settings(
    tmp_path: Path, database: Database, warehouse: Warehouse, change: dict[str, str], code: int, words: list[str]
) -> None:
    environment = {"DATABASE_URL": database.login} | warehouse.environment | change
    assert_one_line(runner("load", cwd=tmp_path, **environment), code, *words)


@pytest.mark.database
def test_status_before_the_first_load_says_what_to_do(tmp_path: Path, database: Database) -> None:
    assert_one_line(runner("status", cwd=tmp_path, DATABASE_URL=database.login), 1, "run `runner load` first")


@pytest.mark.database
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_is_loaded_and_shows_in_the_status(tmp_path: Path, database: Database, kind: str) -> None:
    (tmp_path / "prices.csv").write_text("edition_id,lowest_ask,avg_sale,top_sale\nED123,1,2,3\n2,-1,,\n")
    parquet.write_table(csv.read_csv(tmp_path / "prices.csv"), tmp_path / "prices.parquet")
    arguments = ("load", "--source", "edition_price_scrape", f"--from-{kind}", f"prices.{kind}", "--json")
    done = runner(*arguments, cwd=tmp_path, DATABASE_URL=database.login)
    (loaded,) = json.loads(done.stdout)["loaded"]
    assert (loaded["rows_fetched"], loaded["rows_inserted"], loaded["rows_rejected"]) == (2, 1, 1)
    status = json.loads(runner("status", "--json", cwd=tmp_path, DATABASE_URL=database.login).stdout)
    assert status["sources"][0]["rejected_rows"] == 1
    assert runner("status", cwd=tmp_path, DATABASE_URL=database.login).returncode == 0


@pytest.mark.database
def test_times_of_any_spelling_are_read_and_others_are_counted_in_the_printed_table(
    tmp_path: Path, database: Database
) -> None:
    good = ["2025-06-01T10:00:00Z", "2025-06-01 12:00:00+02:00", "2025-06-01T10:00:00.000000000", "2025-06-01t10:00z"]
    lines = [f"0xa,{moment},true,{time}" for moment, time in enumerate([*good, "yesterday"])]
    (tmp_path / "h.csv").write_text("\n".join(["wallet_address,nft_id,is_locked,last_event_ts", *lines]))
    arguments = ("load", "--source", "wallet_holdings", "--from-csv", "h.csv")
    done = runner(*arguments, cwd=tmp_path, DATABASE_URL=database.login)
    header, row = [line.split() for line in done.stdout.splitlines()[1:3]]
    assert {name: row[header.index(name)] for name in ("rows", "inserted", "rejected", "nulled")} == {
        "rows": "5", "inserted": "5", "rejected": "0", "nulled": "1"
    }  # fmt: skip
    times = database.rows("select distinct last_event_ts at time zone 'UTC' as t from raw.wallet_holdings order by t")
    assert [str(row["t"]) for row in times] == ["2025-06-01 10:00:00", "None"]


def test_the_help_says_what_a_file_deletes(tmp_path: Path) -> None:
    shown = " ".join(runner("load", "--help", cwd=tmp_path).stdout.split())
    assert "the file is the whole table: rows that it lacks are deleted, up to the source's delete_limit" in shown


@pytest.mark.database
@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("absent.csv", None, 2, ["cannot read absent.csv: No such file"]),
        (".", None, 2, ["cannot read .: Is a directory"]),
        ("prices.csv", "edition_id\n", 2, ["has no column lowest_ask"]),
        ("prices.csv", 'edition_id,lowest_ask,avg_sale,top_sale\n"1"x,2,3,4\n', 1, ["line 2 has text after the quote"]),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, database: Database, name: str, content: str | None, code: int, words: list[str]
) -> None:
    if content:
        (tmp_path / name).write_text(content)
    arguments = ("load", "--source", "edition_price_scrape", "--from-csv", name)
    assert_one_line(runner(*arguments, cwd=tmp_path, DATABASE_URL=database.login), code, *words)


@pytest.mark.database
def test_progress_is_printed_as_json_lines(tmp_path: Path, database: Database, warehouse: Warehouse) -> None:
    environment = warehouse.environment | {
        "DATABASE_URL": database.login,
        "SNOWFLAKE_RATE_LIMIT_RPS": "2",
    }
    warehouse.execute(
        "insert into WALLET_PROFILES values ('0xb', 'Ben')",
        f"insert into WALLET_PROFILES select '0xc' || i, 'Cid' from range({CHUNK_ROWS}) as r (i)",
    )
    load = ("load", "--source", "wallet_profiles", "--json")
    done = runner(*load, cwd=tmp_path, **environment)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [e["event"] for e in events] == ["started", "planned", "batch", "batch", "loaded"]
    assert {e["source"] for e in events} == {"wallet_profiles"}
    assert (events[1]["total"], events[3]["batch"], events[3]["rows"]) == (2, 2, 1 + CHUNK_ROWS)
    (loaded,) = json.loads(done.stdout)["loaded"]
    assert {name: events[-1][name] for name in loaded} == loaded
    assert loaded["retries"] == 0
    assert loaded["waited_seconds"] > 0
    warehouse.execute("update WALLET_PROFILES set display_name = 'Bea' where wallet_address = '0xb'")
    shown = runner(*load, "--reconcile", "--dry-run", cwd=tmp_path, **environment)
    assert [json.loads(line)["event"] for line in shown.stderr.splitlines()] == [
        "started", "compared", "planned", "batch"
    ]  # fmt: skip
    (change,) = json.loads(shown.stdout)["would_change"][0]["first"]
    assert (change["change"], change["key"], change["becomes"]["display_name"]) == ("update", "0xb", "Bea")
    shown_to_people = runner(*load[:-1], "--reconcile", "--dry-run", cwd=tmp_path, **environment)
    assert "display_name: Ben → Bea" in shown_to_people.stdout


def test_an_error_is_a_json_line_too(tmp_path: Path) -> None:
    done = runner("status", "--json", cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["event"] == "error"
    assert json.loads(line)["text"] == json.loads(done.stdout)["error"]


@pytest.mark.database
def test_status_shows_lag_and_rejects_by_reason(tmp_path: Path, database: Database, warehouse: Warehouse) -> None:
    environment = warehouse.environment | {"DATABASE_URL": database.login}
    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"), ("0xb", "two", False, None), ("0xc", "x", False, None))
    runner("load", "--source", "wallet_holdings", cwd=tmp_path, **environment)
    shown = json.loads(runner("status", "--json", cwd=tmp_path, **environment).stdout)
    (source,) = shown["sources"]
    assert source["lag_seconds"] > source["age_seconds"] >= 0
    assert source["unfinished"] is False
    (reject,) = shown["rejects"]
    assert (reject["reason"], reject["with_null"], reject["rows"]) == ("nft_id is not a bigint", False, 2)


def test_nothing_is_shortened_where_the_output_is_piped() -> None:
    cells = {name: name[0] * 90 for name in ("source", "reason", "more")}
    script = f"from python_runner.console import report; report.print_rows('rejects', [{cells!r}])"
    for columns in ("40", "80"):
        environment = os.environ | {"COLUMNS": columns}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert "  ".join(cells.values()) in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["load", "--source", "nonsense"],
        ["load", "--from-csv", "prices.csv"],
        ["load", "--from-parquet", "prices.csv"],
        ["load", "--full", "--reconcile"],
        ["load", "--dry-run"],
        ["load", "--source", "wallet_profiles", "--from-csv", "prices.csv", "--reconcile"],
        ["load", "--from-csv", "absent.csv"],
        ["fly"],
    ],
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "prices.csv").touch()
    done = runner(*arguments, cwd=tmp_path, DATABASE_URL="host=x")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.database
def test_dbt_has_the_connection_of_dot_env_and_its_own_exit_code(tmp_path: Path, database: Database) -> None:
    (tmp_path / ".env").write_text(f"DATABASE_URL='{database.login}'\nDBT_PG_SCHEMA=elsewhere\n")
    add_schema(database.url, "elsewhere")
    target = str(tmp_path / "target")

    def dbt(*arguments: str) -> subprocess.CompletedProcess[str]:
        return runner("dbt", *arguments, cwd=tmp_path, DBT_TARGET_PATH=target, DBT_LOG_PATH=target)

    show = ("--quiet", "show", "--output", "json", "--inline")
    shown = dbt(*show, "select current_database() as name, '{{ target.schema }}' as schema")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    (row,) = json.loads(shown.stdout)["show"]
    assert row == {"name": database.value("select current_database()"), "schema": "elsewhere"}
    assert dbt("run", "--select", "stg_wallet_holdings").returncode == 1  # nothing is loaded
    assert dbt("fly").returncode == 2
    assert "runner dbt build [OPTIONS]" in dbt("build", "--help").stdout


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in runner("status", "--debug", cwd=tmp_path).stderr
