"""What dbt computes on Snowflake, with the real adapter against a stand-in."""
