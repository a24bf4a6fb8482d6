"""Checksums of a source by bucket of keys: SQL that renders equal rows as equal text on both servers.

A value is rendered as '=' and its text, NULL as '-'. The SQL for Snowflake predicts the result of `clean`: it omits
rows that `clean` rejects, and renders a value that it cannot predict as '?'. No row in Postgres contains '?', so such a
bucket can be fetched without need, but no difference is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Literal

from python_runner.data_types import INTEGER_BITS, TIMES, Kind
from python_runner.ingest.values.numbers import NUMBER
from python_runner.ingest.values.texts import FALSE, TRUE
from python_runner.ingest.values.times import EARLIEST, LATEST
from python_runner.postgres import raw_schema
from python_runner.snowflake.queries import Filter
from python_runner.sources import Column, Source

# Adjacent keys share a bucket, because late or lost rows are often adjacent. The number of buckets is prime, so that
# keys of any stride use all buckets. The checksums of any table are then a few thousand rows.
KEYS_PER_BUCKET = 1024
BUCKETS = 4093
DIGITS = 3  # leading digits of the md5 of a text key: 4,096 buckets

SEPARATOR = "chr(31)"
PLAIN = "^[ -~]*$"  # text that both servers trim and lower-case in the same way
MAX_CERTAIN = 1e11  # below this, a double is exact to 0.0001
PLAIN_INTEGER = "^-?[0-9]{1,18}([.]0+)?$"
NO_INTEGER = "^-?([0-9]*[.][0-9]*[1-9][0-9]*|[1-9][0-9]{19,})$"  # with a fraction, or of too many digits
PLAIN_DECIMAL = "^-?[0-9]{1,15}([.][0-9]*)?([eE][+-]?[0-9]{1,2})?$"


class ExpectedValue(NamedTuple):
    """The predicted result of `clean` for a column, as SQL: is it certain, is the value usable, and the value."""

    certain: str
    usable: str
    value: str


def snowflake_checksums(source: Source) -> str:
    """Row count and checksum of each bucket as loaded. The bucket is NULL for rows whose key is uncertain."""
    texts = {f"text{number}": _text(column) for number, column in enumerate(source.columns)}
    key = _key(source)
    newest, only_newest = "null", ""
    if source.cursor:
        cursor = _expected_value(source.column(source.cursor))
        newest = f"case when {cursor.usable} then {cursor.value} end"
        only_newest = "qualify rank() over (partition by k order by newest desc nulls last) = 1"
    return f"""
        select bucket, count(*) as held, md5(listagg(fingerprint, ',') within group (order by k)) as checksum
        from (
            select distinct k, bucket, md5({f" || {SEPARATOR} || ".join(texts)}) as fingerprint
            from (
                select {key} as k, {_bucket(source, key)} as bucket, {newest} as newest,
                    {", ".join(f"{text} as {name}" for name, text in texts.items())}
                from {source.snowflake_table}
            ) as expected
            where {" and ".join(f"{name} is not null" for name in texts)}
            {only_newest}
        ) as loaded
        group by bucket
        """


def postgres_checksums(source: Source) -> Composed:
    """Row count and checksum of each bucket of the raw table."""
    byte_order = SQL('collate "C"') if source.key_column.kind == "text" else SQL("")
    return SQL(
        """
        select bucket, count(*) as held, md5(string_agg(fingerprint, ',' order by k {byte_order})) as checksum
        from (select {key} as k, {bucket} as bucket, md5({texts}) as fingerprint from {table}) as loaded
        group by bucket
        """
    ).format(
        byte_order=byte_order,
        key=Identifier(source.key),
        bucket=_raw_bucket(source),
        texts=SQL(f" || {SEPARATOR} || ").join(map(_loaded_text, source.columns)),
        table=raw_schema.table(source),
    )


def in_buckets(source: Source, buckets: Sequence[Any]) -> Filter:
    """The rows in Snowflake in these buckets, and all rows whose key is uncertain."""
    listed = ", ".join(f"'{bucket}'" if isinstance(bucket, str) else str(bucket) for bucket in buckets)
    certain = _expected_value(source.key_column).certain
    among = f"{_bucket(source, _key(source))} in ({listed}) or " if buckets else ""
    return Filter(f"({among}not {certain})")


def uncertain(source: Source) -> Filter:
    """The rows in Snowflake whose key is uncertain."""
    return in_buckets(source, [])


def buckets_of(source: Source, keys: Sequence[Any]) -> Composed:
    """SELECT of the buckets that contain these keys."""
    return SQL("select distinct {} from unnest({}::{}[]) as given ({})").format(
        _raw_bucket(source), Literal(list(keys)), SQL(source.key_column.data_type), Identifier(source.key)
    )


def scope(source: Source, buckets: Sequence[Any]) -> Composed:
    """The condition for the rows of the raw table in these buckets."""
    kind = SQL("text[]" if source.key_column.kind == "text" else "bigint[]")
    return SQL("{} = any ({}::{})").format(_raw_bucket(source), Literal(list(buckets)), kind)


def _raw_bucket(source: Source) -> SQL:
    return SQL(_bucket(source, Identifier(source.key).as_string()))


def _bucket(source: Source, key: str) -> str:
    if source.key_column.kind == "text":
        return f"left(md5({key}), {DIGITS})"
    return f"mod({key} - mod({key}, {KEYS_PER_BUCKET}), {KEYS_PER_BUCKET * BUCKETS})"


def _key(source: Source) -> str:
    expected = _expected_value(source.key_column)
    return f"case when {expected.certain} and {expected.usable} then {expected.value} end"


def _text(column: Column) -> str:
    expected = _expected_value(column)
    missing = "null" if column.required else "'-'"
    unusable = "null" if column.required or column.unusable == "reject" else "'-'"
    return (
        f"case when {column.snowflake_name} is null then {missing} when not {expected.certain} then '?'"
        f" when not {expected.usable} then {unusable} else '=' || to_varchar({expected.value}) end"
    )


def _loaded_text(column: Column) -> Composed:
    value = SQL(LOADED_VALUES.get(column.kind, "{}"))
    return SQL("coalesce('=' || {}::text, '-')").format(value.format(Identifier(column.name)))


def _expected_value(column: Column) -> ExpectedValue:
    return EXPECTED_VALUES[column.kind](column)


def _text_value(column: Column) -> ExpectedValue:
    given = f"to_varchar({column.snowflake_name})"
    value, certain, usable = given, f"position({SEPARATOR}, {given}) = 0", "true"
    if column.required or column.lowercase:
        certain = _is(given, PLAIN)
        value = f"trim({given})" if column.required else given
        usable = f"{value} <> ''" if column.required else "true"
        value = f"lower({value})" if column.lowercase else value
    fits = f"bit_length({value}) <= {8 * column.max_bytes}"
    if column.type.length is not None:
        fits += f" and length({value}) <= {column.type.length}"
    if column.shorten:
        return ExpectedValue(f"({certain} and {fits})", f"({usable})", value)
    return ExpectedValue(f"({certain})", f"({usable} and {fits})", value)


def _integer(column: Column) -> ExpectedValue:
    given = f"to_varchar({column.snowflake_name})"
    text = f"trim({given})"
    number = f"try_cast({text} as number(18, 0))"
    bits = INTEGER_BITS[column.kind]
    in_range = f" and {number} between {-(2 ** (bits - 1))} and {2 ** (bits - 1) - 1}" if bits < 64 else ""  # noqa: PLR2004
    usable = f"({_is(text, PLAIN_INTEGER)}{in_range}{_within_bounds(number, column)})"
    return ExpectedValue(_plain_number(given, text, PLAIN_INTEGER, NO_INTEGER), usable, number)


def _numeric(column: Column) -> ExpectedValue:
    """A value halfway between two results is uncertain, because the servers round it differently."""
    if column.type.precision is None:
        return _unpredictable(column)
    scale = column.type.scale
    given = f"to_varchar({column.snowflake_name})"
    text = f"trim({given})"
    number = f"try_cast({text} as double)"
    scaled = f"abs({number} * 1e{scale})"
    rounded = f"round({number}, {scale})"
    certain = (
        f"({_plain_number(given, text, PLAIN_DECIMAL)}"
        f" and {scaled} < {MAX_CERTAIN:.0f} and abs({scaled} - floor({scaled}) - 0.5) > 0.0001)"
    )
    fits = f" and abs({rounded}) < 1e{column.type.precision - scale}"
    usable = f"({_is(text, PLAIN_DECIMAL)}{fits}{_within_bounds(rounded, column)})"
    return ExpectedValue(certain, usable, f"cast({rounded} as number({column.type.precision}, {scale}))")


def _boolean(column: Column) -> ExpectedValue:
    given = f"to_varchar({column.snowflake_name})"
    word = f"lower(trim({given}))"
    return ExpectedValue(
        _is(given, PLAIN), f"({word} in {TRUE + FALSE})", f"case when {word} in {TRUE} then 'true' else 'false' end"
    )


def _timestamp(column: Column) -> ExpectedValue:
    moment = column.snowflake_name
    in_range = f"({moment} >= '{EARLIEST:%Y-%m-%d}' and {moment} < '{LATEST:%Y-%m-%d}')"
    return ExpectedValue("true", in_range, f"date_part(epoch_microsecond, {moment})")


def _date(column: Column) -> ExpectedValue:
    return ExpectedValue("true", "true", f"datediff(day, '1970-01-01'::date, {column.snowflake_name})")


def _unpredictable(_column: Column) -> ExpectedValue:
    """The servers write such numbers differently, so that they are fetched at each reconciliation."""
    return ExpectedValue("false", "true", "''")


def _plain_number(given: str, text: str, *patterns: str) -> str:
    """Numbers in any other spelling are uncertain; what is no number is certain to be unusable."""
    known = " or ".join(_is(text, pattern) for pattern in patterns)
    return f"({_is(given, PLAIN)} and ({known} or not {_is(text, NUMBER)}))"


def _is(text: str, pattern: str) -> str:
    return f"regexp_like({text}, '{pattern}')"


def _within_bounds(number: str, column: Column) -> str:
    least = "" if column.minimum is None else f" and {number} >= {column.minimum}"
    return least if column.maximum is None else f"{least} and {number} <= {column.maximum}"


EXPECTED_VALUES: dict[Kind, Callable[[Column], ExpectedValue]] = {
    "text": _text_value,
    "smallint": _integer,
    "integer": _integer,
    "bigint": _integer,
    "numeric": _numeric,
    "real": _unpredictable,
    "double precision": _unpredictable,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "timestamptz": _timestamp,
}
LOADED_VALUES: dict[Kind, str] = {
    "date": "({} - date '1970-01-01')",
    **dict.fromkeys(TIMES, "(extract(epoch from {}) * 1000000)::bigint"),
}
