"""The policy on patches: what no patch may do by itself, each with its reason.

It looks at what a patch adds or takes away, never at what was there before. A team widens it path by path. A finding
either refuses the patch or only flags something for the human who confirms it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.characters import hidden_characters, look_alikes
from kintsugi.repair.policy.flags import flags, shown
from kintsugi.repair.policy.go import assembly, go_dangers, module_of
from kintsugi.repair.policy.languages import dangers_by_pattern
from kintsugi.repair.policy.leaving import ends_early
from kintsugi.repair.policy.migrations import way_there
from kintsugi.repair.policy.node import node_dangers
from kintsugi.repair.policy.others import read_by_others
from kintsugi.repair.policy.paths import only_describes, path_reasons
from kintsugi.repair.policy.python import Danger, own_packages, python_dangers
from kintsugi.repair.policy.secrets import secrets_added
from kintsugi.repair.policy.tests import is_test_path, test_findings
from kintsugi.repair.policy.weakening import weakened
from kintsugi.repair.syntax import why_unreadable
from kintsugi.repair.trees import Kind, Tree

_NODE = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_MODES = {Kind.FILE: "100644", Kind.EXECUTABLE: "100755"}


class Rule(StrEnum):
    """What a finding is about. Settings widen a rule by this name."""

    PATH = "path"
    LINK = "link"
    GIT = "git"
    CI = "ci"
    DEPENDENCIES = "dependencies"
    SECRETS_FILE = "secrets-file"
    TEST_SETUP = "test-setup"
    TESTS = "tests"
    MODE = "mode"
    BINARY = "binary"
    SIZE = "size"
    HIDDEN = "hidden-characters"
    LOOK_ALIKE = "look-alike"
    SECRET = "secret"  # noqa: S105  # the name of a rule
    SHELL = "shell"
    EVAL = "eval"
    NETWORK = "network"
    DESERIALISER = "deserialiser"
    SECURITY = "security"
    AGENTS = "agents"
    DATA = "data"
    LOOK = "look"  # nothing that a rule can judge: a human is to look
    UNUSABLE = "unusable"  # it cannot be read or applied, so that nothing else is known of it


_MAY_ADD = 50_000  # characters, to a file that was too large already: so much can be read
_LONGEST_LINE = 2_000  # of what is added to it
_NEVER_WIDENED = (Rule.PATH, Rule.LINK)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the policy minds. `refuses`: the patch is not to be used; else a human should look."""

    path: str
    rule: Rule
    sentence: str
    refuses: bool = True


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """`allowed`: by rule, globs of paths for which the rule does not hold; `*` matches folders too.

    The limits are per patch; lines are those added and removed, bytes those of one file.
    """

    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    most_files: int = 30
    most_lines: int = 1000
    largest_file: int = 1_000_000

    def allows(self, rule: Rule, path: str) -> bool:
        globs = () if rule in _NEVER_WIDENED else self.allowed.get(rule, ())
        return any(fnmatchcase(path, glob) for glob in globs)


class Result(Protocol):
    """What a patch makes of a tree: bytes by path, None where a file goes."""

    @property
    def files(self) -> Mapping[str, bytes | None]: ...

    @property
    def modes(self) -> Mapping[str, str]: ...


def check(applied: Result, tree: Tree, settings: PolicySettings | None = None) -> tuple[Finding, ...]:
    """All that the policy minds about a patch; nothing where it is clean."""
    settings = settings or PolicySettings()
    changes = [
        Change(path, tree.read(path), after, way_there(path, applied.files, tree))
        for path, after in applied.files.items()
    ]
    found = [
        *_size_of_patch(changes, settings),
        *(
            finding
            for change in changes
            for finding in _if_flat(change.path, _of_file(change, applied, tree, settings))
        ),
        *_if_flat(changes[0].path if changes else "", _together(changes)),
    ]
    return tuple(dict.fromkeys(one for one in found if not settings.allows(one.rule, one.path)))


def _if_flat(path: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except RecursionError:
        yield Finding(path, Rule.UNUSABLE, "It is nested so deep that it cannot be judged.")


def _of_file(change: Change, applied: Result, tree: Tree, settings: PolicySettings) -> Iterator[Finding]:
    path = change.path
    for rule, sentence in path_reasons(path, is_new=change.before is None, tree=tree):
        yield Finding(path, Rule(rule), sentence, refuses=not only_describes(path, change.old, change.new))
    yield from _mode(path, applied, tree)
    if change.is_binary:
        yield Finding(path, Rule.BINARY, "It is binary: nobody can read what it does.")
        return
    if len(change.after or b"") > settings.largest_file and not _adds_little(change):
        yield Finding(path, Rule.SIZE, f"It has {len(change.after or b''):,} bytes; at most {settings.largest_file:,}.")
        return
    if change.after is not None:
        yield from _of_text(change, tree)


def _adds_little(change: Change) -> bool:
    """Whether what a patch adds to a large file can be read, whatever it takes away."""
    lengths = [len(line) for line in change.added]
    return change.before is not None and sum(lengths) <= _MAY_ADD and max(lengths, default=0) <= _LONGEST_LINE


def _of_text(change: Change, tree: Tree) -> Iterator[Finding]:
    path = change.path
    if path.endswith(".py") and (why := why_unreadable(change.before, change.after or b"")):
        yield Finding(path, Rule.HIDDEN, f"It {why}.")
    for sentence, refuses in hidden_characters(change.added, change.old, may_be_said=is_test_path(path)):
        yield Finding(path, Rule.HIDDEN, sentence, refuses)
    for sentence, refuses in look_alikes(path, change.added, change.old, may_be_said=is_test_path(path)):
        yield Finding(path, Rule.LOOK_ALIKE, sentence, refuses)
    for rule, sentence, refuses in read_by_others(change):
        yield Finding(path, Rule(rule), sentence, refuses)
    for sentence, refuses in secrets_added(change.added, change.old, path, is_test=is_test_path(path)):
        yield Finding(path, Rule.SECRET, sentence, refuses)
    dangers = _by_syntax(change, tree)
    if dangers is None:
        dangers = dangers_by_pattern(change)
    if not is_test_path(path):
        dangers = [*dangers, *ends_early(change)]
    own = own_packages(tree) if dangers else frozenset()
    for danger in dangers:
        if danger.package not in own:
            refuses = danger.refuses and not (danger.rule == Rule.DATA and is_test_path(path))
            yield Finding(path, Rule(danger.rule), danger.sentence, refuses)


def _by_syntax(change: Change, tree: Tree) -> list[Danger] | None:
    """Dangers by names; None where no syntax of the file is known, so that patterns have to do."""
    if _is_python(change):
        return python_dangers(change)
    if change.path.endswith(_NODE):
        return node_dangers(change)
    return go_dangers(change, module_of(change.path, tree)) if change.path.endswith(".go") else assembly(change) or None


def _together(changes: list[Change]) -> Iterator[Finding]:
    """What only the whole patch shows: code may move from one file to another."""
    for path, sentence, refuses in test_findings(changes):
        yield Finding(path, Rule.TESTS, sentence, refuses)
    for path, sentence, refuses in weakened(changes):
        yield Finding(path, Rule.SECURITY, sentence, refuses)
    looked = [flag for change in changes if not is_test_path(change.path) for flag in flags(change)]
    for flag in shown(looked):
        yield Finding(flag.path, Rule.LOOK, flag.sentence, refuses=False)


def _size_of_patch(changes: list[Change], settings: PolicySettings) -> Iterator[Finding]:
    first = changes[0].path if changes else ""
    if len(changes) > settings.most_files:
        yield Finding(first, Rule.SIZE, f"The patch changes {len(changes)} files; at most {settings.most_files}.")
    lines = sum(len(change.added) + len(change.removed) for change in changes if not change.is_binary)
    if lines > settings.most_lines:
        yield Finding(first, Rule.SIZE, f"The patch changes {lines} lines; at most {settings.most_lines}.")


def _mode(path: str, applied: Result, tree: Tree) -> Iterable[Finding]:
    kind = tree.kind(path)
    if kind in (Kind.SYMLINK, Kind.SUBMODULE):
        return [Finding(path, Rule.LINK, f"It is a {kind}, or lies in one: what is written there lands elsewhere.")]
    wanted = applied.modes.get(path)
    present = _MODES.get(kind, "100644") if kind else "100644"
    if wanted is None or wanted == present:
        return []
    return [
        Finding(path, Rule.MODE, f"Its mode changes from {present} to {wanted}. A fix of code needs no such change.")
    ]


def _is_python(change: Change) -> bool:
    first = change.new.partition("\n")[0]
    return change.path.endswith((".py", ".pyi", ".pyw")) or (first.startswith("#!") and "python" in first)
