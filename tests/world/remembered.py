"""A git repository that is asked about each of its objects once, and makes each once.

What has a full name never changes, and the same content, entries or commit always get the same name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from kintsugi.integrations.git import Git

_READS = frozenset(("cat-file", "diff-tree", "ls-tree", "merge-base", "rev-parse", "show"))
_MAKES = (("commit-tree",), ("hash-object", "-w", "--stdin"))
_FULL = re.compile(r"([0-9a-f]{2})([0-9a-f]{38})(?:\^\{(?:commit|tree)\})?")
_told: dict[tuple[str, ...], bytes] = {}
"""What git said of objects by their full names, in whichever repository of this process: each answer is a process."""
_made: dict[object, bytes] = {}
"""The names of what git made of the same words and input."""


class Remembered(Git):
    """What is not here is never answered from memory, nor is what a reference points at."""

    def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        command, *words = arguments
        if arguments[:1] in _MAKES or arguments in _MAKES:
            of = (arguments, stdin, tuple(sorted((env or {}).items())))
            return self._made(of, lambda: super(Remembered, self).run(*arguments, stdin=stdin, env=env))
        asked = words[1:] if command == "cat-file" and words[0] == "blob" else words
        names = [word for word in asked if not word.startswith("-")]
        if command not in _READS or env or not (names and all(map(self._holds, names))):
            return super().run(*arguments, stdin=stdin, env=env)
        if arguments not in _told:
            _told[arguments] = super().run(*arguments)
        return _told[arguments]

    def resolve(self, revision: str) -> str | None:
        """A branch that nobody packed is a file with the name of its commit."""
        branch = self.directory / revision
        if revision.startswith("refs/heads/") and branch.is_file() and self._holds(named := branch.read_text().strip()):
            return named
        return super().resolve(revision)

    def tree_with(self, base: str | None, entries: str) -> str:
        """The tree that `base` becomes with these lines of `git update-index --index-info`."""
        index = {"GIT_INDEX_FILE": str(self.directory / "stand-in-index")}

        def make() -> bytes:
            self.run("read-tree", base or "--empty", env=index)
            self.run("update-index", "-z", "--index-info", stdin=entries.encode(), env=index)
            return self.run("write-tree", env=index)

        return self._made((base, entries), make).decode().strip()

    def _made(self, of: object, make: Callable[[], bytes]) -> bytes:
        """What was made before is made again in a repository that does not hold it."""
        if of not in _made or not self._holds(_made[of].decode().strip()):
            _made[of] = make()
        return _made[of]

    def _holds(self, name: str) -> bool:
        found = _FULL.fullmatch(name)
        return bool(found and (self.directory / "objects" / found[1] / found[2]).exists())
