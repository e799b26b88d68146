"""Python that this interpreter is too old to read, in words that it reads: for the question whether a file is whole."""

from __future__ import annotations

import sys

from kintsugi.telemetry import lazy_re as re

_FORMATTED = re.compile(
    r"\b(?:[rR]?[fFtT]|[fFtT][rR])(?:"
    r'"(?:[^"{}\\\n]|\\.|\{\{|\}\}|\{[^{}\n]*\})*"|' + r"'(?:[^'{}\\\n]|\\.|\{\{|\}\}|\{[^{}\n]*\})*')"
)
_TYPE = re.compile(r"^([ \t]*)type[ \t]+(\w+)[ \t]*(?:\[[^\]\n]*\][ \t]*)?=", re.MULTILINE)
_GENERIC = re.compile(r"^([ \t]*(?:async[ \t]+def|def|class)[ \t]+\w+)\[[^\n]*?\](?=[ \t]*[(:])", re.MULTILINE)
_EXCEPT = re.compile(r"^([ \t]*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)[ \t]*:", re.MULTILINE)


def in_older_words(source: str, version: tuple[int, int] = sys.version_info[:2]) -> str:
    """The same with what came after `version` written as it was before: quotes within the braces of formatted strings,
    `type` statements and type parameters (3.12: PEP 701, 695), several exceptions without brackets (3.14: PEP 758).
    """
    if version < (3, 12):
        source = _GENERIC.sub(r"\1", _TYPE.sub(r"\1\2 =", _FORMATTED.sub('""', source)))
    return _EXCEPT.sub(r"\1(\2):", source) if version < (3, 14) else source
