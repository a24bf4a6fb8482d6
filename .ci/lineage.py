"""Draws the lineage of target/manifest.json into docs/lineage.md: tables alone, without the edges that others imply.

Exit code 1 where the picture was not up to date, as the hooks of a commit expect of who changes a file.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from networkx import DiGraph, transitive_reduction

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "lineage.md"
PICTURE = re.compile(r"(<!-- lineage -->\n).*?(<!-- end -->)", re.DOTALL)
LAYERS = {"raw": "raw", "seeds": "seeds", "intermediate": "intermediate", "marts": "marts", "site": "the site"}

Node = dict[str, Any]


def main() -> int:
    """Rewrite the picture; returns the exit code."""
    manifest = json.loads((ROOT / "target" / "manifest.json").read_text())
    before = PAGE.read_text()
    after = PICTURE.sub(lambda found: f"{found[1]}```mermaid\n{draw(manifest)}\n```\n{found[2]}", before)
    PAGE.write_text(after)
    return int(after != before)


def draw(manifest: Node) -> str:
    """The flowchart."""
    nodes = {**manifest["nodes"], **manifest["sources"], **manifest["exposures"]}
    layers: dict[str, list[str]] = {layer: [] for layer in LAYERS}
    edges: set[tuple[str, str]] = set()
    for identity, node in sorted(nodes.items()):
        if layer := layer_of(node):
            layers[layer].append(f"        {node['name']}{shape(node)}")
            edges |= {(parent, node["name"]) for parent in tables_behind(identity, nodes) if parent != node["name"]}
    lines = ["flowchart LR"]
    for layer, drawn in layers.items():
        lines += [f'    subgraph {layer}["{LAYERS[layer]}"]', *drawn, "    end"]
    return "\n".join(
        [*lines, *(f"    {parent} --> {child}" for parent, child in sorted(transitive_reduction(DiGraph(edges)).edges))]
    )


def layer_of(node: Node) -> str | None:
    """The layer that a node is drawn in; none for a view, a changelog or what is no table."""
    match node["resource_type"]:
        case "model" if node["config"]["materialized"] != "view":
            return str(node["fqn"][1])
        case "source" if node["source_name"] == "raw":
            return "raw"
        case "seed":
            return "seeds"
        case "exposure":
            return "site"
    return None


def shape(node: Node) -> str:
    """Tables as cylinders, pages by their labels."""
    return f'(["{node["label"]}"])' if node["resource_type"] == "exposure" else f"[({node['name']})]"


def tables_behind(identity: str, nodes: dict[str, Node]) -> set[str]:
    """The names of the tables that a node reads, whether itself or through views; a changelog is drawn as its table."""
    found: set[str] = set()
    for parent in nodes[identity].get("depends_on", {}).get("nodes", []):
        if layer_of(nodes[parent]):
            found.add(nodes[parent]["name"])
        elif nodes[parent].get("source_name") == "changelog":
            found.add(nodes[parent]["name"].removesuffix("_changes"))
        elif nodes[parent]["resource_type"] == "model":
            found |= tables_behind(parent, nodes)
    return found


if __name__ == "__main__":
    sys.exit(main())
