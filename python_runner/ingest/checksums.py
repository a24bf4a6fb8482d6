"""Checksums of a source by bucket of keys: SQL that writes the same row as the same text on both sides.

A value is '=' and its text, NULL is '-'. Snowflake's side foresees what `clean` makes of a row: one that is
rejected is left out, and where SQL cannot be sure the text is '?'. No row in Postgres has that, so that such a
bucket is fetched once too often; a difference is never missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Literal

from python_runner.ingest.clean import DECIMAL, EARLIEST, INTEGER, LATEST
from python_runner.postgres import raw_schema
from python_runner.snowflake.queries import Filter
from python_runner.sources import Column, Kind, Source

# Neighbours share a bucket, since what is late or lost was often made together. The number is prime, so that keys of
# any stride spread over all of them; a checksum of any table is then a few thousand rows.
NEIGHBOURS = 1024
BUCKETS = 4093
DIGITS = 3  # of an md5, for keys that are text: 4,096 buckets

SEPARATOR = "chr(31)"
PLAIN = "^[ -~]*$"  # text that every engine trims and folds alike
SUREST = 1e11  # up to here a double is sure to a ten-thousandth
TRUE, FALSE = ("true", "t", "1"), ("false", "f", "0")


class Foreseen(NamedTuple):
    """What `clean` makes of a column, as SQL: whether that is sure, whether the value is usable, and as what."""

    sure: str
    usable: str
    value: str


def snowflake_checksums(source: Source) -> str:
    """Rows and checksum of each bucket as they would be loaded; the bucket is NULL where the key is not sure."""
    texts = {f"text{number}": _text(column) for number, column in enumerate(source.columns)}
    key = _key(source)
    newest, only_newest = "null", ""
    if source.cursor:
        cursor = _foresee(source.column(source.cursor))
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
            ) as foreseen
            where {" and ".join(f"{name} is not null" for name in texts)}
            {only_newest}
        ) as loaded
        group by bucket
        """


def postgres_checksums(source: Source) -> Composed:
    """The same of the rows that are loaded."""
    in_bytes = SQL('collate "C"') if source.key_column.kind == "text" else SQL("")
    return SQL(
        """
        select bucket, count(*) as held, md5(string_agg(fingerprint, ',' order by k {in_bytes})) as checksum
        from (select {key} as k, {bucket} as bucket, md5({texts}) as fingerprint from {table}) as loaded
        group by bucket
        """
    ).format(
        in_bytes=in_bytes,
        key=Identifier(source.key),
        bucket=_raw_bucket(source),
        texts=SQL(f" || {SEPARATOR} || ").join(map(_loaded_text, source.columns)),
        table=raw_schema.table(source),
    )


def in_buckets(source: Source, buckets: Sequence[Any]) -> Filter:
    """Rows of Snowflake in these buckets, and all whose key is not sure."""
    listed = ", ".join(f"'{bucket}'" if isinstance(bucket, str) else str(bucket) for bucket in buckets)
    sure = _foresee(source.key_column).sure
    among = f"{_bucket(source, _key(source))} in ({listed}) or " if buckets else ""
    return Filter(f"({among}not {sure})")


def unsure(source: Source) -> Filter:
    """Rows of Snowflake in no bucket: SQL is not sure of their key."""
    return in_buckets(source, [])


def buckets_of(source: Source, keys: Sequence[Any]) -> Composed:
    """SELECT of the buckets of these keys."""
    return SQL("select distinct {} from unnest({}::{}[]) as given ({})").format(
        _raw_bucket(source), Literal(list(keys)), SQL(source.key_column.data_type), Identifier(source.key)
    )


def scope(source: Source, buckets: Sequence[Any]) -> Composed:
    """The condition on the raw table: its rows in these buckets."""
    kind = SQL("text[]" if source.key_column.kind == "text" else "bigint[]")
    return SQL("{} = any ({}::{})").format(_raw_bucket(source), Literal(list(buckets)), kind)


def _raw_bucket(source: Source) -> SQL:
    return SQL(_bucket(source, Identifier(source.key).as_string()))


def _bucket(source: Source, key: str) -> str:
    if source.key_column.kind == "text":
        return f"left(md5({key}), {DIGITS})"
    return f"mod({key} - mod({key}, {NEIGHBOURS}), {NEIGHBOURS * BUCKETS})"


def _key(source: Source) -> str:
    foreseen = _foresee(source.key_column)
    return f"case when {foreseen.sure} and {foreseen.usable} then {foreseen.value} end"


def _text(column: Column) -> str:
    foreseen = _foresee(column)
    missing = "null" if column.required else "'-'"
    unusable = "null" if column.unusable == "reject" else "'-'"
    return (
        f"case when {column.snowflake_name} is null then {missing} when not {foreseen.sure} then '?'"
        f" when not {foreseen.usable} then {unusable} else '=' || to_varchar({foreseen.value}) end"
    )


def _loaded_text(column: Column) -> Composed:
    value = SQL("(extract(epoch from {}) * 1000000)::bigint" if column.kind == "timestamptz" else "{}")
    return SQL("coalesce('=' || {}::text, '-')").format(value.format(Identifier(column.name)))


def _foresee(column: Column) -> Foreseen:
    return FORESEEN[column.kind](column)


def _given_text(column: Column) -> Foreseen:
    given = f"to_varchar({column.snowflake_name})"
    if not (column.required or column.lowercase):
        return Foreseen(f"(position({SEPARATOR}, {given}) = 0)", "true", given)
    folded = f"trim({given})" if column.required else given
    usable = f"({folded} <> '')" if column.required else "true"
    return Foreseen(_is(given, PLAIN), usable, f"lower({folded})" if column.lowercase else folded)


def _integer(column: Column) -> Foreseen:
    given = f"to_varchar({column.snowflake_name})"
    number = f"try_cast(trim({given}) as number(18, 0))"
    in_range = f" and {number} between {-(2**31)} and {2**31 - 1}" if column.kind == "integer" else ""
    usable = f"({_is(f'trim({given})', INTEGER)}{in_range}{_at_least(number, column)})"
    return Foreseen(_is(given, PLAIN), usable, number)


def _numeric(column: Column) -> Foreseen:
    """Halves of the last digit are not sure: the engines round them differently."""
    given = f"to_varchar({column.snowflake_name})"
    number = f"try_cast(trim({given}) as double)"
    scaled = f"abs({number} * 1e{column.scale})"
    rounded = f"round({number}, {column.scale})"
    sure = f"({_is(given, PLAIN)} and {scaled} < {SUREST:.0f} and abs({scaled} - floor({scaled}) - 0.5) > 0.0001)"
    usable = f"({_is(f'trim({given})', DECIMAL)}{_at_least(rounded, column)})"
    return Foreseen(sure, usable, f"cast({rounded} as number(18, {column.scale}))")


def _boolean(column: Column) -> Foreseen:
    given = f"to_varchar({column.snowflake_name})"
    word = f"lower(trim({given}))"
    return Foreseen(
        _is(given, PLAIN), f"({word} in {TRUE + FALSE})", f"case when {word} in {TRUE} then 'true' else 'false' end"
    )


def _timestamp(column: Column) -> Foreseen:
    moment = column.snowflake_name
    in_range = f"({moment} >= '{EARLIEST:%Y-%m-%d}' and {moment} < '{LATEST:%Y-%m-%d}')"
    return Foreseen("true", in_range, f"date_part(epoch_microsecond, {moment})")


def _is(text: str, pattern: str) -> str:
    return f"regexp_like({text}, '{pattern}')"


def _at_least(number: str, column: Column) -> str:
    return "" if column.minimum is None else f" and {number} >= {column.minimum!r}"


FORESEEN: dict[Kind, Callable[[Column], Foreseen]] = {
    "text": _given_text,
    "bigint": _integer,
    "integer": _integer,
    "boolean": _boolean,
    "numeric": _numeric,
    "timestamptz": _timestamp,
}
