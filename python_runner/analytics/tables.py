"""The tables of the copy: what identifies a row, and what is added up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Table:
    """A table of signed rows, sorted by its keys. Columns have their DuckDB type."""

    name: str
    keys: dict[str, str]
    sums: dict[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """In the order of the files."""
        return self.keys | self.sums

    @property
    def file(self) -> str:
        """In the directory of a refresh."""
        return f"{self.name}.parquet"

    def scan(self, history: Path) -> str:
        """SQL that reads every refresh of a history, with its number."""
        files = quote(history / "refresh=*" / self.file)
        return f"read_parquet({files}, hive_partitioning = true, hive_types = {{'refresh': bigint}})"

    def net(self, rows: str) -> str:
        """SQL of the rows added up; what is zero is left out."""
        sums = ", ".join(f"sum({name})::{kind} as {name}" for name, kind in self.sums.items())
        some = " or ".join(f"sum({name}) <> 0" for name in self.sums)
        return f"select {_list(self.keys)}, {sums} from ({rows}) group by {_list(self.keys)} having {some}"

    def negated(self, history: Path, upto: int | None = None) -> str:
        """SQL of everything in a history, with the opposite sign."""
        sums = ", ".join(f"-{name} as {name}" for name in self.sums)
        until = f" where refresh <= {upto}" if upto is not None else ""
        return f"select {_list(self.keys)}, {sums} from {self.scan(history)}{until}"

    def csv(self, path: Path) -> str:
        """SQL that reads what Postgres wrote with COPY: an unquoted empty value is NULL, a quoted one is not."""
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in self.columns.items())
        return (
            f"select * from read_csv({quote(path)}, auto_detect = false, header = false, columns = {{{columns}}},"
            " delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false)"
        )

    def sorted(self, rows: str) -> str:
        """SQL of the rows in the order of the keys, which compresses best."""
        return f"select {_list(self.columns)} from ({rows}) order by {_list(self.keys)}"


FACTS = Table(
    "int_wallet_facts",
    keys={"wallet_address": "varchar", "tier": "varchar", "team_name": "varchar"},
    sums=dict.fromkeys(("moments", "locked", "floor_cents", "asp_cents", "priced_moments"), "bigint"),
)
WALLET_EDITIONS = Table(
    "int_wallet_editions",
    keys={"wallet_address": "varchar", "edition_id": "varchar"},
    sums={"moments": "bigint", "locked": "bigint"},
)
EDITIONS = Table(
    "int_editions",
    keys={
        "edition_id": "varchar",
        "first_name": "varchar",
        "last_name": "varchar",
        "team_name": "varchar",
        "position": "varchar",
        "tier": "varchar",
        "series_name": "varchar",
        "set_name": "varchar",
        "max_mint_size": "integer",
        "lowest_ask_usd": "decimal(18, 2)",
        "avg_sale_usd": "decimal(18, 2)",
        "top_sale_usd": "decimal(18, 2)",
    },
    sums={"weight": "bigint"},
)
NAMES = Table(
    "wallet_profiles", keys={"wallet_address": "varchar", "display_name": "varchar"}, sums={"weight": "bigint"}
)
LOGS = (FACTS, WALLET_EDITIONS, EDITIONS)
TABLES = (*LOGS, NAMES)


def quote(value: object) -> str:
    """A text as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def _list(columns: dict[str, str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
