"""How well and how fast replies are applied.

`python -m bench.apply land REPOSITORY…` damages the commits of cloned repositories and counts right trees, wrong
trees and refusals. `python -m bench.apply speed REPOSITORY…` times it beside `git apply --check` on the same patches.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from bench.replies import Reply, fixes, replies
from kintsugi.repair.apply import Applied, apply, unified_diff
from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.replies import read_reply
from kintsugi.repair.trees import Kind
from kintsugi.workflow.patch import ReplyFormat

ROOT = Path(__file__).parent.parent


class MemoryTree:
    """A tree that is only in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)

    def paths(self) -> Collection[str]:
        return self._files.keys()

    def kind(self, path: str) -> Kind | None:
        if path in self._files:
            return Kind.FILE
        return Kind.FOLDER if any(one.startswith(f"{path}/") for one in self._files) else None

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((path, self._files[path]) for path in paths if path in self._files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("land", _land), ("speed", _speed)):
        command = commands.add_parser(name)
        command.add_argument(
            "repositories", nargs="*", type=Path, default=[ROOT], help="Kintsugi's own if none is given"
        )
        command.add_argument("--commits", type=int, default=20, help="of each repository")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--show", default="", help="print the replies with this outcome: wrong or refused")
        command.set_defaults(run=run)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _land(arguments: argparse.Namespace) -> None:
    counted: dict[tuple[str, str], Counter[str]] = {}
    for repository in arguments.repositories:
        for fix in fixes(repository, arguments.commits, arguments.seed):
            for reply in replies(fix, arguments.seed):
                outcome, reason = _outcome(reply)
                counted.setdefault((reply.damage, reply.format), Counter())[outcome] += 1
                if arguments.show and outcome == arguments.show:
                    print(f"{repository.parent.name} {fix.commit[:10]} {reply.format} {reply.damage}: {reason}")
    _print(counted)


def _outcome(reply: Reply) -> tuple[str, str]:
    """right, wrong or refused; for replies that have to be refused, refused is right."""
    try:
        applied = apply(read_reply(reply.text, ReplyFormat.AUTO), MemoryTree(reply.tree))
    except Refused as refused:
        return "right" if reply.expected is None else "refused", refused.reason
    if reply.expected is None:
        return "wrong", "applied, and should be refused"
    result = {**reply.tree, **applied.files}
    return ("right", "") if result == reply.expected else ("wrong", _difference(reply.expected, result))


def _difference(expected: Mapping[str, bytes], result: Mapping[str, bytes | None]) -> str:
    """A diff from the tree that was expected to the one that came of it."""
    differing = {path: held for path, held in result.items() if held != expected.get(path)}
    return "\n" + unified_diff(Applied(differing), MemoryTree(expected))


def _print(counted: Mapping[tuple[str, str], Counter[str]]) -> None:
    totals: dict[str, Counter[str]] = {}
    print(f"{'damage':24}{'format':8}{'replies':>8}{'right':>8}{'wrong':>8}{'refused':>8}")
    for (damage, format), outcomes in counted.items():
        print(f"{damage:24}{format:8}{_row(outcomes)}")
        totals.setdefault(format, Counter()).update(outcomes)
        totals.setdefault("all", Counter()).update(outcomes)
    for format, outcomes in totals.items():
        print(f"{'in total':24}{format:8}{_row(outcomes)}")


def _row(outcomes: Counter[str]) -> str:
    total = outcomes.total()
    shares = "".join(f"{outcomes[name] / total:8.1%}" for name in ("right", "wrong", "refused"))
    return f"{total:8}{shares}"


def _speed(arguments: argparse.Namespace) -> None:
    """The same patches, undamaged, by git in a process each and by us in this one."""
    patches = [
        reply
        for repository in arguments.repositories
        for fix in fixes(repository, arguments.commits, arguments.seed)
        for reply in replies(fix, arguments.seed)
        if reply.format == ReplyFormat.UDIFF and reply.damage == "none"
    ]
    began = time.perf_counter()
    for patch in patches:
        apply(read_reply(patch.text), MemoryTree(patch.tree))
    ours = time.perf_counter() - began
    theirs = sum(_seconds_of_git(patch) for patch in patches)
    print(f"{len(patches)} patches: {len(patches) / ours:.0f}/s; git apply --check {len(patches) / theirs:.0f}/s")
    print(f"ratio: {theirs / ours:.1f} times git's rate")


def _seconds_of_git(patch: Reply) -> float:
    with tempfile.TemporaryDirectory() as folder:
        for path, content in patch.tree.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        began = time.perf_counter()
        subprocess.run(
            ["git", "apply", "--check", "-"], cwd=folder, input=patch.text.encode(), check=True, capture_output=True
        )
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
