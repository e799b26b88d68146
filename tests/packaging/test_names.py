"""One name: nothing imports, starts or logs under another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from kintsugi.parsing import parse

ROOT = Path(__file__).parents[2]
CODE = ("kintsugi", "alembic", "bench", "chaos", "examples", "tests", "tools")
ROOMS = {path.stem for path in (ROOT / "kintsugi").iterdir() if path.suffix in ("", ".py")} - {
    "__init__", "__main__", "__pycache__", "discord"  # discord is discord.py's own name
}  # fmt: skip
SHORT = re.compile(rf"(?:{'|'.join(sorted(ROOMS))})(?:\.[a-z_]\w*)+")
TYPED = re.compile(rf"(?:python3? -m |^import |^from |load_extension\(\")(?:{'|'.join(sorted(ROOMS))})\b", re.MULTILINE)


def test_nothing_imports_a_short_name():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, node in _nodes(*CODE)
        for name in _imported(node)
        if name.partition(".")[0] in ROOMS
    ]

    assert found == []


def test_no_code_that_tests_run_imports_a_short_name():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, node in _nodes("bench", "chaos", "tests")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import" in node.value
        if any(name.partition(".")[0] in ROOMS for name in _imported_by(node.value))
    ]

    assert found == []


def test_no_text_names_a_module_by_a_short_name():
    """In strings: what is loaded or patched by name, entry points, the code that a sandbox runs."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path, node in _nodes("kintsugi", "alembic", "bench", "chaos", "tools")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SHORT.fullmatch(node.value)
        if (ROOT / "kintsugi" / Path(*node.value.split("."))).with_suffix(".py").exists()
    ]

    assert found == []


def test_no_document_imports_or_starts_a_short_name():
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", *(ROOT / "docs").glob("*.md")]

    found = [f"{path.name}: {said[0]}" for path in documents for said in TYPED.finditer(path.read_text("utf-8"))]

    assert found == []


def test_every_logger_of_ours_is_below_kintsugi():
    """So that one line of anybody's logging set-up reaches them all. (Others' are looked up, to quieten them.)"""
    calls = [
        (path, call)
        for path, node in _nodes("kintsugi")
        for call in ([node.value] if isinstance(node, ast.Assign) else [])
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("getLogger", "LogRecord"))
        if call.args and isinstance(call.args[0], ast.Constant)
    ]
    named = [(f"{path.relative_to(ROOT)}:{call.lineno}", ast.literal_eval(call.args[0])) for path, call in calls]

    assert len(named) > 5
    assert [each for each in named if not each[1].startswith("kintsugi")] == []


def _nodes(*folders: str) -> Iterator[tuple[Path, ast.AST]]:
    return ((path, node) for folder in folders for path, node in _read(folder))


@cache
def _read(folder: str) -> list[tuple[Path, ast.AST]]:
    """Read once for all tests: of each file the imports, texts and assignments of a call, which are what they are about."""
    return [
        (path, node)
        for path in (ROOT / folder).glob("**/*.py")
        for node in ast.walk(parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call))
    ]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""] if node.level == 0 else []
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _imported_by(code: str) -> list[str]:
    """By a text, if it is code."""
    try:
        return [name for node in ast.walk(parse(code)) for name in _imported(node)]
    except SyntaxError:
        return []
