"""What the documents tell people to type is there: commands, options, make targets, settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from kintsugi.app.settings import Settings, rooms_of, variable
from kintsugi.commands.tree import whole
from kintsugi.reporting import ADDRESS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TESTS_OWN = {f"KINTSUGI_TEST_{name}" for name in ("GGUF", "LLM", "NODE_MODULES", "POSTGRES")} | {"KINTSUGI_WIRE"}
HANDED_OUT = {f"KINTSUGI_{name}" for name in ("COMMIT", "INCIDENT", "INCIDENT_FILE", "MODEL")}
"""What Kintsugi sets for the programs that it starts: a deploy command, an analyst's command."""


def code(text: str) -> Iterator[str]:
    """Every line of a code block, and every code span."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", text)


def every(pattern: str) -> set[str]:
    return {
        found[0] for document in DOCUMENTS for line in code(document.read_text()) if (found := re.search(pattern, line))
    }


@pytest.mark.parametrize("line", sorted(every(r'(?<![\w/"-])(?<!from )kintsugi (?:[a-z].*)')))
def test_every_command_is_there_with_its_options(line: str):
    words = shlex.split(line.split("#", maxsplit=1)[0])[1:]
    command = whole()
    while words and (named := getattr(command, "commands", {}).get(words[0])):
        command, words = named, words[1:]

    alone = getattr(command, "invoke_without_command", False) and not [word for word in words if word[:2] != "--"]
    assert alone or not getattr(command, "commands", {}), f"{line}: no such command"
    words = words[: words.index("--")] if "--" in words else words  # behind it stands another program's command
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= options | {"--help"}


def test_every_make_target_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {line.split()[1] for line in every(r"^make [a-z]+")} <= targets


def test_every_setting_is_one():
    settings = {variable(room, name) for room in rooms_of(Settings).values() for name in room.model_fields}
    named = {name for document in DOCUMENTS for name in re.findall(r"KINTSUGI_[A-Z_]+[A-Z]\b", document.read_text())}

    assert named - TESTS_OWN - HANDED_OUT - {ADDRESS} <= settings


def test_every_link_leads_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)\)", document.read_text()):
            assert target.startswith("http") or (document.parent / target).exists(), f"{document.name}: {target}"
