"""The location of the dbt project and of its source declaration."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DECLARATION = PROJECT / "models" / "staging" / "_sources.yml"
