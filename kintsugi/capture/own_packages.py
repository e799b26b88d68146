"""The project's own packages where a package manager has put them: as built, they run from `site-packages`, from Go's
module cache or by a name alone, and are still the project's. Which names are its own, its manifests tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from kintsugi.capture.tree import Tree
from kintsugi.telemetry import lazy_re as re

_PYTHONS = re.compile(r".*/(?:site|dist)-packages/(?P<rest>[^/]+/.+)$")
_GOS = re.compile(r".*/pkg/mod/(?P<name>[^@]+)@[^/]+/(?P<rest>.+)$")
_NODES = re.compile(  # what lies below another package's folder is that one's
    r"(?:(?!node_modules/).)*/node_modules/(?:\.pnpm/[^/]+/node_modules/)?(?P<name>(?:@[^/]+/)?[^/]+)/"
    r"(?P<rest>(?!.*node_modules/).+)$"
)
_RUBYS = re.compile(r".*/gems/(?P<name>[\w.-]+)-[0-9a-f][\w.]*/(?P<rest>.+)$")
_DARTS = re.compile(r"package:(?P<name>\w+)/(?P<rest>.+)$")
_NAMED = {
    "go.mod": re.compile(r"\s*module\s+\"?(?P<name>[^\s\"]+)"),
    "pubspec.yaml": re.compile(r"name:\s*['\"]?(?P<name>\w+)"),
}
_OTHERS = ((_GOS, "go.mod", ""), (_NODES, "package.json", ""), (_DARTS, "pubspec.yaml", "lib/"))
_PYTHON_MANIFESTS = dict.fromkeys(
    ("pyproject.toml", "setup.py", "setup.cfg"), re.compile(r"(?:.*[\s(,])?name\s*=\s*['\"]?(?P<name>[\w.-]+)")
)
_MOST = 100  # manifests that are read
_MOST_LINES = 40  # of one that is no JSON, in which its name stands

Named = Mapping[str, Sequence[str]]
Lines = Callable[[str], Sequence[str]]


def own_file(reported: str, tree: Tree, by_name: Named, lines: Lines, reads_alike: Callable[[str], bool]) -> str | None:
    """The project's file that an installed one was made from. Manifests are only read where there is such a file.

    `reads_alike`: whether a file's line is the reported one. It tells which file a Python package was made from, as
    others have a folder `utils` too; a manifest does where it has the package's own name.
    """
    if found := _PYTHONS.match(reported):
        return _pythons_file(found["rest"], tree, by_name, lines, reads_alike)
    meant = ((path, manifest, name) for path, manifest, name in _meant(reported, by_name) if path in tree.paths)
    return next((path for path, manifest, name in meant if not name or _name(manifest, lines) == name), None)


def _pythons_file(
    rest: str, tree: Tree, by_name: Named, lines: Lines, reads_alike: Callable[[str], bool]
) -> str | None:
    folders = _folders(by_name, *_PYTHON_MANIFESTS)
    meant = ((folder, path) for folder in folders for path in (f"{folder}{rest}", f"{folder}src/{rest}"))
    there = [(folder, path) for folder, path in meant if path in tree.paths]
    alike = [path for _, path in there if reads_alike(path)]
    fitting = alike or [path for folder, path in there if rest.partition("/")[0] in _names(folder, tree, lines)]
    return fitting[0] if len(fitting) == 1 else None


def _names(folder: str, tree: Tree, lines: Lines) -> Iterator[str]:
    """What the manifests of a Python project call it, as a package is spelt."""
    manifests = (f"{folder}{name}" for name in _PYTHON_MANIFESTS)
    yield from (_name(one, lines).lower().replace("-", "_") for one in manifests if one in tree.paths)


def is_of_another_package(reported: str, by_name: Named, lines: Lines) -> bool:
    """Whether this names a Dart package, in a project whose own are known: where it is none of them, ends may lie."""
    if _DARTS.match(reported) is None:
        return False
    return any(_name(f"{folder}pubspec.yaml", lines) for folder in _folders(by_name, "pubspec.yaml"))


def _meant(reported: str, by_name: Named) -> Iterator[tuple[str, str, str]]:
    """Files that may be meant, each with the manifest that has to give a name, and the name; "" where none has to."""
    if found := _RUBYS.match(reported):
        yield from ((f"{folder}{found['rest']}", "", "") for folder in _folders(by_name, f"{found['name']}.gemspec"))
    else:
        for shape, manifest, within in _OTHERS:
            if found := shape.match(reported):
                name = re.sub(r"!([a-z])", lambda letter: letter[1].upper(), found["name"])  # as Go's cache spells it
                folders = _folders(by_name, manifest)
                yield from ((f"{folder}{within}{found['rest']}", f"{folder}{manifest}", name) for folder in folders)


def _folders(by_name: Named, *manifests: str) -> Iterator[str]:
    """Those that hold one of these files, each with a slash at its end."""
    found = (path.rpartition("/") for name in manifests for path in by_name.get(name, ())[:_MOST])
    yield from dict.fromkeys(f"{folder}{slash}" for folder, slash, _ in found)


def _name(manifest: str, lines: Lines) -> str:
    file = manifest.rpartition("/")[2]
    if file == "package.json":  # in which authors have names too
        return _name_in_json("\n".join(lines(manifest)))
    shape = _NAMED.get(file) or _PYTHON_MANIFESTS[file]
    return next((found["name"] for line in lines(manifest)[:_MOST_LINES] if (found := shape.match(line))), "")


def _name_in_json(text: str) -> str:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(told.get("name", "")) if isinstance(told, dict) else ""
