"""Finds the models that use a changed macro but that `state:modified` misses.

dbt records the macros that a model and its hooks call. It does not record macros whose name is computed: incremental
strategies, materializations and dispatched macros.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from python_runner.errors import UsageError

Manifest = dict[str, Any]

# A call, or a name passed to a dispatch.
NAMED = re.compile(r"(\w+)\s*\(|['\"](\w+)['\"]")
DISPATCHED = re.compile(r"^(default|postgres|snowflake)__|_(default|postgres)$")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest.json in a folder. UsageError if there is none."""
    try:
        manifest: Manifest = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no manifest.json can be read in {folder}: run `dbt parse`, or fetch the manifest of production"
        ) from error
    return manifest


def reached_by_changed_macros(now: Manifest, before: Manifest) -> list[str]:
    """The names of the models that use a macro whose text has changed, directly or through other macros."""
    texts, old_texts = _texts(now), _texts(before)
    changed = {name for name in texts.keys() | old_texts.keys() if texts.get(name) != old_texts.get(name)}
    called = {name: _named(text) & texts.keys() for name, text in texts.items()}
    models = (node for node in now["nodes"].values() if node["resource_type"] == "model")
    return sorted(model["name"] for model in models if changed & _closure(_used(model), called))


def _texts(manifest: Manifest) -> dict[str, str]:
    """The text of each macro, including its dispatched implementations."""
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
    """The name without package and dispatch prefix: macro.package.postgres__create_table_as is create_table_as."""
    return DISPATCHED.sub("", identity.rsplit(".", 1)[-1])
