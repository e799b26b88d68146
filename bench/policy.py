"""How many real fixes the policy stops, and how fast it is.

`python -m bench.policy fixes REPOSITORY…` reads the bug-fix commits of cloned repositories as git writes them, applies
each to its parent, and counts what the default policy refuses, by rule, and what it flags, by sentence.
`python -m bench.policy speed REPOSITORY…` times the check alone beside `git apply --check` on the same patches.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.apply import ROOT, MemoryTree
from kintsugi.repair.apply import Applied, apply
from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.policy import Finding, Rule, check
from kintsugi.repair.replies import read_reply
from kintsugi.repair.trees import RevisionTree
from kintsugi.workflow.patch import ReplyFormat

_FILES = (Rule.DEPENDENCIES, Rule.CI, Rule.TEST_SETUP, Rule.GIT, Rule.AGENTS)
_FIX_WORDS = re.compile(r"\b(?:fix(?:e[sd])?|bug|crash|error|exception|traceback|regress\w*)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Commit:
    """A commit's diff and the tree it applies to; `code` says whether it changes source code."""

    sha: str
    subject: str
    diff: bytes
    tree: RevisionTree


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("fixes", _fixes), ("speed", _speed)):
        command = commands.add_parser(name)
        command.add_argument(
            "repositories", nargs="*", type=Path, default=[ROOT], help="Kintsugi's own if none is given"
        )
        command.add_argument("--commits", type=int, default=40, help="the newest bug-fix commits of each repository")
        command.add_argument("--skip", type=int, default=0, help="leave out so many of the newest")
        command.add_argument("--show", action="store_true", help="print each refusal")
        command.set_defaults(run=run)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _commits(repository: Path, most: int, skip: int) -> Iterator[Commit]:
    """Bug-fix commits that change source code outside the tests."""
    found = 0
    log = _git(repository, "log", "--no-merges", "--format=%H %s", "-n", "6000").decode(errors="replace")
    for line in filter(None, log.split("\n")):  # a subject may hold what else splits lines
        sha, _, subject = line.partition(" ")
        if found == most + skip:
            return
        if not _FIX_WORDS.search(subject) or re.search(
            r"typo|changelog|release|docs?\b|\bci\b|lint|flake", subject, re.I
        ):
            continue
        names = _git(repository, "diff-tree", "-r", "--name-only", "--no-commit-id", sha).decode().split("\n")
        if not any(name.endswith((".py", ".js", ".ts", ".go", ".rb", ".c")) and "test" not in name for name in names):
            continue
        found += 1
        if found > skip:
            try:
                diff = _git(repository, "diff", "--no-color", f"{sha}^", sha)
            except subprocess.CalledProcessError:  # a file of it is not in this copy, as of large ones
                continue
            yield Commit(sha, subject, diff, RevisionTree(repository, f"{sha}^"))


def _git(repository: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=True).stdout


def _read(commit: Commit) -> Applied:
    try:
        text = commit.diff.decode()
    except UnicodeDecodeError:
        text = commit.diff.decode("latin-1")
    return apply(read_reply(text, ReplyFormat.UDIFF), commit.tree)


def _fixes(arguments: argparse.Namespace) -> None:
    outcomes, rules, others = Counter[str](), Counter[str](), Counter[str]()
    flags, flagged = Counter[str](), Counter[str]()
    for repository in arguments.repositories:
        for commit in _commits(repository, arguments.commits, arguments.skip):
            try:
                findings = check(_read(commit), commit.tree)
            except Refused as refused:
                outcomes["not applied"] += 1
                if arguments.show:
                    print(f"{repository.parent.name} {commit.sha[:10]} not applied: {refused.reason}")
                continue
            refusals = [finding for finding in findings if finding.refuses]
            outcomes[_outcome(refusals)] += 1
            rules.update({finding.rule for finding in refusals})
            if not refusals:
                flagging = {finding.sentence.partition(" (")[0] for finding in findings if finding.rule is Rule.LOOK}
                flags.update(flagging)
                others.update({finding.rule for finding in findings if finding.rule is not Rule.LOOK})
                flagged[repository.parent.name] += bool(flagging)
            if arguments.show and findings:
                said = "; ".join(f"{one.path} [{one.rule}] {one.sentence}" for one in refusals or findings)
                print(f"{repository.parent.name} {commit.sha[:10]} {commit.subject[:60]!r}: {said}")
    total = outcomes.total()
    print(f"{total} commits: " + ", ".join(f"{name} {count / total:.1%}" for name, count in outcomes.most_common()))
    accepted = outcomes["passed"]
    print(
        f"of {accepted} accepted, {flagged.total() / max(accepted, 1):.1%} have a flag of what only a human can judge"
    )
    print("flagged in: " + ", ".join(f"{name} {count}" for name, count in flagged.most_common()))
    print("stopped by: " + ", ".join(f"{rule} {count}" for rule, count in rules.most_common()))
    print("flagged by another rule: " + ", ".join(f"{rule} {count}" for rule, count in others.most_common()))
    for sentence, count in flags.most_common():
        print(f"{count:4} {sentence}")


def _outcome(found: list[Finding]) -> str:
    """Whether code is at fault, or only files that a human changes on purpose, or tests that are gone.

    What else is minded in such a file (the size of a lock file) is not counted: the patch is stopped for it anyway.
    """
    if not found:
        return "passed"
    of_files = {one.path for one in found if one.rule in _FILES}
    refusals = [one for one in found if one.rule in _FILES or one.path not in of_files]
    if all(one.rule is Rule.TESTS for one in refusals):
        return "takes tests away"
    return "stopped for a file" if all(one.rule in _FILES for one in refusals) else "stopped for code or tests"


def _speed(arguments: argparse.Namespace) -> None:
    """The check alone, in this process, and git's in a process each; reading and applying are not counted."""
    ready = []
    theirs = 0.0
    for repository in arguments.repositories:
        for commit in _commits(repository, arguments.commits, arguments.skip):
            try:
                applied = _read(commit)
            except Refused:
                continue
            tree = {path: content for path in applied.files if (content := commit.tree.read(path)) is not None}
            ready.append((applied, MemoryTree(tree)))
            theirs += _seconds_of_git(commit.diff, tree)
    began = time.perf_counter()
    for applied, held in ready:
        check(applied, held)
    ours = time.perf_counter() - began
    print(f"{len(ready)} patches: {len(ready) / ours:.0f}/s; git apply --check {len(ready) / theirs:.0f}/s")
    print(f"ratio: {theirs / ours:.1f} times git's rate")


def _seconds_of_git(diff: bytes, tree: dict[str, bytes]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        for path, content in tree.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        began = time.perf_counter()
        subprocess.run(["git", "apply", "--check", "-"], cwd=folder, input=diff, check=False, capture_output=True)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
