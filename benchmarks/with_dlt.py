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
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import snowflake.connector
from dlt.sources.sql_database import sql_table
from snowflake.sqlalchemy import URL
from sqlalchemy import create_engine

TABLE = "ALLDAY_WALLET_HOLDINGS_CURRENT"
LOGIN = {name: os.environ[f"SNOWFLAKE_{name.upper()}"] for name in (
    "account", "user", "password", "database", "schema", "host", "port", "protocol",
)}  # fmt: skip


def stock() -> Any:
    """As the documentation shows it: a table through SQLAlchemy, as Arrow, merged by its key."""
    proxied = {"protocol": LOGIN["protocol"]}
    engine = create_engine(URL(**{k: v for k, v in LOGIN.items() if k not in proxied}), connect_args=proxied)
    return sql_table(
        credentials=engine, table=TABLE.lower(), backend="pyarrow", chunk_size=100_000, reflection_level="minimal",
        primary_key="nft_id", write_disposition="merge",
    )  # fmt: skip


@dlt.resource(name="holdings", primary_key="nft_id", write_disposition={"disposition": "merge", "strategy": "upsert"})
def tuned() -> Iterator[Any]:
    """Pages as Arrow, straight from the connector."""
    with snowflake.connector.connect(**LOGIN) as connection:
        for page in json.loads(Path(os.environ["BENCH_FOLDER"], "pages.json").read_text()):
            table = (
                connection.cursor()
                .execute(page)
                .fetch_arrow_all(force_return_table=True, force_microsecond_precision=True)
            )
            # Without what the connector says of nulls, page by page, and the keys that dlt refuses: none, or twice.
            rows = pa.table(table.columns, names=[name.lower() for name in table.column_names])
            rows = rows.filter(pc.is_valid(rows["nft_id"]))
            yield rows.take(np.unique(rows["nft_id"].to_numpy(), return_index=True)[1])


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
