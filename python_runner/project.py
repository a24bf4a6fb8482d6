"""Where the dbt project is."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DECLARATION = PROJECT / "models" / "staging" / "_sources.yml"
