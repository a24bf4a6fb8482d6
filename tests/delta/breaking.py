"""Makes one model fail in the middle of its transaction, as a full disk or a lost connection would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from psycopg.sql import SQL, Identifier
from psycopg.sql import Literal as Value

from tests.delta.project import Connection

Moment = Literal["writing", "wrote"]

FAIL = """
create or replace function raw.fail() returns trigger language plpgsql as $$
begin
    if tg_nargs = 0 or tg_argv[0] = (select relname from pg_class where oid = new.reader) then
        raise exception 'broken on purpose';
    end if;
    return new;
end $$
"""
TRIGGER = {
    "writing": "create trigger broken before insert or update or delete on {model} execute function raw.fail()",
    "wrote": "create trigger broken before insert on delta.watermarks for each row execute function raw.fail({name})",
}
MEND = {"writing": "drop trigger broken on {model}", "wrote": "drop trigger broken on delta.watermarks"}


@contextmanager
def broken(connection: Connection, model: str, moment: Moment) -> Iterator[None]:
    """While it writes its rows, or when it has written them and advances its watermark."""
    names = {"model": Identifier("public", model), "name": Value(model)}
    connection.execute(FAIL)
    connection.execute(SQL(TRIGGER[moment]).format(**names))
    try:
        yield
    finally:
        connection.execute(SQL(MEND[moment]).format(**names))
