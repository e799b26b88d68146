"""Where a project of Python's has its packages, and what of its set-up its own files tell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kintsugi.telemetry import lazy_re as re

_SKIPPED = {"node_modules", "venv", "env", "build", "dist", "docs", "site-packages"}
_SETTINGS = re.compile(r"""["']DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_REQUIRES = re.compile(r"""^\s*python_requires\s*=\s*["']?([^"'\n]+)""", re.MULTILINE)
_AT_LEAST = re.compile(r"(?:>=?|~=|\^|==|~)\s*(\d+)\.(\d+)")
_NAME = re.compile(r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?")
_BUILT = (
    ("hatch", "build", "hooks", "vcs", "version-file"),
    ("setuptools_scm", "version_file"),
    ("setuptools_scm", "write_to"),
    ("versioningit", "write", "file"),
)
_CONFIGURED = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


@dataclass(frozen=True, slots=True)
class Django:
    """A project of Django's: the folder of its manage.py, "" for the tree's own, and its settings module."""

    folder: str
    settings: str


@dataclass(frozen=True, slots=True)
class SetUp:
    """What tests of a project need beside its files. Paths are the tree's.

    `folders` to import from; `root`: where manage.py lies, which `settings` are Django's, and `variables` of the
    environment; `installed`: the project's name, version and entry points, as an installed one would tell them;
    `built`: the modules that its build writes its version into, which a repository does not have; `oldest`: the Python
    that it needs at least.
    """

    folders: tuple[str, ...] = ()
    root: str = ""
    settings: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    installed: tuple[str, str, str] | None = None
    built: tuple[str, ...] = ()
    oldest: tuple[int, int] | None = None


def set_up_of(tree: Path) -> SetUp:
    """As far as the project's own files tell."""
    django = django_of(tree)
    named = django is not None and not pytest_is_told(tree, "DJANGO_SETTINGS_MODULE")
    variables = {"DJANGO_SETTINGS_MODULE": django.settings} if django and named else {}
    root, settings = (django.folder, django.settings) if django else ("", "")
    found = _read(tree / "pyproject.toml")
    built = tuple(_built(found))
    return SetUp(tuple(import_folders(tree)), root, settings, variables, _installed(found), built, oldest_python(tree))


def import_folders(tree: Path) -> list[str]:
    """Folders of the tree that its packages are imported from, beside the tree itself: those of its build's settings,
    `src`, and where manage.py lies.
    """
    found = ["src", *_declared(_read(tree / "pyproject.toml"))]
    if django := django_of(tree):
        found.append(django.folder)
    there = [folder.strip("./") for folder in found]
    return [folder for folder in dict.fromkeys(there) if folder and (tree / folder).is_dir()]


def django_of(tree: Path) -> Django | None:
    """By the manage.py that is nearest to the root."""
    for file in sorted(_manage_files(tree), key=lambda file: (len(file.parts), file)):
        if found := _SETTINGS.search(file.read_text("utf-8", "replace")):
            folder = file.parent.relative_to(tree).as_posix()
            return Django("" if folder == "." else folder, found[1])
    return None


def oldest_python(tree: Path) -> tuple[int, int] | None:
    """The newest lower bound of `requires-python`, or of what poetry, setup.cfg or setup.py say in its place."""
    found = _read(tree / "pyproject.toml")
    said = [_at(found, "project", "requires-python"), _at(found, "tool", "poetry", "dependencies", "python")]
    said += [match[1] for name in ("setup.cfg", "setup.py") for match in _REQUIRES.finditer(_text(tree / name))]
    bounds = (bound for one in said if isinstance(one, str) for bound in _AT_LEAST.finditer(one))
    return max(((int(bound[1]), int(bound[2])) for bound in bounds), default=None)


def pytest_is_told(tree: Path, option: str) -> bool:
    """Whether the project's settings of pytest name this option."""
    return any(option in _text(tree / name) for name in _CONFIGURED)


def _installed(found: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Of pyproject.toml, as the standard and poetry write it."""
    poetry, project = _at(found, "tool", "poetry") or {}, found.get("project") or {}
    name = project.get("name") or poetry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    version = project.get("version") or poetry.get("version") or "0"
    groups = {
        "console_scripts": project.get("scripts") or poetry.get("scripts"),
        "gui_scripts": project.get("gui-scripts"),
        **(project.get("entry-points") or poetry.get("plugins") or {}),
    }
    lines = [f"[{group}]\n{_entries(entries)}" for group, entries in groups.items() if isinstance(entries, dict)]
    return name, str(version), "\n".join(lines)


def _built(project: Mapping[str, Any]) -> Iterator[str]:
    """Of pyproject.toml, as the tools write it that take the version from git."""
    for way in _BUILT:
        file = _at(project, "tool", *way)
        if isinstance(file, str) and file.endswith(".py"):
            yield file


def _entries(entries: Mapping[str, object]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in entries.items() if isinstance(value, str))


def _manage_files(tree: Path) -> Iterator[Path]:
    for depth in ("manage.py", "*/manage.py", "*/*/manage.py"):
        for file in tree.glob(depth):
            inside = file.relative_to(tree).parts
            if file.is_file() and not file.is_symlink() and not _SKIPPED & set(inside):
                yield file


def _declared(project: dict[str, Any]) -> Iterator[str]:
    tool = project.get("tool", {})
    packages = _at(tool, "setuptools", "packages", "find", "where")
    yield from (str(one) for one in packages if isinstance(one, str)) if isinstance(packages, list) else ()
    folders = _at(tool, "setuptools", "package-dir")
    yield from (str(one) for one in folders.values()) if isinstance(folders, dict) else ()
    for package in _at(tool, "poetry", "packages") or ():
        if isinstance(package, dict) and isinstance(package.get("from"), str):
            yield package["from"]


def _at(node: object, *names: str) -> Any:
    for name in names:
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return {}


def _text(file: Path) -> str:
    try:
        return "" if file.is_symlink() else file.read_text("utf-8", "replace")
    except OSError:
        return ""
