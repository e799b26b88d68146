"""How tests ended, read from what their runners write: TAP, JUnit's XML, jest's and mocha's JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from kintsugi.repair.languages.results import Ending, Failure, Frame, TestResult, short_name
from kintsugi.telemetry import lazy_re as re

_LONGEST_NAME = 2000
_LONGEST_MESSAGE = 2000
_RAISED = re.compile(
    r"^(?:\[?(?:Uncaught|Unhandled)\]? )?(?P<kind>[A-Za-z_$][\w.$]*)(?: \[[\w ]+\])?(?:: (?P<message>.*))?$"
)
_AT = re.compile(
    r"^\s*(?:at (?P<function>.+?) \(|at |(?P<bare>[^\s(]+(?: \[as \w+\])?) \()?(?:async )?"
    r"(?:file://)?(?P<path>[^\s():]+(?:\([^)]*\)[^\s():]*)*):(?P<line>\d+)(?::\d+)?\)?$"
)
_ASSERTED = re.compile(r"expect\(|assert|Expected|expected ", re.IGNORECASE)
_TAP_LINE = re.compile(
    r"^(?P<indent> *)(?P<not>not )?ok\b(?: (?P<number>\d+))?(?: -)?(?: (?P<name>.*?))?"
    r"(?P<directive>\s+# *(?i:skip|todo)\S*.*)?$"
)
_TAP_SUBTEST = re.compile(r"^(?P<indent> *)# Subtest(?:: (?P<name>.*))?$")
_TAP_COMMENT = re.compile(
    r"^# (?!(?:tests?|pass|fail|suites|cancelled|skipped|todo|duration_ms|ok)\b|time=|\s)(?P<name>.+)$"
)
_TAP_TIME = re.compile(r"\s+# time=[\d.]+\w*$")
_TAP_KEY = re.compile(r"^\s*(?P<key>\w+): ?(?P<value>.*)$")


def failure_of(text: str, tree: str, kind: str = "", message: str = "") -> Failure:
    """What a stack trace of JavaScript's kind tells, `kind` and `message` where they are known already."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    found = _RAISED.match(first.strip())
    if found and not kind:
        kind = found["kind"].rpartition(".")[2]
    if not message:
        said = [found["message"] or ""] if found else [first]
        at = lines.index(first) + 1 if first else 0
        for line in lines[at:]:
            if _AT.match(line) and line.strip().startswith("at "):
                break
            said.append(line)
        message = "\n".join(said).strip()
    frames = tuple(reversed([frame for line in lines if (frame := frame_of(line, tree))]))
    is_assertion = "Assertion" in kind or (kind in ("", "Error") and _ASSERTED.match(message) is not None)
    return Failure(kind or "Error", message[:_LONGEST_MESSAGE], is_assertion, frames[-50:])


def frame_of(line: str, tree: str) -> Frame | None:
    """A step of a stack in the project's own files."""
    found = _AT.match(line)
    path = inside(tree, found["path"]) if found else ""
    if not found or not path:
        return None
    return Frame(path, int(found["line"]), short_name(found["function"] or found["bare"] or ""))


def inside(tree: str, path: str) -> str:
    """The path as in the project; empty for what is not of the project."""
    path = path.removeprefix("file://")
    if tree and path.startswith(f"{tree}/"):
        path = path[len(tree) + 1 :]
    elif path.startswith("/") or ":" in path:
        return ""
    return "" if "node_modules/" in path else path.removeprefix("./")


def result(id: str, file: str, ending: Ending, failure: Failure | None = None) -> TestResult:
    return TestResult(id[:_LONGEST_NAME], file, ending, failure if ending is not Ending.PASSED else None)


def jest(text: str, tree: str) -> Iterator[TestResult]:
    """`jest --json`, which vitest writes as well. ValueError where it is none."""
    told: Any = json.loads(text)
    for file in told["testResults"]:
        path = inside(tree, str(file.get("name", "")))
        tests = file.get("assertionResults") or []
        if not tests and file.get("status") == "failed":
            yield result(path, path, Ending.UNCOLLECTED, failure_of(_plain(str(file.get("message", ""))), tree))
        for test in tests:
            titles = [str(title) for title in (*test.get("ancestorTitles", ()), test.get("title", ""))]
            ending = {"passed": Ending.PASSED, "failed": Ending.FAILED}.get(str(test.get("status")), Ending.SKIPPED)
            said = "\n".join(map(str, test.get("failureMessages") or ()))
            failure = failure_of(_plain(said), tree) if ending is Ending.FAILED else None
            yield result(f"{path}::{' > '.join(filter(None, titles))}", path, ending, failure)


def _plain(text: str) -> str:
    """Without colours, bullets, and the lines of source that jest puts between the message and the stack."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("●")]
    return "\n".join(
        line[4:] if line.startswith("    ") and not line.lstrip().startswith("at ") else line for line in lines
    )


def mocha(text: str, tree: str) -> Iterator[TestResult]:
    """`mocha --reporter json`. ValueError where it is none."""
    told: Any = json.loads(text)
    pending = {(str(test.get("file")), str(test["fullTitle"])) for test in told.get("pending", ())}
    for test in told["tests"]:
        path = inside(tree, str(test.get("file", "")))
        error = test.get("err") or {}
        id = f"{path}::{test['fullTitle']}"
        if (str(test.get("file")), str(test["fullTitle"])) in pending:
            yield result(id, path, Ending.SKIPPED)
        elif error:
            yield result(id, path, Ending.FAILED, _of_mocha(error, tree))
        else:
            yield result(id, path, Ending.PASSED)
    known = {str(test["fullTitle"]) for test in told["tests"]}
    for failed in told.get("failures", ()):  # hooks are told of here alone
        if str(failed["fullTitle"]) not in known:
            path = inside(tree, str(failed.get("file", "")))
            yield result(f"{path}::{failed['fullTitle']}", path, Ending.ERROR, _of_mocha(failed.get("err") or {}, tree))


def _of_mocha(error: Mapping[str, Any], tree: str) -> Failure:
    stack = str(error.get("stack") or error.get("message") or "")
    return failure_of(stack, tree, kind=str(error.get("name") or ""))


def junit(text: str, tree: str) -> Iterator[TestResult]:
    """JUnit's XML as many runners write it. ValueError where it is none, or defines entities."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a report with a document type is not read")
    try:
        top = ElementTree.fromstring(text)  # noqa: S314 (no entities, as looked for above)
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None
    if top.tag not in ("testsuites", "testsuite"):
        raise ValueError("no test suite")
    yield from _junit(top, tree, ())


def _junit(element: ElementTree.Element, tree: str, above: tuple[str, ...]) -> Iterator[TestResult]:
    for child in element:
        name = child.get("name") or ""
        if child.tag == "testsuite":
            yield from _junit(child, tree, (*above, name))
        elif child.tag == "testcase":
            file = inside(tree, child.get("file") or element.get("file") or "")
            group = child.get("classname") or " > ".join(filter(None, above))
            ending, failure = _junit_end(child, tree)
            yield result(f"{file}::{group} > {name}" if file else f"{group}::{name}", file, ending, failure)


def _junit_end(case: ElementTree.Element, tree: str) -> tuple[Ending, Failure | None]:
    for tag, ending in (("error", Ending.ERROR), ("failure", Ending.FAILED), ("skipped", Ending.SKIPPED)):
        found = case.find(tag)
        if found is not None:
            kind = (found.get("type") or "").rpartition(".")[2]
            told = failure_of(found.text or "", tree, kind, found.get("message") or "")
            return ending, told if ending is not Ending.SKIPPED else None
    return Ending.PASSED, None


@dataclass
class _Tap:
    """What is known so far of the names around the next line."""

    tree: str
    names: dict[int, str] = field(default_factory=dict)  # of subtests that began, by their indent
    with_children: set[str] = field(default_factory=set)
    heading: str = ""
    unnamed: Counter[str] = field(default_factory=Counter)  # assertions without a name, by what stands above them

    def number(self, indent: int) -> str:
        """A name for what has none. The runner's number counts all before it: one more test, and each has another."""
        above = " > ".join([*(self.names[at] for at in sorted(self.names)), "" if indent else self.heading])
        self.unnamed[above] += 1
        return f"test {self.unnamed[above]}"

    def id_of(self, indent: int, name: str) -> str:
        above = [self.names[at] for at in sorted(self.names) if at < indent]
        for count in range(1, len(above) + 1):
            self.with_children.add(" > ".join(above[:count]))
        return " > ".join([*above, name])


def tap(text: str, tree: str) -> Iterator[TestResult]:
    """TAP of any version, with subtests and diagnostics. ValueError where there is none."""
    state = _Tap(tree)
    found: list[TestResult] = []
    lines = text.splitlines()
    at = 0
    bailed = False
    while at < len(lines):
        line = lines[at]
        at += 1
        if begun := _TAP_SUBTEST.match(line):
            state.names[len(begun["indent"])] = begun["name"] or ""
            state.heading = ""
        elif comment := _TAP_COMMENT.match(line):
            state.heading = comment["name"]
        elif line.startswith("Bail out!"):
            bailed = True
        elif test := _TAP_LINE.match(line):
            about, at = _tap_diagnostic(lines, at)
            found.append(_tap_test(state, test, about))
    if not found:
        raise ValueError("no line of TAP")
    if bailed:
        found.append(result("Bail out!", "", Ending.ERROR))
    yield from (test for test in found if test.id not in state.with_children)


def _tap_test(state: _Tap, test: re.Match[str], about: Mapping[str, str]) -> TestResult:
    indent = len(test["indent"])
    state.names = {at: one for at, one in state.names.items() if at < indent}
    name = _TAP_TIME.sub("", test["name"] or "").strip() or state.number(indent)
    if indent == 0 and state.heading and name != state.heading:
        name = f"{state.heading} > {name}"
    id = state.id_of(indent, name)
    directive = (test["directive"] or "").lower()
    if "skip" in directive:
        return result(id, "", Ending.SKIPPED)
    if "todo" in directive:
        return result(id, "", Ending.XFAILED)
    if not test["not"]:
        return result(id, "", Ending.PASSED)
    stack = about.get("stack", "") or about.get("at", "")
    kind = about.get("name", "") or (about.get("operator", "") and "AssertionError")
    failure = failure_of(stack, state.tree, kind, about.get("error", "") or about.get("message", "") or name)
    return result(id, "", Ending.FAILED, failure)


def _tap_diagnostic(lines: list[str], at: int) -> tuple[dict[str, str], int]:
    """The block of YAML below a line, as far as it is plain: keys and texts; and the line after it."""
    if at >= len(lines) or lines[at].strip() != "---":
        return {}, at
    indent = len(lines[at]) - len(lines[at].lstrip())
    found: dict[str, str] = {}
    key = ""
    for position in range(at + 1, len(lines)):
        line = lines[position]
        if line.strip() == "..." and len(line) - len(line.lstrip()) <= indent:
            return found, position + 1
        own = _TAP_KEY.match(line) if len(line) - len(line.lstrip()) == indent else None
        if own:
            key = own["key"]
            found[key] = "" if own["value"][:1] in ("|", ">") else own["value"].strip("'\"")
        elif key:
            found[key] = f"{found[key]}\n{line.strip()}".strip("\n")
    return found, len(lines)
