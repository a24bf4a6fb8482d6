"""Whatever is asked, the answer is as the OpenAPI document says: schemathesis, with a bounded number of requests."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case

from tests.api.cluster import api
from tests.api.conftest import Site

EXAMPLES = 25


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_schemathesis_finds_nothing(site: Site, mode: str) -> None:
    with api("as it is", DATABASE_URL=site.url) as port:
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
        for operation in schema.get_all_operations():
            strategy = operation.ok().as_strategy(generation_mode=schemathesis.GenerationMode(mode))

            @given(case=strategy)
            @settings(
                max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            def conforms(case: Case) -> None:
                case.call_and_validate()

            conforms()
