# /// script
# dependencies = [
#     "dlt[postgres,parquet,sql_database]>=1.20",
#     "adbc-driver-postgresql",
#     "snowflake-connector-python[pandas]<5",
#     "snowflake-sqlalchemy",
#     "sqlalchemy<2.1",
# ]
# ///
"""The routes of benchmarks.load that take dlt, which is installed for them alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import dlt
import pyarrow as pa
import snowflake.connector
from dlt.sources.sql_database import sql_table
from snowflake.sqlalchemy import URL
from sqlalchemy import create_engine

TABLE = "ALLDAY_WALLET_HOLDINGS_CURRENT"
CHUNK = 100_000
LOGIN = {name: os.environ[f"SNOWFLAKE_{name.upper()}"] for name in (
    "account", "user", "password", "database", "schema", "host", "port", "protocol",
)}  # fmt: skip


def stock() -> Any:
    """As the documentation shows it: a table through SQLAlchemy, as Arrow, merged by its key; a tenth of the rows."""
    proxied = {"protocol": LOGIN["protocol"]}
    engine = create_engine(URL(**{k: v for k, v in LOGIN.items() if k not in proxied}), connect_args=proxied)
    return sql_table(
        credentials=engine, table=TABLE.lower(), backend="pyarrow", chunk_size=CHUNK, reflection_level="minimal",
        primary_key="nft_id", write_disposition="merge",
    ).add_limit(max(int(os.environ["BENCH_HELD"]) // 10 // CHUNK, 1))  # fmt: skip


@dlt.resource(name="holdings", primary_key="nft_id", write_disposition={"disposition": "merge", "strategy": "upsert"})
def tuned() -> Iterator[Any]:
    """The chunks of one statement as Arrow, straight from the connector; dlt refuses keys that are NULL or repeated."""
    statement = Path(os.environ["BENCH_FOLDER"], "statement.sql").read_text()
    newest = "row_number() over (partition by nft_id order by last_event_ts desc nulls last) = 1"
    with snowflake.connector.connect(**LOGIN) as connection:
        cursor = connection.cursor().execute(f"{statement} and nft_id is not null qualify {newest}")
        for table in cursor.fetch_arrow_batches(force_microsecond_precision=True):
            # Without what the connector says of nulls, chunk by chunk.
            yield pa.table(table.columns, names=[name.lower() for name in table.column_names])


def main() -> None:
    """Load into a schema of the route's name and print the figures."""
    route = sys.argv[1]
    os.environ["DATA_WRITER__DISABLE_COMPRESSION"] = "true"
    pipeline = dlt.pipeline(
        route,
        destination=dlt.destinations.postgres(os.environ["DATABASE_URL"]),
        dataset_name=route,
        pipelines_dir=os.environ["BENCH_FOLDER"],
    )
    begin = perf_counter()
    if route == "dlt_stock":
        pipeline.run(stock())
    else:
        pipeline.run(tuned(), loader_file_format="parquet")
    seconds = perf_counter() - begin
    rows = sum(pipeline.last_trace.last_normalize_info.row_counts.values())
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mib": int(status["VmHWM"].split()[0]) / 1024}))  # noqa: T201


if __name__ == "__main__":
    main()
