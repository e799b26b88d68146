"""The crash capsule in the box: the failing call is made again, and it is said whether it fails in the same way.

Decided by what the run recorded: same type, same message (numbers and addresses aside), through the same function.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kintsugi.parsing import parsed
from kintsugi.repair import sandbox
from kintsugi.repair.languages.python.call import NOT_REBUILT, call_job, test_of
from kintsugi.repair.languages.python.missing import missing
from kintsugi.repair.languages.results import Crash, Ending, Results, TestResult, ends_a_recursion, read_results
from kintsugi.repair.rejection import Rejection, answer_in, rejection_in
from kintsugi.repair.sandbox import Box, Ground, Outcome, ground
from kintsugi.repair.sandbox import probe as boxes
from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.capsule.helpers import BY_DEFAULTS, HELPERS, ON_NEW_OBJECTS, WITH_MORE
from kintsugi.telemetry.fingerprint import plain_message
from kintsugi.telemetry.redact import MASK
from kintsugi.workflow.patch import Reproduction, Rerun
from kintsugi.workflow.payload import Capsule, Failure

_SECONDS = 60.0
_LONGEST = 200
_NO_ATTRIBUTE = "object has no attribute"
_INNERMOST = re.compile(r"([\[({])([^\[\](){}]*)([\])}])")
_WORDS_IN_A_ROW = re.compile(r"[^\s,]*\w\W?(?:, [^\s,]*\w['\"]?)+")
_CLOSED = str.maketrans({sign: chr(0xE000 + at) for at, sign in enumerate("[](){}, ")})
_OF_MISSING = re.compile(r"<missing: ")  # what stands for it, in a message


@dataclass(frozen=True, slots=True)
class FailingCall:
    """A capsule that has a source, with the folder of the tree from which its module is imported, and its crash."""

    source: str
    name: str  # module and function
    module: str
    folder: str
    crash: Crash
    in_part: str = ""  # how much of the call it is, where it was made from what a report shows

    @property
    def test(self) -> str:
        return test_of(self.source)

    @property
    def told(self) -> str:
        """Its name, and that it is in part where it is."""
        return f"{self.name} (in part: {self.in_part})" if self.in_part else self.name


@dataclass(frozen=True, slots=True)
class Made:
    """One making of the call: how it ended, and what was seen."""

    result: TestResult | None
    outcome: Outcome
    broken: str = ""

    @property
    def passed(self) -> bool:
        return self.result is not None and self.result.ending is Ending.PASSED

    @property
    def not_rebuilt(self) -> str:
        """What of the call was missing; "" where nothing was."""
        failure = self.result.failure if self.result else None
        return failure.message if failure and failure.kind == NOT_REBUILT else ""

    @property
    def said(self) -> str:
        return self.result.failure.said if self.result and self.result.failure else self.broken

    @property
    def lacks_an_attribute(self) -> bool:
        """Whether an object was asked for what it does not have: a patch may give that to new ones only."""
        failure = self.result.failure if self.result else None
        return failure is not None and failure.kind == "AttributeError" and _NO_ATTRIBUTE in failure.message

    def rejection(self, crash: Crash) -> Rejection | None:
        """By what the call is rejected on purpose, where the crash is gone."""
        return None if self.fails_by(crash) else rejection_in(self.result, crash)

    def answer(self, crash: Crash, base: Path) -> Rejection | None:
        """By what the crash is answered, where it is still there. `base`: the project without the patch."""
        return answer_in(self.result, crash, base)

    def fails_by(self, crash: Crash) -> bool:
        """Whether it failed by the very crash."""
        failure = self.result.failure if self.result else None
        if failure is None or not crash.is_in(failure.chain):
            return False
        if failure.kind.rpartition(".")[2] != crash.short_kind:
            return True
        if crash.is_of_recursion:
            return ends_a_recursion(failure.message)
        return _is_the_same(failure.message, crash.message)


def failing_call(capsule: Capsule | None, failure: Failure | None, crash: Crash | None) -> FailingCall | None:
    """None where no call was written down, or it is not known what it failed by."""
    if capsule is None or not capsule.source or crash is None:
        return None
    return FailingCall(
        capsule.source,
        f"{capsule.module}.{capsule.function}",
        capsule.module,
        _folder_of(capsule.module, failure),
        crash,
        capsule.in_part,
    )


def _folder_of(module: str, failure: Failure | None) -> str:
    """Where its package lies in the repository, by the frames that were located there."""
    own = "/".join(module.split("."))
    frames = [frame for raised in failure.chain for frame in raised.frames] if failure else []
    for path in (frame.path for frame in frames if frame.in_project):
        stem = path.removesuffix(".py").removesuffix("/__init__").removesuffix("/__main__")
        if f"/{stem}".endswith(f"/{own}"):
            return stem.removesuffix(own).strip("/")
    return ""


def on_new_objects(call: FailingCall) -> dict[str, FailingCall]:
    """The same call on objects that their own `__init__` makes, so that a fix of that shows; nothing where it has none.

    By how they are made: first from all that it takes, then from what it cannot do without. Each is another call until
    it is seen to fail in the same way.
    """
    ways = {"of what they held": ON_NEW_OBJECTS, "with its own defaults": BY_DEFAULTS}
    return {how: made for how, helpers in ways.items() if (made := _with(helpers, call)) is not None}


def with_more_attributes(call: FailingCall) -> FailingCall | None:
    """The same call on the same objects, with the attributes besides that their `__init__` gives them where it is run.

    A patch may have that give them one more, and ask for it: no object that was written down before has that.
    """
    return _with(WITH_MORE, call)


def _with(helpers: Mapping[str, str], call: FailingCall) -> FailingCall | None:
    """With other functions in its file; None where the file has none of those that make an object."""
    source = call.source
    if not any(HELPERS[name] in source for name in helpers if name != "with_state"):
        return None
    for name, text in helpers.items():
        source = source.replace(HELPERS[name], text)
    return replace(call, source=source)


async def make(call: FailingCall, on: Ground, changes: Mapping[str, bytes | None], *, seconds: float) -> Made:
    """Make the call once, on the ground's tree with `changes`. Raises BoxFailed."""
    crash = call.crash.watched
    watched = {**crash, "everywhere": True} if crash else {}
    job = call_job(call.source, on.tree, changes, folder=call.folder, interpreter=on.box.interpreter, crash=watched)
    outcome = await sandbox.run(on, job, seconds=seconds)
    outcome = replace(outcome, run=replace(outcome.run, command=("python", "-m", "pytest", f"-k {call.test}")))
    results: Results = await asyncio.to_thread(read_results, outcome)
    if results.forged or not results.complete:
        return Made(None, outcome, outcome.stopped or results.broken or "")
    return Made(next(iter(results.tests.values()), None), outcome)


async def reproduced(
    capsule: Capsule | None,
    failure: Failure | None,
    crash: Crash | None,
    tree: Path,
    box: Box,
    *,
    commit: str,
    seconds: float | None = None,
    without_walls: bool = False,
) -> Reproduction:
    """Make the failing call on an exported tree, and say how it ended. It has a minute, or as long as `seconds` says.

    Raises BoxFailed.
    """
    call = failing_call(capsule, failure, crash)
    name = f"{capsule.module}.{capsule.function}" if capsule else ""
    if call is None:
        return Reproduction(Rerun.NOT_REPRODUCIBLE, name, commit, 0.0, _why_none(capsule))
    if not without_walls and (why := boxes.no_walls(box)):
        return Reproduction(Rerun.NOT_REPRODUCIBLE, name, commit, 0.0, why)
    async with ground(box, tree) as on:
        made = await make(call, on, {}, seconds=seconds or min(box.limits.seconds, _SECONDS))
    rerun, why = judged(call, made, tree)
    return Reproduction(rerun, name, commit, round(made.outcome.run.seconds, 2), why, made.passed, call.in_part)


def _why_none(capsule: Capsule | None) -> str:
    if capsule is None:
        return "the failing call was not written down"
    return capsule.why_not or "it is not known what it failed by"


def judged(call: FailingCall, made: Made, tree: Path) -> tuple[Rerun, str]:
    """How a call ended on the tree that it failed on, and why it says nothing where it does not."""
    if made.passed:
        beside = "what is not known of it" if call.in_part else "something beside its arguments"
        return Rerun.NOT_REPRODUCIBLE, f"the call ends well here: it failed by {beside}"
    if made.not_rebuilt:
        return Rerun.NOT_REPRODUCIBLE, made.not_rebuilt
    if made.result is None:
        return Rerun.NOT_REPRODUCIBLE, f"the call did not come to its end here: {made.broken or 'nothing was recorded'}"
    if made.fails_by(call.crash):
        return Rerun.REPRODUCED, ""
    if "missing(" in call.source and _OF_MISSING.search(made.said):
        return Rerun.NOT_REPRODUCIBLE, f"it came to a value that could not be written down: {made.said[:_LONGEST]}"
    if lacks := missing(made.result.failure, tree):
        return Rerun.NOT_REPRODUCIBLE, lacks
    if _is_not_there(made, call):
        return Rerun.NOT_REPRODUCIBLE, f"the function is not there to be called: {made.said[:_LONGEST]}"
    return Rerun.OTHER_FAILURE, made.said[:_LONGEST]


def _is_not_there(made: Made, call: FailingCall) -> bool:
    """Whether the capsule's own imports failed: nothing of the call was made."""
    failure, absent = made.result.failure if made.result else None, ("ImportError", "ModuleNotFoundError")
    return failure is not None and failure.kind in absent and call.crash.short_kind not in absent


def _is_the_same(one: str, other: str) -> bool:
    """By the words: numbers, addresses, what was masked of the `other`, and the order in a list may differ."""
    words, others = plain_message(one), plain_message(other)
    if one == other or words == others or _in_one_order(words) == _in_one_order(others):
        return True
    first, *around = others.split(MASK)
    at = len(first) if around and words.startswith(first) else -1
    for part in around[:-1]:  # by hand: an expression with many gaps may look for ever
        at = words.find(part, at) + len(part) if at >= 0 and part in words[at:] else -1
    return at >= 0 and words[at:].endswith(around[-1])


def _in_one_order(words: str) -> str:
    """The same with what stands in square or curly brackets, or word after word with commas, in the order of letters.

    What is in a set is printed in another order by each process. Where an item has many words, and no bracket says
    where the list begins, its words belong to their places: "an int, not a str" is not "a str, not an int".
    """
    while (closed := _INNERMOST.sub(_closed, words)) != words:
        words = closed
    return _WORDS_IN_A_ROW.sub(lambda row: ", ".join(sorted(row[0].split(", "))), words)


def _closed(found: re.Match[str]) -> str:
    """One word from now on. What a function is called with has its order."""
    opens, inside, closes = found.groups()
    return (opens + (inside if opens == "(" else ", ".join(sorted(inside.split(", ")))) + closes).translate(_CLOSED)


def as_their_test(source: str, theirs: Sequence[str]) -> str:
    """The file in the style of the tests beside it: a class where these are methods of one, a function else."""
    seen = [has for text in theirs if (has := _has_methods(text)) is not None]
    lines, name = source.split("\n"), test_of(source)
    if sum(seen) * 2 <= len(seen) or not name:
        return source
    start = lines.index(f"def {name}():")
    ends = (at for at, line in enumerate(lines) if at > start and line and not line.startswith(" "))
    end = next(ends, len(lines))
    body = [f"    {line}" if line else line for line in lines[start + 1 : end]]
    imports = next((at for at, line in enumerate(lines) if line.startswith(("import ", "from "))), start)
    head = [*lines[:imports], "import unittest", *lines[imports:start]]
    test = ["class FailingCall(unittest.TestCase):", f"    def {name}(self):", *body]
    return "\n".join([*head, *test, *lines[end:]])


def _has_methods(theirs: str) -> bool | None:
    """Whether its tests are methods of classes that come of another, as Django's do; None where it has none."""
    tree = parsed(theirs)
    body = tree.body if tree else []
    tests = [inner for outer in body for inner in (outer.body if isinstance(outer, ast.ClassDef) else [outer])]
    if not any(_is_test(one) for one in tests):
        return None
    return not any(_is_test(one) or (isinstance(one, ast.ClassDef) and not one.bases) for one in body)


def _is_test(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
