"""The files that make the worker a service: against their schemas, and their commands run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from python_runner.project import PROJECT
from tests.api.cluster import free_port
from tests.conftest import Database, Warehouse
from tests.jobs.conftest import wait_until

BIN = Path(sys.executable).parent
INSTRUCTION = re.compile(r"^(FROM|ENV|WORKDIR|COPY|RUN|USER|ENTRYPOINT|CMD) (.*)$", re.MULTILINE)


def instructions() -> list[tuple[str, str]]:
    text = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ")
    return INSTRUCTION.findall(text)


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("compose-spec", "compose.yaml"),
        *(("github-workflows", str(f.relative_to(PROJECT))) for f in (PROJECT / ".github/workflows").iterdir()),
    ],
)
def test_a_file_follows_its_schema(schema: str, file: str) -> None:
    check: list[str | Path] = [BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", PROJECT / file]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_runs_a_command_of_the_runner() -> None:
    known = subprocess.run([BIN / "runner", "--help"], capture_output=True, text=True, check=True).stdout
    compose = yaml.safe_load((PROJECT / "compose.yaml").read_text())["services"]
    render = yaml.safe_load((PROJECT / "render.yaml").read_text())["services"]
    proc = dict(line.split(": ", 1) for line in (PROJECT / "Procfile").read_text().splitlines())
    commands = [
        *(["runner", *service["command"]] for service in compose.values() if "build" in service),
        *(service["dockerCommand"].split() for service in render),
        *(command.split() for command in proc.values()),
        ["runner", *yaml.safe_load(dict(instructions())["CMD"])],
    ]
    for program, command, *_ in commands:
        assert program == "runner"
        assert re.search(rf"^  {command}\b", known, re.MULTILINE), command


def test_the_image_is_not_root_and_starts_the_runner() -> None:
    last = dict(instructions())
    assert last["USER"] == "runner"
    assert yaml.safe_load(last["ENTRYPOINT"]) == ["runner"]


@pytest.mark.slow
def test_the_commands_of_the_dockerfile_run_in_a_clean_folder(tmp_path: Path) -> None:
    """COPY and RUN as they stand, but in a folder in place of /app, and without adding a user."""
    app = tmp_path / "app"
    app.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "VIRTUAL_ENV"))}
    environment = kept | {"PATH": f"{app}/.venv/bin:{os.environ['PATH']}"}
    for instruction, arguments in instructions():
        if instruction == "COPY":
            copy(arguments.split()[0], app)
        if instruction == "RUN":
            command = re.sub(r"useradd \S+ \S+ runner && (.*) && chown -R runner", r"\1 && ls -d", arguments)
            done = subprocess.run(
                ["sh", "-c", command], cwd=app, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
    for command in (
        "runner --version",
        "runner worker --help",
        "python -c 'import procrastinate, dbt, python_runner.jobs.worker, python_runner.api.serve'",
    ):
        subprocess.run(shlex.split(command), cwd=tmp_path, env=environment, check=True, capture_output=True)


def copy(source: str, app: Path) -> None:
    """What .dockerignore lets through."""
    if source != ".":
        shutil.copy(PROJECT / source, app)
        return
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            found, target = PROJECT / line[1:], app / line[1:]
            if found.is_dir():
                shutil.copytree(found, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(found, target)


def answers(url: str) -> bool:
    with suppress(OSError), urlopen(url, timeout=1):
        return True
    return False


@pytest.mark.slow
def test_the_procfile_starts_the_api_and_the_worker(database: Database, warehouse: Warehouse, tmp_path: Path) -> None:
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    environment = kept | warehouse.environment | {"DATABASE_URL": database.login, "PATH": f"{BIN}:{os.environ['PATH']}"}
    command: list[str | Path] = [BIN / "honcho", "start", "-f", PROJECT / "Procfile", "-d", tmp_path, "-p", str(port)]
    is_made = "select to_regclass('jobs.migrations') is not null"
    with subprocess.Popen(command, env=environment, cwd=tmp_path) as honcho:
        wait_until(
            lambda: database.value(is_made) and database.value("select count(*) from jobs.procrastinate_workers")
        )
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        honcho.terminate()
        honcho.wait()
    assert database.value("select count(*) from jobs.procrastinate_workers") == 0
