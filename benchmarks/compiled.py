"""What dbt makes of a project's SELECTs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from python_runner.settings import PostgresSettings
from python_runner.transform.dbt_profile import profiles


def compiled(
    settings: PostgresSettings, project: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The compiled models and analyses of a project, by name."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  importing dbt takes a second, in each reader too

    with profiles(settings) as folder, TemporaryDirectory(prefix="target-") as target:
        folders = ["--project-dir", str(project), "--profiles-dir", str(folder), "--target-path", target]
        quiet = ["--quiet", "--log-level", "none", "--log-level-file", "none"]
        outcome = dbtRunner().invoke([*quiet, "compile", *folders, "--vars", json.dumps(variables or {}), *arguments])
        if not outcome.success:
            raise SystemExit(f"dbt: {outcome.exception}")
        return {path.stem: path.read_text() for path in sorted(Path(target).glob("compiled/**/*.sql"))}
