"""Another dbt project, which installs a package of this one, in a folder where it may be changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner

from python_runner.settings import PostgresSettings
from tests.renewable import Renewable

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Ran:
    """The status of each node, and what dbt printed."""

    status: dict[str, str]
    errors: list[str]
    warnings: list[str]
    said: list[str]


@dataclass(frozen=True)
class OtherProject:
    """The project on a database of its own."""

    folder: Path
    database: Renewable
    environment: Mapping[str, str]
    schema: str
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The URL of its database."""
        return self.database.url

    def connect(self) -> Connection:
        """Open a session in the schema that it is built in."""
        return psycopg.connect(self.url, autocommit=True, options=f"-c search_path={self.schema},public")

    def install(self, files: Path) -> None:
        """Copy the files of the project, and install its packages."""
        shutil.copytree(files, self.folder, dirs_exist_ok=True)
        with self.chosen():
            assert not self.dbt("deps").errors

    @contextmanager
    def chosen(self) -> Iterator[None]:
        """Set the environment, and the folder in which dbt deps installs packages."""
        settings = PostgresSettings(database_url=self.url, _env_file=None)  # type: ignore[arg-type,call-arg]
        target = {"DBT_TARGET_PATH": str(self.folder / "target")}  # instead of the one of other tests
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in {**settings.for_dbt(), **self.environment, **target}.items():
                patch.setenv(name, value)
            yield

    def parse(self) -> Any:
        """Parse the project once for all later commands; returns the manifest."""
        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none"]
        outcome = dbtRunner().invoke([*flags, "parse", *self._folders])
        assert outcome.success, outcome.exception
        self.known["manifest"] = outcome.result
        return outcome.result

    def dbt(self, command: str, *arguments: str) -> Ran:
        """Run a command."""
        said: list[str] = []
        warnings: list[str] = []

        def listen(event: Any) -> None:
            (warnings if event.info.level == "warn" else said).append(event.info.msg)

        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
        runner = dbtRunner(manifest=self.known.get("manifest"), callbacks=[listen])
        outcome = runner.invoke([*flags, command, *self._folders, *arguments])
        results = [r for r in getattr(outcome.result, "results", []) if hasattr(r, "node")]
        errors = [str(outcome.exception)] if outcome.exception else []
        errors += said[-1:] if not outcome.success and not errors and not results else []
        errors += [str(result.message) for result in results if str(result.status) in {"error", "fail"}]
        return Ran({result.node.name: str(result.status) for result in results}, errors, warnings, said)

    @property
    def _folders(self) -> list[str]:
        return ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
