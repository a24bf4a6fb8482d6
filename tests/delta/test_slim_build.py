"""A slim build builds what an edit reaches, in a schema of its own, and production supplies the rest."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import psycopg
import pytest

from python_runner.transform.changed_macros import reached_by_changed_macros
from tests.delta.conftest import Workshop
from tests.delta.market import Market
from tests.delta.oracle import differences
from tests.delta.project import CHANGELOGS, MODELS, SNAPSHOTS, Project, copy_project
from tests.roles import add_schema

REACHED = {
    "get_incremental_accumulate_sql": set(SNAPSHOTS) - {"explorer_filters_snapshot"},
    "get_incremental_changelog_sql": set(CHANGELOGS),
    "postgres__accumulate_is_empty": set(MODELS),
    "postgres__create_table_as": set(MODELS),
    "postgres__refresh_materialized_view": {"explorer_filters_snapshot"},
    "maintain_touched": set(),
}


@pytest.mark.parametrize("macro", REACHED)
def test_a_changed_macro_reaches_who_uses_it_unseen(workshop: Workshop, macro: str) -> None:
    now = workshop.project.written_manifest
    before = deepcopy(now)
    before["macros"][f"macro.collectibles.{macro}"]["macro_sql"] += " "
    assert set(reached_by_changed_macros(now, before)) == REACHED[macro]
    assert reached_by_changed_macros(now, now) == []


def test_an_edited_strategy_builds_its_models(workshop: Workshop, opened: Market, tmp_path: Path) -> None:
    assert opened
    production = workshop.renew("traded")
    add_schema(production.url, "ci")
    developer = Project(production.url, tmp_path, schema="ci", home=copy_project(tmp_path / "project"))
    strategy = developer.home / "macros/delta/strategies/get_incremental_accumulate_sql.sql"
    strategy.write_text(strategy.read_text().replace("{% endmacro %}", "{# edited #}{% endmacro %}"))
    developer.parse()
    reached = reached_by_changed_macros(developer.written_manifest, production.written_manifest)
    ran = developer.run("state:modified+", *(f"{name}+" for name in reached), defer_to=production)
    assert {name for name in ran.status if "on-run" not in name} == set(SNAPSHOTS)
    assert not ran.failed
    with psycopg.connect(production.url) as connection:
        assert not any(differences(connection, "ci").values())
