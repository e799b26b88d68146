"""Tests run by a command that tells their ends itself: the job for it, and reading what came of it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kintsugi.repair.languages import collector
from kintsugi.repair.languages.python.recorder import opened
from kintsugi.repair.languages.results import ENDED_EARLY, Results, TestResult, together
from kintsugi.repair.sandbox import Job, Outcome
from kintsugi.repair.sandbox.record import RecordBroken


@dataclass(frozen=True, slots=True)
class Told:
    """What a command and its runner told. `tree` is where the project lay; `reports` are texts by path."""

    tree: str = ""
    out: str = ""
    errors: str = ""
    events: tuple[tuple[str, ...], ...] = ()
    reports: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


def collecting(
    python: Path,
    command: Sequence[str],
    changes: Mapping[str, bytes | None],
    *,
    form: str = "lines",
    reports: Sequence[str] = (),
    folder: str = ".",
    environment: Mapping[str, str] | None = None,
) -> Job:
    """`command` in `folder` of the tree. `form`: what is taken of its output (`collector.FORMS`); `reports`: patterns
    of files that it writes, `{tmp}` for the temporary folder.
    """
    call = json.dumps([list(command), form, list(reports), folder])
    _, _, body = inspect.getsource(collector).partition("from __future__ import annotations\n")
    script = f"from __future__ import annotations\n{_IMPORTS}{inspect.getsource(opened)}\n{body}\n\nrun(*{call})\n"
    return Job((str(python), "-I", "-"), changes, environment or {}, script=script, recorded=True)


# What `opened` needs of its own module.
_IMPORTS = "from hashlib import blake2b\n"


def told(outcome: Outcome) -> Told | Results:
    """What was told; Results where there is none that could be believed."""
    if outcome.record is None:
        return Results({}, each=True, broken=ENDED_EARLY)
    try:
        return _told(outcome.record.lines())
    except (RecordBroken, KeyError, ValueError, TypeError) as reason:
        return Results({}, each=True, broken=f"what was collected is no record: {reason}", forged=True)


def _told(lines: Iterable[Mapping[str, object]]) -> Told:
    tree, out, errors, status = "", "", "", None
    events: list[tuple[str, ...]] = []
    reports: dict[str, str] = {}
    for line in lines:
        if "event" in line:
            event = line["event"]
            assert isinstance(event, list)
            events.append(tuple(map(str, event)))
        elif "out" in line:
            out += str(line["out"])
        elif "file" in line:
            reports[str(line["file"])] = reports.get(str(line["file"]), "") + str(line["text"])
        elif "finished" in line:
            status = int(str(line["finished"]))
        else:
            tree, errors = str(line.get("tree", tree)), str(line.get("errors", errors))
    return Told(tree, out, errors, tuple(events), reports, status)


def results(
    outcome: Outcome,
    read: Callable[[Told], Iterable[TestResult]],
    ended_well: Container[int] = (0, 1),
    *,
    status_tells: bool = True,
    is_whole: Callable[[Told], bool] = lambda _: True,
) -> Results:
    """The tests that `read` finds in what was told. `ended_well`: how the runner ends where it came to its end;
    `status_tells`: not with 0 where a test failed; `is_whole`: whether what it told has an end.
    """
    found = told(outcome)
    if isinstance(found, Results):
        return found
    tests = together(read(found))
    if found.status is None or found.status not in ended_well or outcome.run.exit_status is None:
        return Results(tests, each=True, broken=ENDED_EARLY)
    if (not tests and found.status) or not is_whole(found):
        return Results({}, each=True, broken=ENDED_EARLY)
    if status_tells and found.status == 0 and any(test.is_bad for test in tests.values()):
        return Results(tests, each=True, broken="the runner says that all is well where a test failed")
    return Results(tests, each=True)
