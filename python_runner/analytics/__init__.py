"""The columnar copy of the changelogs: Parquet files, one directory for each refresh."""
