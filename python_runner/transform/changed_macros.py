"""Finds the models that a changed macro reaches on ways `state:modified` does not follow.

dbt knows the macros that a model and its hooks call. It does not know those that stand behind a name it puts together:
an incremental strategy, a materialization, a dispatch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from python_runner.errors import UsageError

Manifest = dict[str, Any]

# A call, or a name that is handed to a dispatch.
NAMED = re.compile(r"(\w+)\s*\(|['\"](\w+)['\"]")
DISPATCHED = re.compile(r"^(default|postgres)__|_(default|postgres)$")


def read_manifest(folder: Path) -> Manifest:
    """What a run of dbt left in a folder. UsageError where that is no manifest."""
    try:
        manifest: Manifest = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"no manifest.json can be read in {folder}: run `dbt parse`, or fetch production's") from error
    return manifest


def reached_by_changed_macros(now: Manifest, before: Manifest) -> list[str]:
    """The names of the models that come to a macro whose text has changed."""
    texts, known = _texts(now), _texts(before)
    changed = {name for name in texts.keys() | known.keys() if texts.get(name) != known.get(name)}
    called = {name: _named(text) & texts.keys() for name, text in texts.items()}
    models = (node for node in now["nodes"].values() if node["resource_type"] == "model")
    return sorted(model["name"] for model in models if changed & _closure(_used(model), called))


def _texts(manifest: Manifest) -> dict[str, str]:
    """The text of each macro, and of all that a dispatch may put in its place."""
    texts: dict[str, str] = {}
    for identity, macro in sorted(manifest["macros"].items()):
        texts[_name(identity)] = texts.get(_name(identity), "") + macro["macro_sql"]
    return texts


def _used(model: dict[str, Any]) -> set[str]:
    config = model["config"]
    used = {_name(identity) for identity in model["depends_on"]["macros"]}
    used.add(f"materialization_{config['materialized']}")
    if config["materialized"] == "incremental":
        used.add(f"get_incremental_{config['incremental_strategy']}_sql")
    return used


def _named(text: str) -> set[str]:
    return {_name(call or quoted) for call, quoted in NAMED.findall(text)}


def _closure(names: Iterable[str], called: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    new = set(names)
    while new:
        reached |= new
        new = {name for one in new for name in called.get(one, ())} - reached
    return reached


def _name(identity: str) -> str:
    """Of macro.package.postgres__create_table_as: create_table_as."""
    return DISPATCHED.sub("", identity.rsplit(".", 1)[-1])
