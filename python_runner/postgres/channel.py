"""The notifications of a refresh: sent in the transaction that changes a table, with its name, `schema.table`."""

from __future__ import annotations

CHANNEL = "delta_refreshed"  # that of the macro delta_changed
