"""Loads Snowflake into Postgres and runs dbt. What SQL can express stays in the dbt project."""

__version__ = "0.2.0"
