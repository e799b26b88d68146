"""The words of docs/words.md: what was given up for them does not come back."""

import ast
import re
from pathlib import Path
from typing import Any

import kintsugi
from kintsugi.parsing import parse

SOURCES = Path(kintsugi.__file__).parent
GIVEN_UP = {"Debt", "Parts", "Tools", "Doors", "Behind", "Moves"}
NEEDS = {"BotNeeds", "EffectNeeds", "ServerNeeds", "PageNeeds", "MetricNeeds"}


def test_a_word_that_was_given_up_names_no_class():
    names = [name for path in sorted(SOURCES.rglob("*.py")) for name in _classes(path)]

    assert GIVEN_UP.isdisjoint(names)
    assert set(names) >= NEEDS
    assert len([name for name in names if name in NEEDS]) == len(NEEDS)


def test_the_words_that_are_explained_are_those_of_the_code():
    written = (SOURCES.parent / "docs" / "words.md").read_text(encoding="utf-8")

    assert all(f"`{name}`" in written for name in NEEDS)


def _classes(path: Path) -> list[str]:
    text = "" if "checkout" in path.parts else path.read_text(encoding="utf-8")
    return re.findall(r"^ *class (\w+)", text, re.MULTILINE)


def test_outside_the_lifecycle_states_come_from_the_page_to_point_at():
    outside = [path for path in sorted(SOURCES.rglob("*.py")) if "workflow" not in path.parts]

    assert [path.name for path in outside if "workflow.names" in path.read_text(encoding="utf-8")] == []


# --- what the log says ------------------------------------------------------------------------------------------

PROSE = {"telemetry", "reporting.py", "guest.py"}
"""What runs inside other people's programs speaks in sentences there."""


def test_the_log_s_events_are_those_of_its_page():
    """Names that can be searched for: none in prose, none that the page does not explain, none that is gone."""
    logged = {
        name
        for path in sorted(SOURCES.rglob("*.py"))
        if PROSE.isdisjoint(path.relative_to(SOURCES).parts)
        for name in _events(path)
    }
    rows = re.findall(r"^\| (`.*?) \|", (SOURCES.parent / "docs" / "log.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert logged == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def _events(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if not re.search(r"\blog\.", text):  # to take a text apart takes a hundred times as long
        return []
    calls = [node for node in ast.walk(parse(text)) if isinstance(node, ast.Call)]
    logs = [call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "log"]
    return [str(call.args[0].value) for call in logs if call.args and isinstance(call.args[0], ast.Constant)]


# --- what people read -------------------------------------------------------------------------------------------

BANNED = re.compile(
    r"\b(anew|whoever|whomever|thereof|thereby|befell|hitherto|it stands|stands in|stands where|be told|was told|is told"
    r"|owed|no terminal|of old|for whom|wherefrom|lest|nought)\b",
    re.IGNORECASE,
)
"""Words that a good technical writer of today would not use, or that only our code knows (docs/words.md)."""

READ = (
    *(
        "bot/card.py",
        "bot/replies.py",
        "bot/moves.py",
        "bot/buttons.py",
        "bot/debug.py",
        "bot/deploy.py",
        "bot/presence.py",
    ),
    *("workflow/asking.py", "workflow/doing.py", "workflow/guards.py", "workflow/questions.py", "workflow/severity.py"),
    *("workflow/typed.py", "workflow/wishes.py", "workflow/calling.py", "workflow/quiet.py", "workflow/errors.py"),
    *(
        "app/checks.py",
        "app/names.py",
        "app/settings/rooms.py",
        "app/settings/values.py",
        "app/settings/reading.py",
        "app/connectors.py",
        "commands/doctor.py",
        "web/entrance.py",
    ),
)


GUIDES = re.compile(
    r"\b(anew|whoever|whomever|thereof|thereby|hitherto|for whom|lest|nought|beside them stand)\b", re.IGNORECASE
)


def test_the_documents_are_in_words_of_today():
    root = SOURCES.parent
    documents = [
        root / "README.md",
        root / "CHANGELOG.md",
        root / "CONTRIBUTING.md",
        *sorted((root / "docs").glob("*.md")),
    ]
    lines = [(path.name, line) for path in documents for line in path.read_text(encoding="utf-8").splitlines()]

    assert len(documents) > 20
    assert [(name, line) for name, line in lines if GUIDES.search(line)] == []


def test_what_is_unreleased_can_be_read():
    """A wall of steps, each mending the one before, is read by nobody: git has those."""
    unreleased = (SOURCES.parent / "CHANGELOG.md").read_text(encoding="utf-8").partition("## Unreleased")[2]

    assert len(unreleased.partition("\n## ")[0].splitlines()) < 200, (
        "Fold your lines into the groups of CHANGELOG.md. Has a merge brought old ones back? git checkout main -- CHANGELOG.md"
    )


def test_what_people_read_is_in_words_of_today():
    said = [(file, text) for file in READ for text in _said(SOURCES / file)]
    said += [(path.name, _shown(path)) for path in (SOURCES / "web" / "templates").glob("*.html")]
    said += [(path.name, text) for path in (SOURCES / "commands" / "typed").glob("*.py") for text in _helps(path)]

    assert len(said) > 500
    assert [(file, found[0], text[:100]) for file, text in said if (found := BANNED.search(text))] == []


def _said(path: Path) -> list[str]:
    """The sentences in a module's strings: not its docstrings, and no names or codes."""
    tree = parse(path.read_text(encoding="utf-8"))
    parents = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    own = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, parents) and _has_docstring(node)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in own]
    return [str(node.value) for node in texts if isinstance(node.value, str) and " " in node.value]


def _has_docstring(node: Any) -> bool:
    return bool(node.body) and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)


def _helps(path: Path) -> list[str]:
    """What `--help` says: the docstrings of commands, and their options' strings."""
    tree = parse(path.read_text(encoding="utf-8"))
    commands = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [*_said(path), *(ast.get_docstring(node) or "" for node in commands)]


def _shown(path: Path) -> str:
    """What a page shows: without tags and what Jinja reads."""
    return re.sub(r"{%.*?%}|{{.*?}}|<[^>]*>", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
