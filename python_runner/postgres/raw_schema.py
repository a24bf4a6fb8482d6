"""The raw schema: DDL derived from the declared sources."""

from __future__ import annotations

from psycopg.sql import SQL, Composed, Identifier, Literal

from python_runner.postgres.pool import Connection
from python_runner.postgres.replica_identity import REPLICA_IDENTITY
from python_runner.sources import Source

RAW = "raw"

BOOKKEEPING = """
create table if not exists raw.load_batches (
    batch_id bigint primary key,
    source text not null,
    mode text not null check (mode in ('first', 'incremental', 'full', 'reconcile', 'file')),
    baseline boolean not null,
    started_at timestamptz not null,
    applied_at timestamptz not null default now(),
    high_water_mark timestamptz,
    highest_key text,
    rows_fetched bigint not null,
    rows_rejected bigint not null,
    rows_inserted bigint not null default 0,
    rows_updated bigint not null default 0,
    rows_deleted bigint not null default 0
);
comment on table raw.load_batches is 'One row per applied batch; a baseline filled an empty table, without changelog';
comment on column raw.load_batches.high_water_mark is 'Up to which cursor the source is known since this batch';
comment on column raw.load_batches.highest_key is 'Up to which key a source of new keys is known since this batch';

create table if not exists raw.rejected_rows (
    source text not null,
    reason text not null,
    batch_id bigint,
    "row" jsonb not null,
    loaded boolean not null,
    rejected_at timestamptz not null default now()
);
create unique index if not exists rejected_rows_once on raw.rejected_rows (source, reason, md5("row"::text));
comment on column raw.rejected_rows.batch_id is 'NULL if the load was refused because of its rejects.';
comment on column raw.rejected_rows.loaded is 'True if the row was loaded without the value, or with a part of it.';

-- Unlogged, like the stages of all but first loads: after a server crash there is no plan, so the load starts over.
create unlogged table if not exists raw.load_plans (
    source text primary key,
    mode text not null,
    made_of text not null,
    started_at timestamptz not null,
    holder uuid not null default gen_random_uuid(),
    queries text[] not null,
    chunks jsonb
);
comment on table raw.load_plans is 'One row per load under way: what it reads, and what that was made of.';
comment on column raw.load_plans.made_of is 'A digest of the declaration and of the statements.';
comment on column raw.load_plans.holder is 'The process that may stage and apply; one that takes over changes it.';
comment on column raw.load_plans.queries is 'The queries in Snowflake, which keeps their results for a day.';
comment on column raw.load_plans.chunks is 'The rows of each chunk of each query. Its pages are numbered through.';

create unlogged table if not exists raw.load_pages (
    source text not null,
    page integer not null,
    rows_fetched bigint not null,
    dirt jsonb not null,
    primary key (source, page)
);
comment on table raw.load_pages is 'One row per staged page, written in the transaction that copies the page.';
"""

# Tables of an older version get what they lack; where nothing is lacking, no lock is taken.
UPGRADE = """
do $$
begin
    -- IF NOT EXISTS asks for the right to create schemas even if the schema exists.
    if to_regnamespace('raw') is null then
        create schema raw;
    end if;
    if not exists (
        select from pg_attribute where attrelid = to_regclass('raw.load_batches') and attname = 'highest_key'
    ) then
        alter table if exists raw.load_batches
            alter column batch_id drop identity if exists, add column highest_key text;
    end if;
    if exists (
        select from pg_attribute where attrelid = to_regclass('raw.load_plans') and attname = 'statements'
    ) then
        drop table raw.load_plans, raw.load_pages;
    end if;
end
$$;
"""


def table(source: Source) -> Identifier:
    """raw.<source>."""
    return Identifier(RAW, source.name)


def changes(source: Source) -> Identifier:
    """raw.<source>_changes, the changelog."""
    return Identifier(RAW, f"{source.name}_changes")


def stage(source: Source) -> Identifier:
    """raw.<source>_stage, which holds the pages before they are applied."""
    return Identifier(RAW, f"{source.name}_stage")


def create_tables(connection: Connection, sources: list[Source]) -> None:
    """Create what does not exist yet."""
    connection.execute(UPGRADE)
    connection.execute(BOOKKEEPING)
    for source in sources:
        connection.execute(
            SQL(
                """
                create table if not exists {table} (
                    {columns}, batch_id bigint not null, {primary_key}
                ){partitioned};
                create table if not exists {changes} (batch_id bigint not null, weight smallint not null, {columns});
                create index if not exists {index} on {changes} (batch_id);
                """
            ).format(
                table=table(source),
                changes=changes(source),
                index=Identifier(f"{source.name}_changes_batch_id"),
                columns=_columns(source, required=True),
                primary_key=primary_key(source),
                partitioned=_partitioned(source),
            )
        )
        _create_partitions(connection, source)
    connection.execute(REPLICA_IDENTITY)


def primary_key(source: Source) -> Composed:
    """The primary key constraint of raw.<source>."""
    include = SQL(" include ({})").format(_names(source.include)) if source.include else SQL("")
    return SQL("primary key ({}){}").format(Identifier(source.key), include)


def create_stage(connection: Connection, source: Source, *, logged: bool) -> None:
    """Create an empty stage. A stage that can replace the table must be logged."""
    connection.execute(
        SQL("create {unlogged} table {stage} ({columns})").format(
            unlogged=SQL("" if logged else "unlogged"), stage=stage(source), columns=_columns(source, required=False)
        )
    )


def may_replace(connection: Connection, source: Source) -> bool:
    """Whether the stage can replace raw.<source>: it is logged, and the table has nothing but its key."""
    (may,) = connection.execute(
        """
        select
            (select relpersistence = 'p' from pg_class where oid = %(stage)s::regclass)
            and relkind = 'r' and not relrowsecurity and relowner = current_user::regrole
            and relacl is null and reloptions is null and reltablespace = 0
            and obj_description(oid, 'pg_class') is null
            and not exists (select from pg_attribute where attrelid = pg_class.oid and attacl is not null)
            and not exists (select from pg_constraint where conrelid = pg_class.oid and contype not in ('p', 'n'))
            and not exists (
                select from pg_depend
                where
                    refclassid = 'pg_class'::regclass and refobjid = pg_class.oid
                    and (deptype = 'n' or deptype = 'a' and classid <> 'pg_constraint'::regclass)
            )
        from pg_class
        where oid = %(table)s::regclass
        """,
        {"table": table(source).as_string(), "stage": stage(source).as_string()},
    ).fetchone()  # type: ignore[misc]
    return bool(may)


def replace(connection: Connection, source: Source, batch_id: Literal) -> None:
    """Rename the stage to raw.<source>, so that no row is written twice. The keys in the stage must be unique.

    The DROP fails if an object has come to depend on the table since `may_replace` was called.
    """
    connection.execute(
        SQL(
            """
            drop table {table};
            alter table {stage} rename to {name};
            alter table {table} add column batch_id bigint not null default {batch_id}, {not_null}, add {primary_key};
            alter table {table} alter column batch_id drop default
            """
        ).format(
            table=table(source),
            stage=stage(source),
            name=Identifier(source.name),
            batch_id=batch_id,
            primary_key=primary_key(source),
            not_null=SQL(", ").join(
                SQL("alter column {} set not null").format(Identifier(column.name))
                for column in source.columns
                if column.required
            ),
        )
    )


def _partitioned(source: Source) -> Composed:
    if source.partition_by is None:
        return SQL("").format()
    kind, column = next(iter(source.partition_by.columns.items()))
    return SQL(" partition by {} ({})").format(SQL(kind), Identifier(column))


def _create_partitions(connection: Connection, source: Source) -> None:
    """Create all hash partitions; otherwise only the default partition, whose rows the next build moves."""
    if source.partition_by is None:
        return
    without = connection.execute(
        """
        select from pg_partitioned_table
        where
            partrelid = to_regclass(%s)
            and not exists (select from pg_inherits where inhparent = partrelid)
        """,
        (table(source).as_string(),),
    ).fetchone()
    if without is None:
        return
    parts = {"rest": SQL("default").format()}
    if source.partition_by.by_hash:
        count = source.partition_by.partitions
        bounds = "for values with (modulus {}, remainder {})"
        parts = {str(n): SQL(bounds).format(Literal(count), Literal(n)) for n in range(count)}
    for label, bound in parts.items():
        name = Identifier(RAW, f"{source.name}_{label}")
        connection.execute(SQL("create table {} partition of {} {}").format(name, table(source), bound))


def _names(columns: list[str]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))


def _columns(source: Source, *, required: bool) -> Composed:
    return SQL(", ").join(
        SQL("{} {}{}").format(
            Identifier(column.name),
            SQL(column.data_type),
            SQL(" not null" if required and column.required else ""),
        )
        for column in source.columns
    )
