"""Loads Snowflake into Postgres and calls dbt: everything that SQL can say stays in the dbt project."""
