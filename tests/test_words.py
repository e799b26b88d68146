"""The words of docs/words.md: what was given up for them does not come back."""

import ast
from pathlib import Path

import kintsugi

SOURCES = Path(kintsugi.__file__).parent
GIVEN_UP = {"Debt", "Parts", "Tools", "Doors", "Behind", "Moves"}
NEEDS = {"BotNeeds", "EffectNeeds", "ServerNeeds", "PageNeeds", "MetricNeeds"}


def test_a_word_that_was_given_up_names_no_class():
    names = [each.name for path in sorted(SOURCES.rglob("*.py")) for each in _classes(path)]

    assert GIVEN_UP.isdisjoint(names)
    assert set(names) >= NEEDS
    assert len([name for name in names if name in NEEDS]) == len(NEEDS)


def test_the_words_that_are_explained_are_those_of_the_code():
    written = (SOURCES.parent / "docs" / "words.md").read_text(encoding="utf-8")

    assert all(f"`{name}`" in written for name in NEEDS)


def _classes(path: Path) -> list[ast.ClassDef]:
    if "checkout" in path.parts:
        return []
    return [each for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(each, ast.ClassDef)]


def test_outside_the_lifecycle_states_come_from_the_page_to_point_at():
    outside = [path for path in sorted(SOURCES.rglob("*.py")) if "workflow" not in path.parts]

    assert [path.name for path in outside if "workflow.names" in path.read_text(encoding="utf-8")] == []
