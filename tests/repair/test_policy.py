"""The policy: every class of malice is refused by its own rule, plain fixes pass, settings widen it."""

from __future__ import annotations

import pytest

from repair.apply import Applied
from repair.policy import Finding, PolicySettings, Rule, check
from tests.repair.malicious import BEFORE, Patch, patches, plain
from tests.repair.memory_tree import MemoryTree

TREE = MemoryTree(BEFORE)


def findings(patch: Patch, settings: PolicySettings | None = None) -> tuple[Finding, ...]:
    return check(Applied(patch.files, modes=patch.modes), TREE, settings)


@pytest.mark.parametrize("patch", patches(), ids=lambda patch: ascii(patch.name))
def test_malice_is_refused_by_its_rule(patch: Patch):
    refused_by = {finding.rule.value for finding in findings(patch) if finding.refuses}

    assert patch.rule in refused_by


@pytest.mark.parametrize("patch", plain(), ids=lambda patch: patch.name)
def test_a_plain_fix_passes(patch: Patch):
    assert [finding for finding in findings(patch) if finding.refuses] == []
