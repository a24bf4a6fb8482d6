"""Connections to Postgres, the run lock, the raw schema and server diagnostics."""
