"""The views and table macros of the copy, and collection.duckdb, which holds nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb

from python_runner.analytics import state
from python_runner.analytics.folder import Engine, Folder
from python_runner.analytics.tables import EDITIONS, FACTS, LOGS, NAMES, WALLET_EDITIONS, Table, quote

FILE = "collection.duckdb"
AT_TIME = "(select max(refresh) from refreshes where synced_at <= ts)"
STORAGE = "v1.0.0"  # any DuckDB since then opens it


def definitions(history: Path, upto: int | None = None) -> list[str]:
    """The statements that create the views of a history, as of its refresh `upto` or of its newest."""
    until = f" where refresh <= {upto}" if upto is not None else ""
    return [
        *(f"create view {table.name} as select * from {table.scan(history)}{until}" for table in LOGS),
        f"create view wallet_profiles as {_current(NAMES, f'select * from {NAMES.scan(history)}{until}')}",
        f"create view refreshes as select refresh, * exclude (refresh, state) from {state.scan(history)}{until}",
        f"create macro facts_at(n) as table {_named(_summed(FACTS))}",
        f"create macro facts_at_time(ts) as table select * from facts_at({AT_TIME})",
        f"create macro editions_at(n) as table {_current(EDITIONS, _upto_n(EDITIONS))}",
        f"create macro holdings_at(n) as table {_holdings()}",
    ]


def write_views(connection: Engine, folder: Folder, history: Path) -> None:
    """Write collection.duckdb if it does not show this history, or cannot be read."""
    statements = definitions(history)
    file, written = folder.path / FILE, folder.temporary / FILE
    definition = "\n".join(statements)
    if file.exists() and _definition(connection, file) == definition:
        return
    connection.execute(f"attach {quote(written)} as collection (storage_version '{STORAGE}')")
    connection.execute("use collection")
    for statement in statements:
        connection.execute(statement)
    connection.execute(f"create view definition as select {quote(definition)} as definition")
    connection.execute("use memory")
    connection.execute("detach collection")
    folder.replace(written, file)


def _definition(connection: Engine, file: Path) -> str:
    try:
        connection.execute(f"attach {quote(file)} as shown (read_only)")
    except duckdb.Error:
        return ""
    try:
        row = connection.execute("select definition from shown.definition").fetchone()
    except duckdb.Error:
        return ""
    finally:
        connection.execute("detach shown")
    return row[0] if row else ""


def _holdings() -> str:
    return (
        f"select held.*, editions.* exclude (edition_id) from ({_named(_summed(WALLET_EDITIONS))}) as held"
        " left join editions_at(n) as editions using (edition_id)"
    )


def _upto_n(table: Table) -> str:
    return f"select * from {table.name} where refresh <= n"


def _summed(table: Table) -> str:
    return table.net(_upto_n(table))


def _current(table: Table, rows: str) -> str:
    """The rows whose weights add up to one."""
    columns = ", ".join(f'"{name}"' for name in table.keys)
    return f"select {columns} from ({table.net(rows)})"


def _named(rows: str) -> str:
    """Rows of wallets, with their names."""
    return (
        "select wallet_address, coalesce(display_name, wallet_address) as display_name,"
        f" found.* exclude (wallet_address) from ({rows}) as found left join wallet_profiles using (wallet_address)"
    )
