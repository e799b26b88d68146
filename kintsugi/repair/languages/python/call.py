"""Running a crash capsule: the one call that it makes, in the project's interpreter, without a test runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kintsugi.repair.languages import Overlay
from kintsugi.repair.languages.python.layout import set_up_of
from kintsugi.repair.languages.python.script import script
from kintsugi.repair.sandbox import Job
from kintsugi.repair.sandbox.room import Interpreter
from kintsugi.telemetry import lazy_re as re

NOT_REBUILT = "NotRebuilt"
"""What the capsule's own file raises where the call comes to a value that could not be written down."""

_TEST = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def test_of(source: str) -> str:
    """The name of a capsule's test; "" where the text is none."""
    found = _TEST.search(source)
    return found[1] if found else ""


def call_job(
    source: str, tree: Path, changes: Overlay, *, folder: str, interpreter: Interpreter, crash: Mapping[str, object]
) -> Job:
    """Making the call on `tree` with `changes`. `folder` of the tree is imported from too; `crash` is watched for."""
    set_up = set_up_of(tree)
    set_up = replace(set_up, folders=tuple(dict.fromkeys((*set_up.folders, *([folder] if folder else [])))))
    text = script("call", [source, test_of(source)], set_up, crash)
    return Job((str(interpreter.python), "-"), changes, script=text, recorded=True, served=True)
