"""Patterns that are compiled when they are first used."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from kintsugi.telemetry import lazy_re

_WORD = lazy_re.compile(r"\w+", lazy_re.I)
_KEPT = (lazy_re.compile(r"(\d)(\d)"),)


def test_the_module_that_uses_a_pattern_has_the_real_one_from_then_on():
    assert not isinstance(_WORD, re.Pattern)

    assert _WORD.findall("a mug") == ["a", "mug"]

    assert isinstance(_WORD, re.Pattern)
    assert (_WORD.pattern, _WORD.flags & re.I) == (r"\w+", re.I)


@pytest.mark.parametrize("same", [lambda one: one, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_one_that_is_no_global_works_as_well(same):
    pattern = same(_KEPT[0])

    assert pattern.sub(r"\2\1", "12 34") == "21 43"
    assert pattern.groups == 2
    assert pattern.pattern == r"(\d)(\d)"


def test_what_is_no_pattern_is_told_when_it_is_used():
    broken = lazy_re.compile("(")

    with pytest.raises(re.error):
        broken.search("mug")
