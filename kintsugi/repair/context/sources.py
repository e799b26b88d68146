"""The project's source files at one commit, or as they lie in the folder. Reads nothing outside the project."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kintsugi.children import environment
from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact import redact_source

_LARGEST = 400_000  # bytes: a larger file is data or generated
_MOST_FILES = 20_000
_GIT_SECONDS = 10.0
_MOST_TOGETHER = 40  # files: a larger commit moved, formatted or imported code
_SUFFIXES = (
    *(".py", ".pyi", ".pyx", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx"),
    *(".go", ".java", ".kt", ".rb", ".rs"),
)
_SKIPPED_FOLDERS = frozenset(("node_modules", "site-packages", "dist-packages", "venv", "__pycache__"))
_REVISION = re.compile(r"[A-Za-z0-9_][\w./@^~-]*$")


class ContextError(Exception):
    """No context can be shown. Its text is a sentence that says why and what would do."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, as a line of a list."""

    sha: str
    date: str
    subject: str
    paths: tuple[str, ...] = ()  # what it changed, where that was asked for


@dataclass(frozen=True, slots=True)
class Together:
    """What one commit wrote: how many files it changed, and by path the lines it added, without their indentation."""

    files: int
    lines: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Sources:
    """Texts by path, relative to `root` with forward slashes. `commit` is None for the folder as it lies."""

    root: Path
    commit: str | None
    texts: Mapping[str, str]
    _split: dict[str, list[str]] = field(default_factory=dict)
    _shown: dict[str, list[str]] = field(default_factory=dict)

    def lines(self, path: str) -> list[str]:
        """The lines of a file; one empty line where it is none of the project's source files."""
        if path not in self._split:
            self._split[path] = self.texts.get(path, "").split("\n")
        return self._split[path]

    def shown(self, path: str) -> list[str]:
        """The lines of a file as they may leave: each in its place, with a mask for every secret."""
        if path not in self._shown:
            self._shown[path] = redact_source("\n".join(self.lines(path)), path).split("\n")
        return self._shown[path]

    def mentioning(self, name: str) -> list[str]:
        """The files in which this name stands as a word."""
        return [path for path in self.texts if _has_word(name, self.texts[path])]

    def commits_on(self, path: str, first: int, last: int, *, most: int = 4, seconds: float = 2.0) -> list[Commit]:
        """The newest commits that left these lines as they are; none where history takes longer to read."""
        span = f"{first},{last}"
        where = [self.commit] if self.commit else []
        blamed = _git(self.root, "blame", "--porcelain", "-L", span, *where, "--", path, seconds=seconds)
        return sorted(_commits(blamed or b""), key=lambda commit: commit.date, reverse=True)[:most]

    def together(self, commit: Commit, *, seconds: float = 2.0) -> Together:
        """What a commit wrote; nothing where it is a repository's first, changed too many files, or takes longer."""
        listed = _git(self.root, "diff-tree", "-r", "--no-commit-id", "--name-only", commit.sha, seconds=seconds)
        changed = len((listed or b"").splitlines())
        if not 1 < changed <= _MOST_TOGETHER:
            return Together(changed, {})
        shown = _git(self.root, "show", "--format=", "--unified=0", "--no-renames", commit.sha, seconds=seconds)
        return Together(changed, _added((shown or b"").decode("utf-8", errors="replace")))

    def newest_commits(self, *, most: int = 400, seconds: float = 2.0) -> list[Commit]:
        """The newest commits with what they changed, newest first; none where history takes longer to read."""
        where = self.commit or "HEAD"
        form = "--format=%x01%H %cs %s"
        told = _git(self.root, "log", "--no-merges", "--name-only", "-n", str(most), form, where, seconds=seconds)
        return [_told(entry) for entry in (told or b"").decode("utf-8", errors="replace").split("\x01")[1:]]


def sources_at(root: Path, rev: str | None) -> Sources:
    """The project at `root` as of `rev`; without one as it lies in the folder, or at HEAD in a bare repository.

    ContextError where there is no such folder or commit.
    """
    root = root.resolve()
    if not root.is_dir():
        raise ContextError(f"There is no folder {root}. Name the repository the program was built from.")
    bare = (_git(root, "rev-parse", "--is-bare-repository") or b"").strip() == b"true"
    commit = resolve(root, rev or "HEAD") if rev or bare else None
    if rev and commit is None:
        raise ContextError(f"{root} has no commit {rev}. Fetch it, or leave the revision out.")
    if commit:
        return Sources(root, commit, dict(_committed(root, commit)))
    return Sources(root, None, {} if bare else dict(_in_folder(root)))


def resolve(root: Path, rev: str) -> str | None:
    """The full SHA of a revision, or None where the repository at `root` has none such."""
    if not _REVISION.match(rev):
        return None
    found = _git(root.resolve(), "rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
    return found.decode().strip() if found else None


def is_test(path: str) -> bool:
    """Whether the file belongs to the tests, by its path."""
    folders, _, name = path.rpartition("/")
    named = name.startswith(("test_", "tests.", "conftest.")) or re.search(r"(?:_test|\.test|\.spec|Test)\.\w+$", name)
    return bool(named) or any(folder in ("test", "tests", "testing", "__tests__") for folder in folders.split("/"))


def _has_word(name: str, text: str) -> bool:
    """As the pattern `{name}` between word boundaries finds it, at a tenth of the time."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if not (_inside_word(text[at - 1 : at]) or _inside_word(text[end : end + 1])):
            return True
        at = text.find(name, end)
    return False


def _inside_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _committed(root: Path, commit: str) -> Iterator[tuple[str, str]]:
    listed = _git(root, "ls-tree", "-r", "-z", "-l", "--full-tree", commit) or b""
    blobs = [blob for entry in listed.split(b"\0") if entry and (blob := _source_blob(entry))][:_MOST_FILES]
    if not blobs:
        return
    output = _git(root, "cat-file", "--batch", given="".join(f"{sha}\n" for sha, _ in blobs).encode()) or b""
    at = 0
    for _, path in blobs:
        head = output.find(b"\n", at)
        if head < 0:
            return
        size = int(output[at:head].split()[-1])
        text = _text(output[head + 1 : head + 1 + size])
        at = head + size + 2
        if text is not None:
            yield path, text


def _source_blob(entry: bytes) -> tuple[str, str] | None:
    """(object, path) of an `ls-tree -l` entry that is a regular source file of a sensible size.

    Git writes no size for a submodule, and "BAD" for what a partial clone did not fetch.
    """
    about, _, name = entry.partition(b"\t")
    mode, kind, sha, size = about.split()
    path = name.decode("utf-8", errors="surrogateescape")
    fits = kind == b"blob" and mode != b"120000" and size.isdigit() and int(size) <= _LARGEST
    return (sha.decode(), path) if fits and _is_source(path) else None


def _in_folder(root: Path) -> Iterator[tuple[str, str]]:
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    paths = _walked(root) if listed is None else os.fsdecode(listed).split("\0")
    by_folder: dict[str, list[str]] = {}
    for path in [path for path in dict.fromkeys(paths) if _is_source(path)][:_MOST_FILES]:
        by_folder.setdefault(path.rpartition("/")[0], []).append(path)
    for folder, inside in by_folder.items():
        # A tracked folder may have been replaced by a link that leads out.
        if (root / folder).resolve().is_relative_to(root):
            yield from ((path, text) for path in inside if (text := _read(f"{root}/{path}")) is not None)


def _walked(root: Path) -> Iterator[str]:
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED_FOLDERS and not name.startswith(".")]
        yield from ((Path(folder) / name).relative_to(root).as_posix() for name in files)


def _read(file: str) -> str | None:
    """The text of a regular file of a sensible size that is no link."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as opened:
        about = os.fstat(handle)
        fits = stat.S_ISREG(about.st_mode) and about.st_size <= _LARGEST
        return _text(opened.read(_LARGEST)) if fits else None


def _is_source(path: str) -> bool:
    return path.endswith(_SUFFIXES)


def _text(raw: bytes) -> str | None:
    if b"\0" in raw:
        return None
    return raw.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _commits(blamed: bytes) -> Iterator[Commit]:
    """The commits of `git blame --porcelain`, which tells of each once."""
    sha = date = ""
    for line in blamed.decode("utf-8", errors="replace").splitlines():
        word, _, rest = line.partition(" ")
        if re.fullmatch(r"[0-9a-f]{40}", word):
            sha = word
        elif word == "committer-time":
            date = datetime.fromtimestamp(int(rest), UTC).date().isoformat()
        elif word == "summary" and sha.strip("0"):
            yield Commit(sha, date, rest)


def _added(diff: str) -> dict[str, frozenset[str]]:
    """By path the lines that a diff adds, without their indentation."""
    added: dict[str, set[str]] = {}
    path = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            path = line[4:].removeprefix("b/")
        elif line.startswith("+"):
            added.setdefault(path, set()).add(line[1:].strip())
    return {path: frozenset(lines) for path, lines in added.items()}


def _told(entry: str) -> Commit:
    head, *paths = entry.splitlines()
    sha, date, subject = [*head.split(" ", 2), ""][:3]
    return Commit(sha, date, subject, tuple(path for path in paths if path))


def _git(root: Path, *arguments: str, given: bytes = b"", seconds: float = _GIT_SECONDS) -> bytes | None:
    """What git prints about the repository whose top is `root`; None where it is none, refuses or takes too long."""
    own = {"GIT_CEILING_DIRECTORIES": str(root.parent), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, env=environment(own), timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
