"""Whether a change of Python can be dangerous at all: by the words of its added lines, before anything is parsed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache

from kintsugi.parsing import parsed
from kintsugi.repair.policy.dangers import BUILTINS, attributes, modules
from kintsugi.repair.policy.names import REACHED
from kintsugi.repair.policy.screen import Screened
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

SECRET_PLACES = Screened(
    r"/etc/(?:passwd|shadow|sudoers|cron|ld\.so)|\.ssh/|authorized_keys|\bid_rsa\b|/proc/(?:self|\d+)/"
    r"|\.aws/credentials"
    r"|~/\.(?:bashrc|profile|netrc)|\.git-credentials|169\.254\.169\.254|metadata\.google\.internal"
    r"|/var/run/docker\.sock"
    r"|/var/run/secrets|\.kube/config|/dev/tcp/"
)
COMMANDS = Screened(r"\bcurl\s|\bwget\s|\bnc\s+-|bash\s+-[ci]|/bin/(?:ba)?sh\b|powershell|rm\s+-rf|\|\s*(?:ba)?sh\b")
URL = re.compile(r"\b(?:https?|ftp|wss?)://[^\s'\"/]+", re.IGNORECASE)
_ALIASES = 4  # how often a name is set to a name that is set to …
_WORD = re.compile(r"\w+")
_ALIAS = re.compile(r"^[ \t]*(\w+)[ \t]*(?::[ \t]*[\w.]+[ \t]*)?=[ \t]*(\w+)(?:\.\w+)*[ \t]*$", re.MULTILINE)
_IMPORTED = re.compile(r"[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import)[ \t]+(\([^)]*\)|[^\n#]*)")
_REPLACES = re.compile(r"^[ \t]*(\w+)(?:\.\w+)+[ \t]*=(?!=)", re.MULTILINE)
_ODD = re.compile(r"__(?:import|builtins|globals|subclasses|code|closure|reduce|reduce_ex|loader|setstate)__")
SHELLS_OF_BOTS = ("jishaku", "dshell", "onami")  # extensions that let somebody run anything by a message
_LOOKUPS = """
    getattr globals locals vars attrgetter methodcaller environ shell import_module import_string load resolve
    load_extension reload_extension __file__ __path__ eval_str open write_text write_bytes unlink rmdir rename
    replace remove shutil atexit weakref format builtins sys FileIO fileinput FileHandler RotatingFileHandler
    TimedRotatingFileHandler environb File send_file FileResponse read_text read_bytes eval __self__
    trust_remote_code YAML kill terminate suspend send_signal
"""


def may_be_dangerous(text: str, new: str) -> bool:
    """Whether added lines have a word that leads to danger, or a name that the file gives to something dangerous."""
    if any(sign.search(text) for sign in (SECRET_PLACES, COMMANDS, URL, _ODD)):
        return True
    if any(found[1] in sys.stdlib_module_names for found in _REPLACES.finditer(text)):
        return True
    words = set(_WORD.findall(text))
    return not words.isdisjoint(_leading()) or not words.isdisjoint(_bound_in(new))


def _bound_in(source: str) -> set[str]:
    """The names that a file's imports bind to what is dangerous, and those that are simply set to one of them."""
    bound = {name for found in _imported(source) for name in _bound(found[1], found[2])}
    aliases = [(found[1], found[2]) for found in _ALIAS.finditer(source)] if bound else []
    for _ in range(_ALIASES):
        bound |= {name for name, value in aliases if value in bound}
    return bound


def bindings(source: str) -> list[ast.AST]:
    """The imports of a whole file, and where a name is simply set to another or to something of it."""
    statements = [found[0].strip() for found in _imported(source)]
    statements += [found[0].strip() for found in _ALIAS.finditer(source)]
    tree = parsed("\n".join(statements))
    return walked(tree) if tree else []


def _imported(source: str) -> Iterator[re.Match[str]]:
    """The import statements of a whole file."""
    done, at = 0, source.find("import")
    while at >= 0:
        line = source.rfind("\n", 0, at) + 1
        if line >= done and (found := _IMPORTED.match(source, line)):
            yield found
            done = found.end()
        at = source.find("import", max(at + 6, done))


def _bound(module: str | None, names: str) -> Iterator[str]:
    """The names an import statement binds, of modules that have or reach something dangerous."""
    root = (module or "").partition(".")[0]
    for one in names.strip("()").replace("\n", " ").split(","):
        name, _, alias = one.strip().partition(" as ")
        if (root or name.partition(".")[0]) in modules() or name.lstrip("_") in REACHED:
            yield (alias or name.partition(".")[0]).strip()


@lru_cache(1)
def _leading() -> frozenset[str]:
    """Words that lead to danger by themselves, or bring a module that does."""
    reached = {f"{lead}{name}" for name in REACHED for lead in ("", "_")}
    after_the_dot = {name.rpartition(".")[2] for name in attributes()}
    return modules() | after_the_dot | BUILTINS | {*_LOOKUPS.split(), *SHELLS_OF_BOTS} | reached
