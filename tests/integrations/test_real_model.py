"""The same questions to a real model, where it is asked for: KINTSUGI_TEST_LLM=1 and the KINTSUGI_LLM_… settings."""

from __future__ import annotations

import os

import pytest

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.demo.workspace import example
from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.incident import Category
from kintsugi.workflow.ports import Case
from tests.world.make import a_payload, an_incident

pytestmark = pytest.mark.skipif(
    not os.environ.get("KINTSUGI_TEST_LLM"), reason="a real model costs money: set KINTSUGI_TEST_LLM=1"
)


async def test_a_real_model_finds_the_cause_of_the_demos_crash_and_mends_it():
    shop = example("checkout") / "shop"
    code = "\n".join(f"# shop/{name}\n{(shop / name).read_text()}" for name in ("pricing.py", "coupons.py"))
    analyst = ModelAnalyst(Bootstrap.read().model.make(), lambda case, tokens: code, redact)

    diagnosis = await analyst.diagnose(Case(an_incident(), a_payload()), print)

    assert diagnosis.category is Category.CODE
    assert diagnosis.edits
    assert diagnosis.regression_test
    assert diagnosis.cost.calls == 2
    assert diagnosis.cost.tokens_out > 0
