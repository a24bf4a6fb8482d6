"""The project on a market, as tests/delta has it."""

from tests.delta.conftest import connection, opened, project, trade, workshop

__all__ = ["connection", "opened", "project", "trade", "workshop"]
