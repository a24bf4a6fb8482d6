"""Another dbt project, which installs a package of this one, in a folder where it may be changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

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
    manifests: dict[tuple[str, ...], Manifest] = field(default_factory=dict, repr=False)

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

    @property
    def state(self) -> str:
        """A digest of its models and seeds."""
        folders = (self.folder / name for name in ("models", "seeds"))
        files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        return sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()

    def dbt(self, command: str, *arguments: str) -> Ran:
        """Run a command. The project is parsed once for each state, and for the vars that it is run with."""
        at = arguments.index("--vars") if "--vars" in arguments else len(arguments)
        key = (self.state, *arguments[at : at + 2])
        if command != "deps" and key not in self.manifests:
            manifest, ran = self._invoke("parse", *key[1:])
            if not isinstance(manifest, Manifest):
                return ran
            self.manifests[key] = manifest
        return self._invoke(command, *arguments, manifest=self.manifests.get(key))[1]

    @property
    def manifest(self) -> Manifest:
        """What dbt has parsed of the project as it is."""
        self.dbt("parse")
        return self.manifests[self.state,]

    def _invoke(self, command: str, *arguments: str, manifest: Manifest | None = None) -> tuple[Any, Ran]:
        said: list[str] = []
        warnings: list[str] = []

        def listen(event: Any) -> None:
            (warnings if event.info.level == "warn" else said).append(event.info.msg)

        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
        runner = dbtRunner(manifest=manifest, callbacks=[listen])
        with ThreadPoolExecutor(1) as thread:  # few frames to inspect: see tests/delta/project.py
            outcome = thread.submit(runner.invoke, [*flags, command, *self._folders, *arguments]).result()
        results = [r for r in getattr(outcome.result, "results", []) if hasattr(r, "node")]
        errors = [str(outcome.exception)] if outcome.exception else []
        errors += said[-1:] if not outcome.success and not errors and not results else []
        errors += [str(result.message) for result in results if str(result.status) in {"error", "fail"}]
        statuses = {result.node.name: str(result.status) for result in results}
        return outcome.result, Ran(statuses, errors, warnings, said)

    @property
    def _folders(self) -> list[str]:
        return ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
