"""Reading Snowflake: the client, its rate limit, its errors and the statements it runs."""
