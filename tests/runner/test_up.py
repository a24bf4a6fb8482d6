"""`runner demo --up` and `--down`: one address, and no process that is left."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from urllib.request import urlopen

import psutil
import pytest

from python_runner.console.progress import progress_listener
from python_runner.demo import embedded, processes, sample, serving, stand_in, story
from python_runner.errors import RunnerError
from python_runner.jobs import queue
from python_runner.jobs.names import JobName
from tests.api.cluster import free_port, wait_until
from tests.conftest import Database

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("demo")
    monkeypatch.setattr(story, "FOLDER", folder)
    monkeypatch.setattr(story, "WAREHOUSE", folder / "snowflake")
    yield folder
    story.stop()


def read(url: str) -> str:
    return str(urlopen(url, timeout=10).read().decode())


def left(folder: Path) -> list[str]:
    """What still runs."""
    servers = [one for one in (folder, folder / story.STANDBY) if embedded._is_running(embedded._data(one))]
    warehouse = [folder / "snowflake"] if stand_in.running(folder / "snowflake") else []
    return [*map(str, servers + warehouse), *processes.running(folder)]


def fail(*_: object) -> None:
    raise RunnerError("in the middle")


@pytest.mark.slow
def test_up_serves_data_that_changes_and_down_ends_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with progress_listener(as_json=True) as listener:
        url, started = serving.up(sample.Scale(20_000), free_port(), listener, pause_s=0.1)
        assert started
        assert serving.up(sample.Scale(20_000), free_port(), listener) == (url, False)
        assert "/wallets/0x" in read(f"{url}/")
        wait_until(lambda: 'standby_1</td><td data-name="is read from">yes' in read(f"{url}/status"))
        first = json.loads(read(f"{url}/readyz"))["versions"]["public.wallet_summary_snapshot"]
        queue.enqueue(Database(story.environment()["DATABASE_URL"], role="").settings, JobName.refresh)
        wait_until(lambda: json.loads(read(f"{url}/readyz"))["versions"]["public.wallet_summary_snapshot"] > first)
        wait_until(lambda: "refresh: " in read(f"{url}/status"))
        listed = [one.process() for one in processes._read(folder)]
        family = [child for one in listed if one for child in [one, *one.children(recursive=True)]]
        assert len(family) > len(serving.NAMES)
        story.stop(remove=False)
        assert left(folder) == []
        assert not any(one.is_running() for one in family)

        monkeypatch.setattr(serving, "_wait_for", fail)
        with pytest.raises(RunnerError, match="in the middle"):
            serving.up(sample.Scale(20_000), free_port(), listener)
        assert left(folder) == []


def test_one_command_at_a_time_starts_or_stops_the_demo(folder: Path) -> None:
    assert folder
    waits, entered = Event(), Event()

    def second() -> None:
        with story.alone(lambda _: waits.set()):
            entered.set()

    thread = Thread(target=second)
    with story.alone(pytest.fail):
        thread.start()
        assert waits.wait(10)
        assert not entered.is_set()
    thread.join(10)
    assert entered.is_set()


def test_a_port_in_use_is_said_before_anything_starts(folder: Path) -> None:
    with progress_listener(as_json=True) as listener, socket.create_server((serving.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RunnerError, match=f"port {port} is in use"):
            serving.up(sample.SMALL, port, listener)
    assert left(folder) == []


def test_processes_end_by_their_id_even_if_one_ignores_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "END_TIMEOUT_S", 0.2)
    log = processes.start(tmp_path, "stubborn", [sys.executable, "-c", STUBBORN], {})
    processes.start(tmp_path, "other", [sys.executable, "-c", "import time; time.sleep(600)"], {})
    wait_until(lambda: log.read_text() == "1\n")
    assert processes.running(tmp_path) == {"stubborn", "other"}
    found = [one.process() for one in processes._read(tmp_path)]
    processes.end(tmp_path)
    assert processes.running(tmp_path) == set()
    assert not any(one and one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in found)


def test_a_later_process_with_the_same_id_is_left_alone(tmp_path: Path) -> None:
    other = psutil.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        processes._write(tmp_path, [processes.Started("ended", other.pid, other.create_time() - 60)])
        assert processes.running(tmp_path) == set()
        processes.end(tmp_path)
        assert other.is_running()
    finally:
        other.kill()
        other.wait()
