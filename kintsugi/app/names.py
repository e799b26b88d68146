"""The names of settings, in the environment and in `.env`: those that are none, and what is wrong with that file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from kintsugi.app.connectors import FAULT, Health
from kintsugi.app.settings import unknown_names

_ENV_FILE = Path(".env")
_MARK = "\ufeff"
_QUOTED = re.compile(r"""^[ \t]*(?:export[ \t]+)?\w+[ \t]*=[ \t]*(?:"[^"]*"|'[^']*')""", re.MULTILINE)
_COMMENT = re.compile(r"^(?P<set>\s*[A-Za-z_]\w*\s*=\s*[^'\"#\s][^#]*?)\s+#\s*(?P<said>.*)$")


def misspelt(file: Path = _ENV_FILE) -> list[Health]:
    """Each name with our prefix that is no setting, in the environment and in `.env`."""
    in_file = re.findall(r"(?m)^\s*(?:export\s+)?(\w+)\s*=", "\n".join(_lines(file))) if file.is_file() else []
    wrong = unknown_names(dict.fromkeys((*os.environ, *in_file)))
    return [_misspelt(name, meant, file if name in in_file else None) for name, meant in sorted(wrong.items())]


def _misspelt(name: str, meant: str, file: Path | None) -> Health:
    says = f"{name} is not a setting" + (f". Did you mean {meant}?" if meant else "; docs/settings.md lists them all.")
    fix = _renaming(file, name, meant) if file and meant else None
    return Health("name", FAULT, says, fix)


def _renaming(file: Path, name: str, meant: str) -> Callable[[], str]:
    def fix() -> str:
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(rf"(?m)^(\s*(?:export\s+)?){re.escape(name)}(?=\s*=)", rf"\g<1>{meant}", text))
        return f"renamed {name} to {meant} in {file}"

    return fix


def env_file(file: Path = _ENV_FILE) -> list[Health]:
    """Who may read it, and whether systemd reads it as we do."""
    if not file.is_file():
        return []
    found = []
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        says = f"{file} can be read by other users of this machine, and holds secrets. Run `chmod 600 {file}`."
        found.append(Health(".env", FAULT, says, lambda: _made_private(file)))
    if _lines(file)[:1] and _lines(file)[0].startswith(_MARK):
        says = f"{file} begins with a byte order mark, so its first line is not read. Save it as UTF-8 without one."
        found.append(Health(".env", FAULT, says, lambda: _unmarked(file)))
    if where := _where(file, lambda line: bool(_COMMENT.match(line))):
        says = f"{file}, {where}: a comment after a value is part of it for systemd. Put it on a line of its own."
        found.append(Health(".env", FAULT, says, lambda: _moved_comments(file)))
    if where := _where(file, _sets_nothing, _QUOTED.sub(_first_line, _text(file)).splitlines()):
        found.append(Health(".env", FAULT, f"{file}, {where}: not NAME=value, so it sets nothing. Mend or remove it."))
    return found


def _sets_nothing(line: str) -> bool:
    return bool(line.strip()) and "=" not in line and not line.strip().startswith("#")


def _first_line(quoted: re.Match[str]) -> str:
    """A quoted value over several lines, such as a key, with the others empty: they are counted, and belong to it."""
    first, *others = quoted[0].splitlines()
    return first + "\n" * len(others)


def _where(file: Path, is_wrong: Callable[[str], bool], lines: list[str] | None = None) -> str:
    """The lines that are, in words; "" where none is."""
    read = _lines(file) if lines is None else lines
    lines = [str(number) for number, line in enumerate(read, 1) if is_wrong(line)]
    if not lines:
        return ""
    return f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(lines[:5])}"


def _unmarked(file: Path) -> str:
    file.write_text(file.read_text(encoding="utf-8").removeprefix(_MARK), encoding="utf-8")
    return f"{file} begins with its first line now"


def _lines(file: Path) -> list[str]:
    return _text(file).splitlines()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _made_private(file: Path) -> str:
    file.chmod(0o600)
    return f"only you can read {file} now"


def _moved_comments(file: Path) -> str:
    lines: list[str] = []
    for line in _lines(file):
        found = _COMMENT.match(line)
        lines += [f"# {found['said']}", found["set"]] if found else [line]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"each comment of {file} has a line of its own now"
