"""One git repository, through the git command line. Blocking: call it from a thread.

Nothing of the user's own git settings has a say: no hooks, no global configuration, no signing, no prompts.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from kintsugi.children import environment
from kintsugi.repair.scratch import scratch
from kintsugi.repair.trees import ALONE, RevisionTree, TreeError, blobs

NO_OBJECT = "0" * 40
_ORDINARY = "100644"  # the mode of a file that is nothing but a file
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "init.templateDir=",  # fifteen sample files in each repository
    "safe.directory=*",
)
_TALKS = ("clone", "fetch", "pull", "push")  # what is for talking to another repository; nothing else may


class GitError(Exception):
    """git said no; the message is what it said."""


class RefLocked(GitError):
    """Another git holds a lock on the reference."""


@dataclass(frozen=True, slots=True)
class RefChange:
    """Point `ref` at `new`, if it points at `old` now (NO_OBJECT: if it does not exist)."""

    ref: str
    new: str
    old: str


@dataclass(frozen=True, slots=True)
class Blame:
    """Who changed a line last."""

    commit: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Change:
    """A path of a tree that differs from another's. `blob` is None where it is gone."""

    path: str
    mode: str
    blob: str | None


class Git:
    """The repository at `directory`, bare or with a work tree."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def init_bare(cls, directory: Path, branch: str) -> Git:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # the code of a private repository
        git = cls(directory)
        git.run("init", "--bare", "--quiet", f"--initial-branch={branch}", ".")
        return git

    def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Standard output of `git <arguments>`. Raises GitError."""
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        alone = {} if arguments[0] in _TALKS else ALONE
        done = subprocess.run(  # noqa: PLW1510  # the exit status is looked at below
            ["git", "-C", str(self.directory), *settings, *arguments],
            input=stdin,
            capture_output=True,
            env=_environment() | alone | dict(env or {}),
        )
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
        return done.stdout

    def read(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """The same as text, without the last line ending."""
        return self.run(*arguments, env=env).decode(errors="replace").rstrip("\n")

    def check(self) -> None:
        """Raises GitError where this is no git repository."""
        if not self.directory.is_dir():
            raise GitError(f"{self.directory} does not exist.")
        try:
            self.run("rev-parse", "--git-dir")
        except GitError:
            raise GitError(f"{self.directory} is no git repository.") from None

    def resolve(self, revision: str) -> str | None:
        """The commit that `revision` names, or None where there is none."""
        try:
            return self.read("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except GitError:
            return None

    def tree_of(self, commit: str) -> str:
        return self.read("rev-parse", f"{commit}^{{tree}}")

    def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `commit` holds `ancestor` in its history. What is unknown holds nothing."""
        if not (self.resolve(commit) and self.resolve(ancestor)):
            return False
        try:
            self.run("merge-base", "--is-ancestor", ancestor, commit)
        except GitError:
            return False
        return True

    def merge_base(self, one: str, other: str) -> str | None:
        """Where the two parted; None where they have nothing in common."""
        try:
            return self.read("merge-base", self._full(one), self._full(other))
        except GitError:
            if self.resolve(one) and self.resolve(other):
                return None
            raise

    def log(self, revisions: str, most: int) -> list[tuple[str, datetime, str]]:
        """Commit, time and first line of the newest of these. Raises GitError for one that is unknown."""
        form = "--format=%H%x00%cI%x00%s"
        said = self.read("log", form, f"--max-count={most}", "--end-of-options", revisions)
        parts = [line.split("\0", 2) for line in said.split("\n") if line]
        return [(sha, datetime.fromisoformat(at), title) for sha, at, title in parts]

    def ancestry(self, newest: str, among: Collection[str]) -> tuple[list[str], dict[str, frozenset[str]]]:
        """Those of these commits that `newest` holds, with itself: ancestors first, and of each all that it holds."""
        wanted, held = {newest, *among}, dict[str, frozenset[str]]()
        lines = self.read("rev-list", "--topo-order", "--reverse", "--parents", "--end-of-options", newest)
        for line in lines.splitlines():
            commit, *parents = line.split()
            held[commit] = frozenset().union(*(held[one] | ({one} & wanted) for one in parents if one in held))
        order = [commit for commit in held if commit in wanted]
        return order, {commit: held[commit] for commit in order}

    def merged_as(self, branch: str, commit: str) -> str | None:
        """The commit by which `commit` came to `branch`: a merge, or itself where it was fast-forwarded."""
        if not self.contains(branch, commit):
            return None
        came = self.read("rev-list", "--first-parent", "--ancestry-path", f"{commit}..{branch}").splitlines()
        direct = commit in self.read("rev-list", "--first-parent", branch).splitlines()
        return commit if direct else came[-1]

    def export(self, revision: str, into: Path) -> None:
        """The files of a commit or tree, and nothing of git."""
        try:
            RevisionTree(self.directory, revision).export(into)
        except TreeError as error:
            raise GitError(str(error)) from error

    def write_tree(self, base: str, files: Mapping[str, bytes | None], modes: Mapping[str, str] | None = None) -> str:
        """The tree that `base` becomes when `files` are replaced (None removes). Modes are kept where none is given."""
        with scratch() as folder:
            env = {"GIT_INDEX_FILE": str(folder / "index")}
            self.run("read-tree", base, env=env)
            kept = {path: content for path, content in files.items() if content is not None}
            modes = self._modes(base, [path for path in kept if path not in (modes or {})]) | dict(modes or {})
            blobs = dict(zip(kept, self._write_blobs(kept.values(), folder), strict=True))
            entries = [_entry(path, modes.get(path, _ORDINARY), blobs.get(path)) for path in files]
            self.run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(entries)), env=env)
            return self.read("write-tree", env=env)

    def diff(self, old: str, new: str) -> str:
        """What a human reads: a unified diff from one tree or commit to another."""
        flags = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--binary", "--src-prefix=a/")
        with self._apart() as env:
            said = self.run("diff", *flags, "--dst-prefix=b/", self._full(old), self._full(new), env=env)
        return said.decode(errors="replace")

    def _full(self, revision: str) -> str:
        return self.read("rev-parse", "--verify", "--end-of-options", revision)

    @contextmanager
    def _apart(self) -> Iterator[dict[str, str]]:
        """The environment of a repository with our objects, and with nobody's settings, attributes and references."""
        objects = (self.directory / self.read("rev-parse", "--git-path", "objects")).resolve()
        with scratch() as folder:
            sha256 = self.read("rev-parse", "--show-object-format") == "sha256"
            extension = "\n[extensions]\n\tobjectFormat = sha256" if sha256 else ""
            version = f"\trepositoryFormatVersion = {int(sha256)}"
            (folder / "config").write_text(f"[core]\n{version}\n\tbare = true{extension}\n")
            (folder / "HEAD").write_text("ref: refs/heads/none\n")
            (folder / "refs").mkdir()
            yield {"GIT_DIR": str(folder), "GIT_OBJECT_DIRECTORY": str(objects)}

    def changed_paths(self, old: str, new: str) -> list[str]:
        """The paths that differ between two trees or commits."""
        return self.read("diff", "--name-only", "--no-renames", "-z", old, new).split("\0")[:-1]

    def changes(self, old: str, new: str) -> list[Change]:
        """The same with what `new` has there."""
        words = self.read("diff-tree", "-r", "-z", "--no-renames", old, new).split("\0")[:-1]
        return [_change(about, path) for about, path in zip(words[::2], words[1::2], strict=True)]

    def file(self, revision: str, path: str) -> bytes | None:
        """A file's content in a tree or commit, or None where it has none."""
        try:
            return self.run("cat-file", "blob", f"{revision}:{path}")
        except GitError:
            return None

    def commit(self, tree: str, parents: Sequence[str], message: str, at: datetime, author: str) -> str:
        """A commit object. The same arguments give the same commit, however often."""
        stamp = f"@{int(at.timestamp())} +0000"  # without the mark git takes small numbers for no time
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", author), ("EMAIL", "kintsugi@localhost"), ("DATE", stamp))
        }
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return self.run("commit-tree", tree, *flags, stdin=message.encode(), env=who).decode().strip()

    def merged_tree(self, ours: str, theirs: str) -> str | None:
        """The tree of merging two commits, or None where they conflict. The repository itself is left alone."""
        objects = self.directory / self.read("rev-parse", "--git-path", "objects")
        env = _NOBODY | {"GIT_OBJECT_DIRECTORY": str(objects.resolve())}
        with scratch() as folder:
            work = Git(folder)
            work.run("init", "--quiet", ".")
            work.run("checkout", "--quiet", "--detach", ours, env=env)
            try:
                work.run("merge", "--quiet", "--no-commit", "--no-ff", theirs, env=env)
            except GitError:
                return None
            return work.read("write-tree", env=env)

    @retry(retry=retry_if_exception_type(RefLocked), stop=stop_after_delay(3), wait=wait_fixed(0.1), reraise=True)
    def update_refs(self, changes: Sequence[RefChange]) -> bool:
        """Change all these references, or none. False: one of them is not where it was said to be."""
        lines = [f"update {change.ref}\0{change.new}\0{change.old}\0" for change in changes]
        script = "".join(["start\0", *lines, "prepare\0", "commit\0"])
        try:
            self.run("update-ref", "-z", "--stdin", stdin=script.encode())
        except GitError as error:
            if ".lock': File exists" in str(error):
                raise RefLocked(str(error)) from error
            if "cannot lock ref" in str(error):
                return False
            raise
        return True

    def refs(self, prefix: str) -> dict[str, str]:
        """References below `prefix`, and what they point at."""
        lines = self.read("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def write_blob(self, content: bytes) -> str:
        return self.run("hash-object", "-w", "--stdin", stdin=content).decode().strip()

    def read_blob(self, id: str) -> bytes:
        return self.run("cat-file", "blob", id)

    def read_blobs(self, ids: Sequence[str]) -> list[bytes]:
        """One after the other, all by one process."""
        told = self.run("cat-file", "--batch", stdin="".join(f"{id}\n" for id in ids).encode()) if ids else b""
        try:
            return list(blobs(told))
        except ValueError:
            raise GitError(f"{self.directory} does not hold all of its objects.") from None

    def blame(self, commit: str, path: str, line: int) -> Blame | None:
        """Who changed this line last, or None where that cannot be told."""
        try:
            lines = self.read("blame", "--porcelain", "-L", f"{line},{line}", commit, "--", path).splitlines()
        except GitError:
            return None
        told = dict(text.split(" ", 1) for text in lines[1:] if " " in text)
        return Blame(lines[0].split(" ", 1)[0], told.get("author", "unknown"), told.get("summary", ""))

    def _modes(self, base: str, paths: Sequence[str]) -> dict[str, str]:
        """Those of the paths that are in `base`."""
        told = self.run("ls-tree", "-z", base, "--", *paths) if paths else b""
        entries = [entry.split("\t", 1) for entry in os.fsdecode(told).split("\0") if entry]
        return {path: about.split(" ", 1)[0] for about, path in entries}

    def _write_blobs(self, contents: Iterable[bytes], folder: Path) -> list[str]:
        """Each one's id, all by one process. `folder` takes a file for each."""
        files = []
        for number, content in enumerate(contents):
            files.append(folder / f"content-{number}")
            files[-1].write_bytes(content)
        names = "".join(f"{file}\n" for file in files)
        told = (
            self.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=os.fsencode(names)) if files else b""
        )
        return told.decode().split()


def _entry(path: str, mode: str, blob: str | None) -> str:
    """One line of `git update-index --index-info`; without a blob the path is removed."""
    return f"{mode} {blob}\t{path}\0" if blob else f"0 {NO_OBJECT}\t{path}\0"


def _change(about: str, path: str) -> Change:
    """One entry of `git diff-tree`: ":<old mode> <new mode> <old blob> <new blob> <letter>"."""
    old_mode, new_mode, _, blob, letter = about.removeprefix(":").split(" ")
    return Change(path, old_mode, None) if letter == "D" else Change(path, new_mode, blob)


_NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Kintsugi"), ("EMAIL", "kintsugi@localhost"))
}


def _environment() -> dict[str, str]:
    """What keeps git to itself."""
    own = {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
    return environment(own)
