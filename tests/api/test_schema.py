"""Whatever is asked, the answer is as the OpenAPI document says: schemathesis, with a bounded number of requests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.cluster import api
from tests.api.conftest import Site

OPTIONS = ("--max-examples", "25", "--phases", "coverage,fuzzing", "--seed", "1", "--no-color")


@pytest.mark.slow
def test_schemathesis_finds_nothing(site: Site, tmp_path: Path) -> None:
    with api("as it is", DATABASE_URL=site.url) as port:
        done = subprocess.run(
            [Path(sys.executable).with_name("st"), "run", f"http://127.0.0.1:{port}/openapi.json", *OPTIONS],
            check=False,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout
