"""Another project installs macros/delta, without anything of collectibles: its increments equal a rebuild too."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from python_runner.project import PROJECT
from tests.other_project import Connection, OtherProject
from tests.renewable import renewable
from tests.tiers import first_of

pytestmark = pytest.mark.database

FILES = Path(__file__).parent / "other_project"
MODELS = ("customer_products", "customers", "products")
REBUILT = {
    "customers": "select customer, count(*) as orders, sum(quantity * price) as spent from orders group by customer",
    "products": """
        select product, customer <> 'guest' as is_regular, count(*) as orders, sum(quantity) as quantity
        from orders group by 1, 2
    """,
}
CHANGES = (
    """
    insert into orders (order_id, customer, product, quantity, price)
    select {0} + n, (array['ann', 'bob', 'guest', 'cy'])[1 + n % 4], 'bun ' || n % {1}, n % 5, n % 7
    from generate_series(1, {1}) as n
    """,
    "update orders set quantity = quantity + 1 where order_id % {1} = 1",
    "update orders set customer = 'guest' where order_id % {1} = 2",
    "update orders set product = 'bun 1', price = price + 0.01 where order_id % {1} = 3",
    "delete from orders where order_id % {1} = 4",
    "delete from orders where customer = 'bob'",
    "delete from orders where product = 'bun 2'",
)
SELECTIONS: tuple[tuple[str, ...], ...] = ((), (), ("customer_products",), ("customers",), ("products",))


@pytest.fixture(scope="module")
def installed(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherProject]:
    package = {"DELTA_PACKAGE": str(PROJECT / "macros" / "delta")}
    with renewable(server_url, "bakery") as database:
        bakery = OtherProject(tmp_path_factory.mktemp("bakery"), database, package, "bakery")
        bakery.install(FILES)
        yield bakery


@pytest.fixture
def bakery(installed: OtherProject) -> Iterator[OtherProject]:
    installed.database.renew()
    with psycopg.connect(installed.url) as connection:
        connection.execute((FILES / "orders.sql").read_bytes())
    with installed.chosen():
        yield installed


@pytest.fixture
def connection(bakery: OtherProject) -> Iterator[Connection]:
    with bakery.connect() as connection:
        yield connection


def run(bakery: OtherProject, *models: str, variables: str = "{rebuild_share: 1e9, compact_share: 0.1}") -> list[str]:
    """Returns the reasons for rebuilds."""
    ran = bakery.dbt("run", "--vars", variables, *(["--select", *models] if models else []))
    assert not ran.errors
    return [message for message in ran.said if " is rebuilt: " in message]


def assert_equal(connection: Connection) -> None:
    for table, rebuilt in REBUILT.items():
        published = f"select {', '.join(columns(connection, rebuilt))} from {table}"
        for one, other in ((published, rebuilt), (rebuilt, published)):
            assert connection.execute(f"({one}) except all ({other})").fetchall() == [], table


def columns(connection: Connection, query: str) -> list[str]:
    return [column.name for column in connection.execute(query).description or ()]


def change(connection: Connection, chance: random.Random) -> None:
    statement = chance.choice(CHANGES[:1] * 3 + CHANGES[1:])
    following = "select coalesce(max(order_id), 0) from orders"
    (last,) = connection.execute(following).fetchall()[0]
    connection.execute(statement.format(last, chance.randint(5, 9)))


@pytest.mark.parametrize("seed", first_of([1, 2]))
def test_increments_equal_a_rebuild(bakery: OtherProject, connection: Connection, seed: int) -> None:
    chance = random.Random(seed)
    change(connection, random.Random(0))
    assert len(run(bakery)) == 0  # the first build creates the tables
    assert_equal(connection)
    for _ in range(8):
        for _ in range(chance.randint(1, 4)):
            change(connection, chance)
        assert run(bakery, *chance.choice(SELECTIONS)) == []
    assert run(bakery) == []
    assert_equal(connection)


def test_a_full_refresh_replaces_the_content_in_place(bakery: OtherProject, connection: Connection) -> None:
    oids = f"select array_agg(oid order by oid) from pg_class where relname = any('{{{','.join(MODELS)}}}')"
    for statement in CHANGES[:1] * 3:
        connection.execute(statement.format(connection.execute("select count(*) from orders").fetchall()[0][0], 9))
    run(bakery)
    before = connection.execute(oids).fetchall()
    connection.execute("delete from customer_products where customer = 'ann'")
    connection.execute("update customers set orders = 7 where customer = 'bob'")
    connection.execute("delete from products where product = 'bun 3'")
    ran = bakery.dbt("build", "--full-refresh", "--vars", "{compare_rebuild: true}")
    assert ran.status["rebuild_equals_the_increments"] == "fail"
    assert connection.execute(oids).fetchall() == before
    assert_equal(connection)
    assert not bakery.dbt("build", "--full-refresh", "--vars", "{compare_rebuild: true}").errors
    change(connection, random.Random(0))
    assert run(bakery) == []
    assert_equal(connection)


def test_so_many_changes_that_a_rebuild_is_cheaper(bakery: OtherProject, connection: Connection) -> None:
    connection.execute(CHANGES[0].format(0, 9))
    run(bakery)
    connection.execute("analyze orders")
    connection.execute("update orders set quantity = quantity + 1")
    (reason,) = run(bakery, "customer_products", variables="{rebuild_share: 0.5}")
    assert "a rebuild is cheaper than 18 changes of bakery.orders_changes" in reason.replace('"', "")
    run(bakery)
    assert_equal(connection)


def test_an_unknown_rule_is_an_error_that_names_the_known_ones(installed: OtherProject) -> None:
    model = installed.folder / "models/customers.sql"
    text = model.read_text()
    model.write_text(text.replace("'sum':", "'sums':"))
    installed.database.renew()
    try:
        with installed.chosen(), psycopg.connect(installed.url, autocommit=True) as connection:
            connection.execute((FILES / "orders.sql").read_bytes())
            errors = installed.dbt("run").errors
    finally:
        model.write_text(text)
    (error,) = errors
    assert "accumulate: customers declares meta.accumulate.sums: use sum, replace, max, delete_when_empty" in error


def test_nothing_of_collectibles_is_needed(installed: OtherProject) -> None:
    with installed.chosen():
        manifest = installed.manifest
    packages = {macro.package_name for macro in manifest.macros.values()}
    assert packages == {"bakery", "delta_models", "dbt", "dbt_postgres"}
    own = re.compile(r"collectible|wallet|\bedition|\bholding|nft_", re.IGNORECASE)
    for package in ("delta", "tuning"):
        for path in (PROJECT / "macros" / package).rglob("*.sql"):
            assert not own.search(path.read_text()), path


def test_the_readme_shows_this_project() -> None:
    readme = (PROJECT / "macros/delta/README.md").read_text()
    files = [" ".join(path.read_text().split()) for path in FILES.rglob("*.sql")]
    blocks = re.findall(r"^```sql\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        assert any(" ".join(block.split()) in text for text in files), block


def test_a_change_has_a_version_and_a_notification(bakery: OtherProject) -> None:
    versions = "select relation_name, version, rebuilt_version from delta.versions"
    with bakery.connect() as connection:
        connection.execute("listen delta_refreshed")
        names = {f"bakery.{name}" for name in MODELS}

        def notified() -> set[str]:
            return {notice.payload for notice in connection.notifies(timeout=0)}

        connection.execute(CHANGES[0].format(0, 9).encode())
        assert not bakery.dbt("run").errors
        assert notified() == names
        built = connection.execute(versions.encode()).fetchall()
        assert {name for name, _, _ in built} == names
        assert not bakery.dbt("run").errors
        assert notified() == set()
        assert connection.execute(versions.encode()).fetchall() == built
        connection.execute(b"delete from orders where customer = 'bob'")
        assert not bakery.dbt("run").errors
        assert notified() == names
        moved = {name: (version + 1, rebuilt) for name, version, rebuilt in built}
        assert {name: rest for name, *rest in connection.execute(versions.encode())} == {
            name: list(pair) for name, pair in moved.items()
        }
        assert not bakery.dbt("run", "--full-refresh", "--select", "customers").errors
        assert notified() == {"bakery.customers"}
