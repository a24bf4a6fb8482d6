"""What a declaration may say: a type whose values are exact, bounds that fit it, indexes that take every value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from python_runner.errors import RunnerError
from python_runner.sources import Source, read_sources


def read(tmp_path: Path, *columns: dict[str, Any], **meta: Any) -> Source:
    declared = {
        "name": "things",
        "config": {"meta": {"snowflake_table": "THINGS", "key": "id", "incremental": "whole"} | meta},
        "columns": [{"name": "id", "data_type": "text"}, *columns],
    }
    path = tmp_path / "_sources.yml"
    path.write_text(yaml.safe_dump({"sources": [{"name": "raw", "tables": [declared]}]}))
    return read_sources(path)["things"]


def column(data_type: str, name: str = "value", **meta: Any) -> dict[str, Any]:
    return {"name": name, "data_type": data_type, "config": {"meta": meta}}


@pytest.mark.parametrize(
    ("written", "kind", "sizes"),
    [
        ("TEXT", "text", (None, None, 0)),
        ("varchar", "text", (None, None, 0)),
        ("Character Varying (12)", "text", (12, None, 0)),
        ("decimal(8,2)", "numeric", (None, 8, 2)),
        ("numeric(38, 10)", "numeric", (None, 38, 10)),
        ("numeric(5)", "numeric", (None, 5, 0)),
        ("numeric", "numeric", (None, None, 0)),
        ("int", "integer", (None, None, 0)),
        ("timestamp with time zone", "timestamptz", (None, None, 0)),
        ("double  precision", "double precision", (None, None, 0)),
    ],
)
def test_a_type_may_be_written_as_postgres_reads_it(
    tmp_path: Path, written: str, kind: str, sizes: tuple[int | None, int | None, int]
) -> None:
    declared = read(tmp_path, column(written)).column("value").type
    assert (declared.kind, (declared.length, declared.precision, declared.scale)) == (kind, sizes)


@pytest.mark.parametrize(
    "written",
    [
        "char(3)",
        "character(3)",
        "bpchar",
        "json",
        "jsonb",
        "uuid",
        "bytea",
        "time",
        "interval",
        "money",
        "text[]",
        "numeric(39)",
        "numeric(0)",
        "numeric(5, 6)",
        "numeric(38, 38)",
        "numeric(5, -2)",
        "varchar(0)",
        "varchar(10485761)",
        "text(3)",
        "float",
        "float(24)",
        "timestamp(3)",
        "timestamptz(6)",
        "serial",
        "",
        "int); drop table x; --",
        "numeric(5,2",
        "integer(4)",
        None,
    ],
)
def test_any_other_type_is_refused_in_one_line(tmp_path: Path, written: Any) -> None:
    with pytest.raises(RunnerError) as caught:
        read(tmp_path, column(written))
    assert "\n" not in str(caught.value)
    assert "_sources.yml: things.value.data_type: " in str(caught.value)
    if written is not None:
        assert "use one of text, varchar(n), smallint" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "meta", "message"),
    [
        ([column("integer", minimum=0.5)], {}, "the bound 0.5 is not a value of type integer"),
        ([column("smallint", maximum=40_000)], {}, "the bound 40000 is not a value of type smallint"),
        ([column("numeric(4, 2)", maximum=100)], {}, "the bound 100 is not a value"),
        ([column("date", minimum=1)], {}, "minimum does not apply to type date"),
        ([column("bigint", max_bytes=5)], {}, "max_bytes does not apply to type bigint"),
        ([column("text", maximum=5)], {}, "maximum does not apply to type text"),
        ([column("text", max_bytes=0)], {}, "max_bytes"),
        ([column("text", max_bytes=3_000)], {"indexes": [{"columns": ["value"]}]}, "can have entries of 3,024 bytes"),
        ([column("text", max_bytes=3_000)], {"include": ["value"]}, "declare a lower max_bytes"),
        (
            [column("text", n) for n in "abc"],
            {"indexes": [{"columns": ["a", "lower(b)"], "include": ["c"]}]},
            "a, lower",
        ),
        (
            [column("varchar(700)", max_bytes=5_000)],
            {"indexes": [{"columns": ["value desc"]}]},
            "entries of 2,824 bytes",
        ),
        ([column("date")], {"key": "value"}, "the key value is a date: use one of text, smallint, integer, bigint"),
        (
            [column("date")],
            {"cursor": "value", "incremental": "cursor"},
            "the cursor value is a date: use a timestamptz",
        ),
        ([column("text")], {"include": ["nothing"]}, "nothing is not among the columns"),
        ([column("text")], {"delete_limit": 2}, "delete_limit"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_one_line(
    tmp_path: Path, columns: list[dict[str, Any]], meta: dict[str, Any], message: str
) -> None:
    with pytest.raises(RunnerError, match="_sources.yml: things") as caught:
        read(tmp_path, *columns, **meta)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_index_that_another_serves_is_not_made(tmp_path: Path) -> None:
    declared = read(tmp_path, column("text", max_bytes=9_000), indexes=[{"columns": ["value"], "served_by": ["id"]}])
    assert declared.column("value").max_bytes == 9_000


def test_a_source_may_say_when_it_is_vacuumed(tmp_path: Path) -> None:
    assert read(tmp_path, maintenance={"dead_share": 0.1}).maintenance == {"dead_share": 0.1}
    with pytest.raises(RunnerError, match=r"things\.maintenance\.dead_share: .*valid number"):
        read(tmp_path, maintenance={"dead_share": "often"})
