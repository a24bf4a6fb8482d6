"""Rounds of dbt commands, loads and failures that meet at random, on a server that may crash."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from time import sleep

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from python_runner.demo import embedded
from tests.delta.conftest import HOLDERS
from tests.delta.market import EDITIONS, MOMENTS, SOURCES, TEAMS, TIERS, WALLETS, Change, Market
from tests.delta.oracle import differences
from tests.delta.project import CHANGELOGS, MODELS, SNAPSHOTS, Connection, Project, Run
from tests.delta.workers import LIMIT_S, Workers, settle, waits
from tests.renewable import Renewable
from tests.roles import create_roles

Action = Callable[[], object]

# Commands pause in the middle of their transactions: before a watermark is written, after a table is made or renamed.
PAUSES = """
create function raw.pause() returns trigger language plpgsql as $$
begin
    if current_setting('application_name') like 'command%' and random() < 0.6 then
        perform pg_sleep(random() * 0.5);
    end if;
    return null;
end $$;
create function raw.pause_after_ddl() returns event_trigger language plpgsql as $$
begin
    if current_setting('application_name') like 'command%' and random() < 0.3 then
        perform pg_sleep(random() * 0.5);
    end if;
end $$;
create trigger pause before insert or update or delete on delta.watermarks execute function raw.pause();
create event trigger pause on ddl_command_end
    when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'CREATE INDEX', 'ALTER TABLE')
    execute function raw.pause_after_ddl()
"""


@dataclass
class Server:
    """A server of the test's own, with a database of the same name as the project was parsed for."""

    folder: Path
    project: Project
    database: Renewable

    @classmethod
    def prepare(cls, folder: Path, project: Project) -> Server:
        """With a market that is loaded and built."""
        url = embedded.start(folder).url
        create_roles(url)
        name = conninfo_to_dict(project.url)["dbname"]
        own = replace(project, url=make_conninfo(url, dbname=name))
        database = Renewable(psycopg.connect(url, autocommit=True), str(name), own.url)
        database.renew()
        own.prepare()
        with psycopg.connect(own.url, autocommit=True) as connection:
            opened().load_all(connection, whole=True)
            assert own.run().ok
            connection.execute(PAUSES)
        database.keep("traded")
        return cls(folder, own, database)

    def crash(self) -> None:
        """End every process of the server at once, and start it."""
        data = embedded.start(self.folder).data
        embedded._run("pg_ctl", "-w", "-m", "immediate", "stop", data=data)
        url = embedded.start(self.folder).url
        self.database.server = psycopg.connect(url, autocommit=True)

    def connect(self) -> Connection:
        """Who waits here for too long fails the test."""
        options = f"-c lock_timeout={LIMIT_S}s"
        return psycopg.connect(self.project.url, autocommit=True, options=options, application_name="test")


def opened() -> Market:
    market = Market()
    market.happen(("mint", moment, HOLDERS[moment % 4], EDITIONS[moment % 3]) for moment in MOMENTS)
    market.happen([("price", "ED1", 2, 3), ("price", "ED2", None, 5), ("rename", "0xa", "Ada")])
    return market


@dataclass
class Round:
    """What meets in one round, and what came of it."""

    name: str
    server: Server
    market: Market
    counts: Counter[str]
    connection: Connection
    workers: Workers
    random: Random = field(init=False)
    focus: list[str] = field(init=False)
    failed: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    disturbed: bool = False

    def __post_init__(self) -> None:
        self.random = Random(self.name)
        self.focus = [self.random.choice(CHANGELOGS), self.random.choice(SNAPSHOTS[:-1])]

    def play(self) -> None:
        """Let commands meet, and wait until all have ended."""
        self.load()
        if self.random.random() < 0.5:  # then the marts have something to read
            self.workers.start("before", self.server.project, "intermediate").join(self.connection)
        # Few: a rebuild mends what was wrong before it.
        commands: list[Action] = [self.start] * self.random.randint(2, 3)
        if self.random.random() < 0.7:
            commands = [partial(self.start_together, commands)]
        others: list[Action] = [self.load, self.start, self.forget, self.kill, self.crash]
        for action in (*commands, *self.random.choices(others, (5, 2, 1, 0.4, 0.4), k=self.random.randint(0, 3))):
            action()
            sleep(self.random.uniform(0, 0.4))
        for command in self.workers.started:
            command.join(self.connection)
            self.failed += command.errors
        settle(self.connection)

    def finish(self) -> str:
        """One ordinary run of everything; says what is wrong after it."""
        last = self.workers.start("last", self.server.project).join(self.connection)
        if not last.run or not last.run.ok:
            return f"the run after it failed: {last.errors}"
        wrong = {table: rows for table, rows in differences(self.connection).items() if rows}
        return f"rows that differ from a rebuild: {wrong}" if wrong else ""

    def start(self) -> None:
        if sum(command.process.is_alive() for command in self.workers.started) >= 3:
            return
        name, project = f"command {len(self.workers.started)}", self.server.project
        if self.random.random() < 0.07:
            self.counts["seeds"] += 1
            self.story.append(f"{name}: seed")
            self.workers.work(name, project, seed)
            return
        models = some_models(self.random, self.focus)
        options = {
            "full_refresh": self.random.random() < 0.4,
            "compact_share": self.random.choice([0, 0, 1e9]),
            "rebuild_share": self.random.choice([1e9, 1e9, 1e9, 0.01]),
        }
        self.counts["full refreshes" if options["full_refresh"] else "runs"] += 1
        self.counts["compactions asked for"] += not options["compact_share"]
        self.story.append(f"{name}: {models} {options}")
        self.workers.start(name, project, *models, **options)

    def start_together(self, commands: list[Action]) -> None:
        """All wait for a load, and go on at its end."""
        with self.server.connect() as loader, loader.transaction():
            self.load(loader)
            for start in commands:
                start()
            for command in self.workers.started:
                command.waits(self.connection)

    def load(self, connection: Connection | None = None) -> None:
        self.market.happen(some_change(self.random) for _ in range(self.random.randint(1, 8)))
        for source in self.random.sample(SOURCES, self.random.randint(1, 4)):
            whole = source in SOURCES[2:] or self.random.random() < 0.4
            load = partial(self.market.load, connection or self.connection, source, whole=whole, twice=False)
            self._execute("loads", load)

    def forget(self) -> None:
        """What one reader has read, or every reader."""
        which = "" if self.random.random() < 0.15 else f"where reader = to_regclass('{self.random.choice(MODELS)}')"
        self._execute(
            "deletions of watermarks", partial(self.connection.execute, f"delete from delta.watermarks {which}")
        )

    def kill(self) -> None:
        if alive := [command for command in self.workers.started if command.process.is_alive()]:
            victim = self.random.choice(alive)
            victim.kill()
            self.story.append(f"kill {victim.name}")
            self.counts["kills"] += 1
            self.disturbed = True

    def crash(self) -> None:
        self.counts["crashes"] += 1
        self.story.append("crash")
        self.disturbed = True
        self.server.crash()
        self.connection = self.server.connect()

    def _execute(self, what: str, action: Action) -> None:
        self.counts[what] += 1
        self.story.append(what)
        try:
            action()
        except psycopg.errors.LockNotAvailable:
            pytest.fail(f"{self.name}: one of the {what} waited for {LIMIT_S} s:\n{waits(self.connection)}")
        except psycopg.Error as error:
            self.failed.append(f"{what}: {error}")


def seed(own: Project) -> Run:
    own.seed()
    return Run({}, {}, {})


def some_models(random: Random, focus: list[str]) -> list[str]:
    """All, a layer, or what other commands of the round choose too, perhaps with what it reads or who reads it."""
    model = random.choice(focus)
    near = ([model], [model], [f"{model}+"], ["intermediate", model], focus)
    return random.choice((*near, *near, *near, [], ["intermediate"], ["marts"], [f"+{model}"]))


def some_change(random: Random) -> Change:
    moment, wallet, edition = random.choice(MOMENTS), random.choice(WALLETS), random.choice(EDITIONS)
    amounts = random.choices([None, 0, 1, 2.5, 1_000_000], k=2)
    return random.choice(
        [
            ("mint", moment, wallet, edition),
            ("transfer", moment, wallet),
            ("transfer", moment, wallet),
            ("lock", moment, random.random() < 0.5),
            ("burn", moment),
            ("describe", moment, random.choice([edition, edition, None])),
            ("forget", moment),
            ("renumber", moment, random.choice([None, 3, 20])),
            ("correct", edition, random.choice(TIERS), random.choice(TEAMS), set(random.sample(MOMENTS, 6))),
            ("price", edition, *amounts),
            ("unprice", edition),
            ("rename", wallet, random.choice(["Ada", "Bob", " ", None])),
            ("sell_all", wallet, random.choice([None, *WALLETS])),
        ]
    )


def in_short(message: str) -> str:
    """What a failure says, without what differs each time."""
    said = [
        line.strip() for line in message.splitlines() if not re.match(r"\s*(compiled code|Database Error|HINT)", line)
    ]
    return re.sub(r"(?<=delta_)\w+|(?<=postgres-)\w+|\d+", "N", " | ".join(said))[:300]
