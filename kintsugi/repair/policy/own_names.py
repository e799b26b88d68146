"""Names that deployments and vendored code have, and ordinary code too: `cogs/deploy.py`, `src/vendor/models.py`.

By such a name alone a file is refused where a machine looks for it: at the top of the repository, among scripts, and
beside what says how to deploy or whose code it is. Deeper, or where the program imports it, it is the program's own.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from posixpath import dirname, normpath

from kintsugi.repair.trees import Tree
from kintsugi.telemetry import lazy_re as re

_DEPLOYS = "It says what runs on a commit or in production, with rights that a patch must not get."
_OF_OTHERS = "It is installed or somebody else's code, and the next update brings that again."
_DEPLOYING_FOLDERS = frozenset(
    ("k8s", "kubernetes", "helm", "charts", "deploy", "deployment", "deployments", "terraform", "ansible", "infra")
)
_AT_THE_TOP = frozenset(("ci", "debian"))
_DEPLOYING_FILES = re.compile(r"(?:deploy|fabfile|dodo|build_backend)\.py")
_SCRIPTS = frozenset(("scripts", "script", "bin", "tools", "tool", "hack", "build", "ci", "ops", "dev"))
_SERVED = frozenset(("static", "public", "assets", "dist", "www", "wwwroot"))  # where libraries of pages lie
_SOURCE = re.compile(r"\.(?:pyi?|[cm]?[jt]s|[jt]sx|go|rb|rs|java|kt|php|cs|exs?|vue|svelte)$")
_PAGES = re.compile(r"\.(?:html?|jinja2?|css|scss|less|svg|md|rst|csv|po)$")
_MINIFIED = re.compile(r"\.min\.\w+$|[.-]bundle\.\w+$")
_DEPLOYING = (
    *("pulumi*.y*ml", "chart.y*ml", "*.tf", "*.hcl", "cdk.json", "kustomization.y*ml", "dockerfile*", "*.service"),
    *("playbook*.y*ml", "docker-compose*", "values*.y*ml", "ansible.cfg", "samconfig.toml", "*.nomad"),
)
_FOREIGN = (
    *("license*", "licence*", "copying*", "modules.txt", "autoload.php", "vendor.txt", "package.json", "go.mod"),
    *("setup.py", "pyproject.toml", "composer.json", "metadata", "pkg-info", "*.gemspec", "cargo.toml"),
)
_OWN_APP = ("models.py", "apps.py", "views.py")
_MOST_SOURCES = 2000  # looked through for imports of a folder


def misplaced(path: str, tree: Tree) -> tuple[str, str] | None:
    """(rule, sentence) where a path in lower case has such a name and is no ordinary code; None else."""
    *folders, name = path.split("/")
    if _DEPLOYING_FILES.fullmatch(name) and (not folders or not _SCRIPTS.isdisjoint(folders)):
        return "ci", _DEPLOYS
    if folders and folders[0] in _AT_THE_TOP:
        return "ci", _DEPLOYS
    for at, folder in enumerate(folders):
        if folder in _DEPLOYING_FOLDERS and _deploys(path, folders[: at + 1], tree):
            return "ci", _DEPLOYS
        if folder == "vendor" and _is_of_others(path, folders[: at + 1], tree):
            return "dependencies", _OF_OTHERS
    return None


def _deploys(path: str, folders: list[str], tree: Tree) -> bool:
    """Whether a file below such a folder may be a part of how the program is deployed."""
    is_code = _SOURCE.search(path) is not None
    if not (is_code or _PAGES.search(path)) or not _SCRIPTS.isdisjoint(folders[:-1]):
        return True
    if _has(_DEPLOYING, folders, tree):
        return True
    return len(folders) == 1 and not (is_code and _is_imported(folders, tree))


def _is_of_others(path: str, folders: list[str], tree: Tree) -> bool:
    """Whether a file below `vendor` is a library's; a program may have vendors of its own."""
    if not _SOURCE.search(path) or _MINIFIED.search(path) or _has(_FOREIGN, folders, tree):
        return True
    if path.endswith(".py"):
        is_beside = path.count("/") == len(folders)  # libraries are packages of a folder that may be a package, too
        own = _OWN_APP + (("__init__.py",) if is_beside else ())
        return not any(tree.kind("/".join([*folders, name])) for name in own)
    return not _SERVED.isdisjoint(folders) or not _is_imported(folders, tree)


def _has(signs: tuple[str, ...], folders: list[str], tree: Tree) -> bool:
    top = "/".join(folders) + "/"
    names = (one.lower().rpartition("/")[2] for one in tree.paths() if one.lower().startswith(top))
    return any(fnmatchcase(name, sign) for name in names for sign in signs)


def _is_imported(folders: list[str], tree: Tree) -> bool:
    """Whether code outside of a folder imports that very folder: `from cogs import deploy` is none of `deploy`."""
    top = "/".join(folders)
    imports = re.compile(_import_of(top, folders[-1], tree).encode(), re.MULTILINE)
    outside = [one for one in tree.paths() if _SOURCE.search(one) and not one.lower().startswith(f"{top}/")]
    return any(
        found["relative"] is None or _leads_to(top, path, found["relative"].decode(errors="replace"))
        for path, content in tree.contents(outside[:_MOST_SOURCES])
        for found in imports.finditer(content)
    )


def _leads_to(top: str, path: str, relative: str) -> bool:
    """Whether an import of JavaScript, `./deploy/plan`, leads from a file to the folder or below it."""
    place = normpath(f"{dirname(path) or '.'}/{relative}").lower()
    return f"{place}/".startswith(f"{top}/")


def _import_of(top: str, name: str, tree: Tree) -> str:
    """What an import of a folder looks like: in Python, where it is at the top, in JavaScript, in Go."""
    module = re.search(rb"^module[ \t]+(\S+)", tree.read("go.mod") or b"", re.MULTILINE)
    whole = (
        f"{re.escape(module[1].decode(errors='replace'))}/{re.escape(top)}" if module else rf"[\w./-]+/{re.escape(top)}"
    )
    name = re.escape(name)
    return (
        rf"^[ \t]*(?:from|import)[ \t]+{name}\b"
        rf"|(?:from|require\(|import\()[ \t]*['\"](?P<relative>\.[^'\"\n]*/{name}(?:/[^'\"\n]*)?)['\"]"
        rf"|^[ \t]*(?:import[ \t]+)?(?:\w+[ \t]+)?\"{whole}(?:/[\w./-]*)?\""
    )
