"""Paths that no patch touches by itself: outside, git's own, CI and deployment, dependencies, secrets, test set-up."""

from __future__ import annotations

import configparser
import sys
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from kintsugi.repair.policy.characters import deceiving_path
from kintsugi.repair.policy.own_names import misplaced
from kintsugi.repair.policy.path_rules import RULES
from kintsugi.repair.policy.tests import is_test_path
from kintsugi.repair.trees import Tree
from kintsugi.telemetry import lazy_re as re

_DESCRIPTIONS = (
    "version",
    "description",
    "readme",
    "license",
    "authors",
    "maintainers",
    "keywords",
    "classifiers",
    "urls",
)
_LINTERS = (
    "ruff",
    "black",
    "isort",
    "flake8",
    "pyright",
    "towncrier",
    "bumpversion",
    "commitizen",
    "codespell",
    "typos",
)
_ROOTS = ("", "src/", "lib/", "tests/", "test/", "app/")
_STARTED = b"__main__"
_TOLD_NOBODY = frozenset((".well-known", ".nojekyll", ".keep", ".changeset", ".changes"))
_MOST_SOURCES = 2000  # looked through for imports of a name that a new file takes
_SHADOWED = frozenset(sys.stdlib_module_names) | {"pytest", "_pytest", "pluggy", "hypothesis", "coverage"}
_INSTALLED_AS = {  # the names that are imported, of packages that are installed under others
    "pyyaml": "yaml",
    "discord-py": "discord",
    "py-cord": "discord",
    "pillow": "PIL",
    "beautifulsoup4": "bs4",
    "python-dateutil": "dateutil",
    "python-dotenv": "dotenv",
    "pyjwt": "jwt",
    "scikit-learn": "sklearn",
    "opencv-python": "cv2",
    "psycopg2-binary": "psycopg2",
    "python-telegram-bot": "telegram",
    "protobuf": "google",
}
_REQUIRED = re.compile(r"^[ \t]*[\"']?([A-Za-z][\w.-]*)", re.MULTILINE)
_LISTS = re.compile(
    r"(?:^|/)(?:requirements[^/]*\.(?:txt|in)|pyproject\.toml|setup\.(?:cfg|py)|pipfile)$", re.IGNORECASE
)
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
_ORDERING = re.compile(r"[`;|&<>\"*?]|\$[({A-Z]|%\w+%")
_LONGEST_NAME = 255  # bytes, on most file systems


def path_reasons(path: str, *, is_new: bool, tree: Tree) -> Iterator[tuple[str, str]]:
    """(rule, sentence) for each rule that a path breaks."""
    if (wrong := _not_within(path)) is not None:
        yield "path", wrong
        return
    folded = unicodedata.normalize("NFKC", path).lower()
    parts = folded.split("/")
    if any(re.match(r"\.git[. ]*$|git~\d", part) for part in parts):
        yield "path", "It is git's own folder."
    broken = [(rule, why) for rule, why, _ in RULES if _pattern(rule).search(f"/{folded}")]
    yield from broken
    if (found := misplaced(folded, tree)) is not None:
        yield found
    elif not broken and not is_test_path(path) and (hidden := _hidden(parts)):
        yield "ci", f"It is for a tool that obeys it: {hidden} begins with a dot."
    if is_new and (_shadows(path, tree) or _hides_installed(path, tree)):
        yield "test-setup", f"It would stand before the library {_stem(path)} wherever that is imported."
    if is_new and (twin := _twin(path, tree)) is not None:
        yield "path", f"It differs from {twin} only in capitals or in how its letters are written."
    elif is_new and unicodedata.normalize("NFKC", path) != path:
        yield "path", "Its name is not in the usual form of its letters, so that some systems take it for another."
    if is_new and (why_not := deceiving_path(path)) is not None:
        yield "look-alike", f"Its path {path!a} {why_not}."


def only_describes(path: str, old: str, new: str) -> bool:
    """Whether a project's file leaves alone what is installed, built, tested and run: version, texts, linters."""
    read = {"pyproject.toml": _pyproject, "setup.cfg": _setup_cfg}.get(path.rpartition("/")[2])
    if read is None or not old:
        return False
    try:
        return read(old) == read(new)
    except (tomllib.TOMLDecodeError, configparser.Error):
        return False


def _pyproject(text: str) -> dict[str, Any]:
    """A pyproject.toml without what only describes."""
    project = tomllib.loads(text)
    about = {name: value for name, value in project.get("project", {}).items() if name not in _DESCRIPTIONS}
    tools = {name: value for name, value in project.get("tool", {}).items() if name not in _LINTERS}
    tools["mypy"] = tools.get("mypy", {}).get("plugins")
    tools["poetry"] = {name: value for name, value in tools.get("poetry", {}).items() if name not in _DESCRIPTIONS}
    return {**project, "project": about, "tool": tools}


def _setup_cfg(text: str) -> dict[str, dict[str, str]]:
    """A setup.cfg without what only describes."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    linters = (*_LINTERS, "mypy")
    sections = {name: dict(parser[name]) for name in parser.sections() if name.partition("-")[0] not in linters}
    sections["metadata"] = {k: v for k, v in sections.get("metadata", {}).items() if k not in _DESCRIPTIONS}
    sections["plugins"] = {name: parser[name]["plugins"] for name in parser.sections() if "plugins" in parser[name]}
    return sections


def _not_within(path: str) -> str | None:
    parts = path.split("/")
    if not path or path.startswith(("/", "~")) or "\\" in path or ":" in path or ".." in parts:
        return "It lies outside the repository, or would on some system."
    if any(part != part.strip() or part.endswith(".") or part in ("", ".") for part in parts):
        return "It has a folder or file name that some systems take for another."
    if any(unicodedata.category(character)[0] == "C" for character in path):
        return "It has invisible characters."
    if any(_DEVICE.match(part) or len(part.encode()) > _LONGEST_NAME for part in parts) or _ORDERING.search(path):
        return "It has a name that some systems cannot have, or that a shell takes for an order."
    if path.startswith("-") or any(part.startswith("-") for part in parts):
        return "It begins with a dash, which programs take for an option."
    return None


@cache
def _pattern(rule: str) -> re.Pattern[str]:
    """All of a rule's patterns as one, for a path with a slash before it."""
    globs = next(patterns for name, _, patterns in RULES if name == rule)
    return re.compile("|".join(_expression(glob) for glob in globs))


def _expression(glob: str) -> str:
    part = re.escape(glob.strip("/")).replace(r"\*", "[^/]*")
    if glob.endswith("/"):
        return f"/{part}/"
    if glob == ".git*":
        return f"/{part}(?:/|$)"
    return f"^/{re.escape(glob)}$".replace(r"\*", ".*") if "/" in glob else f"/{part}$"


def _hidden(parts: list[str]) -> str:
    """The first name of a path that begins with a dot, but those that no tool goes by."""
    return next((part for part in parts if part.startswith(".") and part not in _TOLD_NOBODY), "")


def _shadows(path: str, tree: Tree) -> bool:
    """Whether a new file where imports begin has the name of a library."""
    return _stem(path) in _SHADOWED and any(_stands_in(path, root) for root in _roots(path, tree))


def _stands_in(path: str, root: str) -> bool:
    name = _stem(path)
    return path.startswith(root) and path.removeprefix(root) in (f"{name}.py", f"{name}/__init__.py", f"{name}.pyi")


def _roots(path: str, tree: Tree) -> tuple[str, ...]:
    """Where imports begin, seen from a path: also in its folder where a script is started there."""
    folder = path.removesuffix("/__init__.py").rpartition("/")[0] + "/"
    return (*_ROOTS, folder) if folder != "/" and _has_script(folder, tree) else _ROOTS


def _has_script(folder: str, tree: Tree) -> bool:
    """Whether a folder that is no package has a file that is started by its path."""
    beside = [one for one in tree.paths() if one.startswith(folder) and one.count("/") == folder.count("/")]
    if f"{folder}__init__.py" in beside:
        return False
    return any(_STARTED in content for _, content in tree.contents(one for one in beside if one.endswith(".py")))


def _hides_installed(path: str, tree: Tree) -> bool:
    """Whether a new file where imports begin has the name of what the project imports and does not have: a package."""
    name = _stem(path)
    if not name.isidentifier() or not any(_stands_in(path, root) for root in _roots(path, tree)):
        return False
    own = re.compile(rf"(?:^|/){re.escape(name)}(?:\.pyi?$|/)")
    sources = [one for one in tree.paths() if one.endswith(".py")][:_MOST_SOURCES]
    if any(own.search(one) for one in tree.paths()):
        return False
    imports = re.compile(rb"^[ \t]*(?:import|from)[ \t]+" + name.encode() + rb"\b", re.MULTILINE)
    return name in _required(tree) or any(imports.search(tree.read(one) or b"") for one in sources)


def _required(tree: Tree) -> set[str]:
    """What a project says it needs, by the names that are imported."""
    texts = [(tree.read(one) or b"").decode(errors="replace") for one in tree.paths() if _LISTS.search(one)]
    names = {re.sub(r"[._-]+", "-", name).lower() for text in texts for name in _REQUIRED.findall(text)}
    return {_INSTALLED_AS.get(name, name.replace("-", "_")) for name in names}


def _stem(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return folder.rpartition("/")[2] if name == "__init__.py" else name.removesuffix(".py")


def _twin(path: str, tree: Tree) -> str | None:
    """A file that is there, whose path is the same but for its letters, or whose folder is."""
    folded, folder = _folded(path), path.rpartition("/")[0]
    for one in tree.paths():
        if one != path and _folded(one) == folded:
            return one
        beside = one[: len(folder)]
        if (
            folder
            and one[len(folder) : len(folder) + 1] == "/"
            and beside != folder
            and _folded(beside) == _folded(folder)
        ):
            return one
    return None


def _folded(path: str) -> str:
    return (path if path.isascii() else unicodedata.normalize("NFKC", path)).casefold()
