"""Which commit runs, without being told: from what the host says, else from the program's own git folder.

Never a guess: a value that is no commit is passed over, and a git folder counts only if it tracks the program's file,
so that neither the repository above an environment's packages nor somebody's dotfiles at home are taken for it.
Pure Python: there is often no git where a program runs.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from kintsugi.telemetry import lazy_re as re

TOLD = ("KINTSUGI_BUILD_SHA", "BUILD_SHA")  # by whoever runs it: taken as it is
# What hosts call the commit that they deployed. (Fly and Cloud Run have no such variable.)
HOSTS = (
    "RAILWAY_GIT_COMMIT_SHA",
    "RENDER_GIT_COMMIT",
    "HEROKU_BUILD_COMMIT",
    "HEROKU_SLUG_COMMIT",  # Heroku's older name, which it leaves stale for some ways to deploy
    "KOYEB_GIT_SHA",
    "VERCEL_GIT_COMMIT_SHA",
    "ZEABUR_GIT_COMMIT_SHA",
    "CC_COMMIT_ID",  # Clever Cloud
    "CF_PAGES_COMMIT_SHA",
    "SOURCE_COMMIT",  # Coolify, Docker Hub; `HEAD` in some of Coolify's
    "SOURCE_VERSION",  # Heroku's and Scalingo's builds
    "GIT_REV",  # Dokku
    "GIT_COMMIT",  # Jenkins, and many a Dockerfile
    "GIT_SHA",
    "COMMIT_SHA",
)
# In a check the program's own git folder knows better: the run may be another repository's.
CHECKS = ("GITHUB_SHA", "CI_COMMIT_SHA", "CIRCLE_SHA1", "BUILDKITE_COMMIT", "BITBUCKET_COMMIT", "BUILD_SOURCEVERSION")

# Short ones have letters and digits: a date or a word is none.
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|(?=.*\d)(?=.*[a-f])[0-9a-f]{7,39}")
_MOST_ABOVE = 20  # folders looked at above the program's
_LARGEST_INDEX = 64 * 2**20
_LARGEST_REFS = 16 * 2**20


def running_build(environment: Mapping[str, str] = os.environ) -> str | None:
    """The commit that this process runs; None where nobody can say. Reads a few files, and raises nothing."""
    given = next((environment[name].strip() for name in TOLD if environment.get(name, "").strip()), None)
    return given or _named(environment, HOSTS) or _of_the_program() or _named(environment, CHECKS)


def running_source() -> Path | None:
    """The folder of this process's own code: the repository that tracks its main file, else that file's own folder."""
    file = next(_files_of_the_program(), None)
    try:
        return (_repository_of(file.resolve()) or file.resolve().parent) if file else None
    except (OSError, RuntimeError):
        return None


def commit_of(file: Path) -> str | None:
    """The commit that is checked out in the repository that tracks this file; None where there is none."""
    try:
        top = _repository_of(file.resolve())
        return _head(_git_folder(top)) if top else None
    except (OSError, ValueError, RuntimeError):
        return None


def _repository_of(file: Path) -> Path | None:
    """The folder whose repository tracks the file."""
    try:
        top = next((folder for folder in file.parents[:_MOST_ABOVE] if (folder / ".git").exists()), None)
        return top if top and _tracks(_git_folder(top), file.relative_to(top).as_posix()) else None
    except (OSError, ValueError):
        return None


def _named(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    given = (environment.get(name, "").strip().lower() for name in names)
    return next(filter(_COMMIT.fullmatch, given), None)


def _of_the_program() -> str | None:
    file = next(_files_of_the_program(), None)
    return commit_of(file) if file else None


def _files_of_the_program() -> Iterator[Path]:
    """The main module, else whoever calls: what is installed (a server that runs it, we) is not it."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    frame: FrameType | None = sys._getframe()
    called = []
    while frame is not None:
        called.append(frame.f_code.co_filename)
        frame = frame.f_back
    yield from (Path(name) for name in (main, *called) if name and not is_installed(name))


def is_installed(name: str) -> bool:
    """Whether this file came with Python, an environment or us; also what is no file, such as `<string>` or ``."""
    if not name or name.startswith("<"):
        return True
    path = Path(name).resolve()
    ours = (Path(__file__).parents[1], *_ENVIRONMENT)
    return "site-packages" in path.parts or "dist-packages" in path.parts or any(map(path.is_relative_to, ours))


_ENVIRONMENT = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "scripts"))


def _git_folder(top: Path) -> Path:
    """`.git`, or where that file says: of a worktree or a submodule."""
    git = top / ".git"
    if git.is_dir():
        return git
    said = _read(git, 4096).strip()
    if not said.startswith("gitdir: "):
        raise ValueError("no git folder")
    return (top / said.removeprefix("gitdir: ")).resolve()


def _tracks(folder: Path, path: str) -> bool:
    """Whether the index has the path. Its entries are flags with the path's length, the path, and a zero byte
    (gitformat-index, versions 2 and 3; of version 4, which shortens paths, nothing is known)."""
    index = folder / "index"
    if not index.is_file() or index.stat().st_size > _LARGEST_INDEX:
        return False
    held, wanted = index.read_bytes(), path.encode()
    if held[:4] != b"DIRC" or int.from_bytes(held[4:8]) not in (2, 3):
        return False
    at = held.find(wanted + b"\0")
    while at != -1:
        if at >= 2 and int.from_bytes(held[at - 2 : at]) & 0xFFF == min(len(wanted), 0xFFF):
            return True
        at = held.find(wanted + b"\0", at + 1)
    return False


def _head(folder: Path) -> str | None:
    """HEAD, followed through its refs, which a worktree shares with the main folder."""
    common = folder / "commondir"
    shared = (folder / _read(common, 4096).strip()).resolve() if common.is_file() else folder
    name = "HEAD"
    for _ in range(5):
        said = _ref(folder, shared, name)
        if not said.startswith("ref: "):
            return said if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", said) else None
        name = said.removeprefix("ref: ").strip()
        if ".." in name or not name.startswith("refs/"):
            return None
    return None


def _ref(folder: Path, shared: Path, name: str) -> str:
    """What a ref says; "" where it is not there."""
    for place in (folder / name, shared / name):
        if place.is_file():
            return _read(place, 4096).strip()
    packed = shared / "packed-refs"
    lines = _read(packed, _LARGEST_REFS).splitlines() if packed.is_file() else []
    return next((line.partition(" ")[0] for line in lines if line.partition(" ")[2] == name), "")


def _read(file: Path, most: int) -> str:
    with file.open("rb") as opened:
        return opened.read(most).decode("utf-8", "replace")
