"""Where a source text's literals and comments are: a small lexer that knows what each of them ends with.

It reads any text without an error. Where it cannot tell, a place counts as code, which nobody touches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator
from enum import Enum
from typing import NamedTuple

from kintsugi.telemetry import lazy_re as re


class Kind(Enum):
    """What a stretch of a source text is."""

    STRING = "string"
    COMMENT = "comment"
    PLAIN = "plain"  # a scalar without quotes, as YAML has them


class Region(NamedTuple):
    """The inside of a literal or of a comment, `[start, end)`; its quotes are not in it."""

    start: int
    end: int
    kind: Kind


class Regions:
    """The literals and comments of a text, in order; none overlap."""

    def __init__(self, regions: list[Region]) -> None:
        self._all = regions
        self._starts = [region.start for region in regions]

    def at(self, place: int) -> Region | None:
        """The literal or comment in which this character stands."""
        found = bisect_right(self._starts, place) - 1
        return self._all[found] if found >= 0 and place < self._all[found].end else None

    def beginning_at(self, place: int) -> Region | None:
        """The literal whose first character stands here."""
        region = self.at(place)
        return region if region is not None and region.start == place else None

    def within(self, start: int, end: int) -> Iterator[Region]:
        """What of the stretch is inside of literals and comments, piece by piece."""
        for at in range(max(bisect_right(self._starts, start) - 1, 0), len(self._all)):
            region = self._all[at]
            if region.start >= end:
                return
            if region.end > start:
                yield Region(max(region.start, start), min(region.end, end), region.kind)


def regions(text: str, path: str = "") -> Regions | None:
    """The literals of a source text, by the name of its file; None for a text that is no code."""
    name = path.rpartition("/")[2].lower()
    suffix = name.rpartition(".")[2]
    if suffix in _PROSE or name.startswith(_PROSE_NAMES):
        return None
    if suffix in ("yml", "yaml"):
        return Regions([region for region in _yaml(text) if region.end > region.start])
    return Regions([region for region in _code(text, _FAMILIES.get(suffix, _UNKNOWN)) if region.end > region.start])


_PROSE = (
    *("env", "ini", "cfg", "conf", "toml", "properties", "md", "markdown", "rst", "txt", "csv", "tsv", "log", "sql"),
    *("sh", "bash", "zsh", "fish", "ps1", "tf", "tfvars", "hcl", "dockerfile", "pem", "key", "html", "htm", "xml"),
)
_PROSE_NAMES = (".env", "dockerfile", "makefile", "procfile", "readme", "license", "changelog")


class _Family(NamedTuple):
    """How a family of languages begins its literals and comments, and what stands for an expression within a string."""

    begins: re.Pattern[str]
    hole: re.Pattern[str] | None = None
    is_script: bool = False


_BLOCK, _SLASHES, _HASH = r"(?P<block>/\*)", r"(?P<line>//)", r"(?P<line>\#)"
_TRIPLE, _QUOTE, _BACK = r'(?P<triple>"""|\'\'\')', r"(?P<quote>[\"'])", r"(?P<back>`)"
_LIFETIME = r"(?P<skip>'(?!(?:\\[^\n']{1,10}|[^'\\\n])'))"  # Rust's: no quote


def _tokens(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts))


_IN_BRACES = r"\{[^{}\n]{0,400}(?:\{[^{}\n]{0,100}\}[^{}\n]{0,200}){0,3}\}?"
_PYTHON = _Family(_tokens(_HASH, rf"(?:(?<!\w)(?P<prefix>[bBfFrRtTuU]{{1,2}}))?(?:{_TRIPLE}|{_QUOTE})"))
_SCRIPT = _Family(_tokens(_BLOCK, _SLASHES, _BACK, _QUOTE, r"(?P<slash>/)", r"(?P<brace>[{}])"), is_script=True)
_GO = _Family(_tokens(_BLOCK, _SLASHES, _BACK, _QUOTE))
_JAVA = _Family(_tokens(_BLOCK, _SLASHES, _TRIPLE, _QUOTE), re.compile(rf"\${_IN_BRACES}"))
_RUST = _Family(_tokens(_BLOCK, _SLASHES, _LIFETIME, _QUOTE))
_RUBY = _Family(_tokens(_HASH, _QUOTE), re.compile(rf"\#{_IN_BRACES}"))
_PHP = _Family(_tokens(_BLOCK, r"(?P<line>\#|//)", _QUOTE), re.compile(r"\{\$[^{}\n]{0,400}\}?"))
_UNKNOWN = _Family(_tokens(r"(?P<line>(?<![^\s;])\#(?!\{)|(?<![:\w])//)", r"(?P<block>(?<!\S)/\*)", _TRIPLE, _QUOTE))
_IN_F = re.compile(rf"\{{\{{|{_IN_BRACES}")
_FAMILIES = {
    suffix: family
    for suffixes, family in (
        ("py pyi pyx", _PYTHON),
        ("js mjs cjs ts tsx jsx vue svelte", _SCRIPT),
        ("go", _GO),
        ("java kt kts scala swift groovy gradle c h cc cpp hpp cs m dart json json5", _JAVA),
        ("rs", _RUST),
        ("rb", _RUBY),
        ("php", _PHP),
    )
    for suffix in suffixes.split()
}

_LINE = re.compile(r"[^\n]*")
_INSIDES = {
    '"': re.compile(r'(?:[^"\\\n]++|\\[\s\S])*+'),
    "'": re.compile(r"(?:[^'\\\n]++|\\[\s\S])*+"),
    '"""': re.compile(r'(?:[^"\\]++|\\[\s\S]|"(?!""))*+'),
    "'''": re.compile(r"(?:[^'\\]++|\\[\s\S]|'(?!''))*+"),
    "`": re.compile(r"[^`]*+"),
}
_TEMPLATE = re.compile(r"(?:[^`\\$]++|\\[\s\S]|\$(?!\{))*+")
_PATTERN = re.compile(r"/(?:[^/\\\[\n]++|\\[^\n]|\[(?:[^\]\\\n]++|\\[^\n])*+\])++/[a-z]{0,8}")
_BEFORE_A_PATTERN = re.compile(
    r"(?:^|[(,=:\[!&|?{};+\-*%<>~^]|(?<![\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield))\s*$"
)


def _code(text: str, family: _Family) -> Iterator[Region]:
    at, depth = 0, 0
    templates: list[int] = []  # how deep in braces the expressions lie that templates are interrupted by
    while found := family.begins.search(text, at):
        what, at = found.lastgroup, found.end()
        if what in ("line", "block"):
            end = _end(_LINE, text, at) if what == "line" else _up_to("*/", text, at)
            yield Region(at, end, Kind.COMMENT)
            at = end
        elif what == "slash":
            pattern = _PATTERN.match(text, found.start())
            at = pattern.end() if pattern and _BEFORE_A_PATTERN.search(text, max(0, at - 40), at - 1) else at
        elif what == "brace":
            depth += 1 if found[0] == "{" else -1
        if family.is_script and (what == "back" or (templates and found[0] == "}" and depth == templates[-1])):
            if what == "brace":
                templates.pop()
            end = _end(_TEMPLATE, text, at)
            yield Region(at, end, Kind.STRING)
            at = end + 1
            if text.startswith("${", end):
                templates.append(depth)
                depth += 1
                at = end + 2
        elif what in ("quote", "triple", "back"):
            end = _end(_INSIDES[found[what]], text, at)
            if text.startswith(found[what], end):  # a quote without its fellow is none
                yield from _pieces(text, at, end, _hole_of(family, found))
                at = end + len(found[what])


def _end(inside: re.Pattern[str], text: str, at: int) -> int:
    found = inside.match(text, at)
    return found.end() if found else at


def _up_to(mark: str, text: str, at: int) -> int:
    end = text.find(mark, at)
    return len(text) if end < 0 else end


def _hole_of(family: _Family, found: re.Match[str]) -> re.Pattern[str] | None:
    prefix = found.groupdict().get("prefix") or ""
    return _IN_F if set(prefix.lower()) & {"f", "t"} else family.hole


def _pieces(text: str, start: int, end: int, hole: re.Pattern[str] | None) -> Iterator[Region]:
    """A literal without the expressions in it, which are code."""
    for found in hole.finditer(text, start, end) if hole else ():
        yield Region(start, found.start(), Kind.STRING)
        start = found.end()
    yield Region(start, end, Kind.STRING)


# A line of YAML: what it is set in by, its key, and the mark of a type; the scalar is what is left.
_YAML_LEAD = re.compile(
    r"[ \t]*(?:-[ \t]+)*"
    r"(?:(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'|[^\s#'\"\[\]{},&*!|>%@`:][^\n:#]{0,200}?(?::[^\s:][^\n:#]{0,200}?){0,8})"
    r"[ \t]*:(?=\s|$)[ \t]*)?(?:[!&]\S{1,100}[ \t]+)?"
)
_YAML_PLAIN = re.compile(r"[^\s#&*!|>%@`\[{](?:[^\n#]|(?<=\S)#)*")
_YAML_FLOW = re.compile(r"[^\s&*!|>%@`,\[\]{}\"'#:](?:[^\n,\[\]{}#:]|(?<=\S)[#:](?=\S))*(?P<key>:)?")
_YAML_INSIDES = {'"': re.compile(r'(?:[^"\\]++|\\[\s\S])*+'), "'": re.compile(r"(?:[^']++|'')*+")}
_YAML_COMMENT = re.compile(r"[ \t]*#")


def _yaml(text: str) -> Iterator[Region]:
    at = 0
    while at < len(text):
        lead = _YAML_LEAD.match(text, at)
        at = lead.end() if lead else at
        stop = _end(_LINE, text, at)
        scalar = _YAML_PLAIN.match(text, at, stop)
        if scalar and scalar[0][0] not in "\"'":
            end = at + len(scalar[0].rstrip())
            yield Region(at, end, Kind.PLAIN)
            at = end
        at = yield from _yaml_rest(text, at)


def _yaml_rest(text: str, at: int) -> Generator[Region, None, int]:
    """What stands on the line from here on, quoted scalars of many lines included; where the next one begins."""
    while at < len(text) and text[at] != "\n":
        flow = _YAML_FLOW.match(text, at)
        if text[at] in "\"'" and text.startswith(text[at], end := _end(_YAML_INSIDES[text[at]], text, at + 1)):
            yield Region(at + 1, end, Kind.STRING)
            at = end
        elif _YAML_COMMENT.match(text, at):
            end = _end(_LINE, text, at)
            yield Region(text.index("#", at) + 1, end, Kind.COMMENT)
            return end + 1
        elif flow:
            if not flow["key"]:
                yield Region(at, at + len(flow[0].rstrip()), Kind.PLAIN)
            at = flow.end() - 1
        at += 1
    return at + 1
