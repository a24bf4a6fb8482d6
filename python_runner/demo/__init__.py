"""What the demo and the tests run on: an embedded Postgres, a stand-in for Snowflake, and sample data."""
