"""The moving picture of the demo in README.md: `python -m tools.moving_picture` records one and draws it.

It shows what a run of `kintsugi demo --auto` printed, up to where the incident is healed. Only the pace is ours:
long waits are cut short, and what comes all at once comes line by line. The SVG holds no script. It moves by
CSS; without CSS, and for readers who want no motion, it shows the last screen.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "demo.svg"
_COLUMNS, _ROWS = 80, 24
_WIDE, _HIGH, _EDGE, _BAR = 8.4, 19, 16, 30  # of a character, a line, the margin, the title bar, in pixels
_QUICKEST, _SLOWEST, _READ, _END = 0.14, 1.2, 3.0, 6.0  # seconds: a line, a wait, a full screen, the last one
_PAPER, _INK = "#1b1c22", "#d8dae3"
_FAINT = "#8b90a0"
_SHADES = (_FAINT, "#ff7b8a", "#7ddc8b", "#f0c674", "#7aa2f7", "#c49bf0", "#6fd3e0", _INK)  # of the 8 colours of ANSI
_NO_TERMINAL = Console()  # Text.render asks one for its theme


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a terminal with its colours as SGR codes, and how long after the line before it, in seconds."""

    text: str
    after: float


def record(command: Sequence[str], folder: Path) -> Iterator[Line]:
    """What `command` prints in `folder`, as it comes. Raises CalledProcessError where it fails."""
    environment = os.environ | {
        "COLUMNS": str(_COLUMNS),
        "FORCE_COLOR": "1",
        "TERM": "xterm",
        "HOME": str(folder),
    }
    environment = {name: value for name, value in environment.items() if not name.startswith("KINTSUGI_")}
    before = time.monotonic()
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        for text in running.stdout:
            now = time.monotonic()
            yield Line(text.rstrip("\n").replace(str(folder), "~"), now - before)
            before = now
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)


def until_healed(lines: Iterable[Line]) -> Iterator[Line]:
    """Up to the line of stations behind the heading `INC-1 healed`: the history below repeats what was seen."""
    healed = False
    for line in lines:
        yield line
        plain = Text.from_ansi(line.text).plain
        healed = healed or plain.startswith("─")
        if healed and plain.rstrip().endswith("● healed"):
            return


def pace(lines: Sequence[Line]) -> list[float]:
    """When each line appears, in seconds from the first, at a pace that can be followed."""
    starts, now, at_once = [], 0.0, 0
    for line in lines:
        at_once = at_once + 1 if line.after < _QUICKEST else 0
        full = at_once and at_once % _ROWS == 0
        now += _READ if full else min(max(line.after, _QUICKEST), _SLOWEST)
        starts.append(now)
    return starts


def drawn(lines: Sequence[Line], title: str) -> str:
    """An SVG in which `lines` appear one after the other, scroll up, stay, and begin again."""
    starts = pace(lines)
    whole = starts[-1] + _END
    width, height = _COLUMNS * _WIDE + 2 * _EDGE, _ROWS * _HIGH + _BAR + 2 * _EDGE
    shown = len(lines)
    scrolled, covered = _steps(starts, whole, _scroll), _steps(starts, whole, _cover)
    rows = "\n".join(_row(number, Text.from_ansi(line.text)) for number, line in enumerate(lines))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img" aria-label="{escape(title)}">
<title>{escape(title)}</title>
<style>
text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }}
.up {{ transform: translateY({_scroll(shown)}px); animation: up {whole:.1f}s step-end infinite; }}
.cover {{ transform: translateY({_cover(shown)}px); animation: cover {whole:.1f}s step-end infinite; }}
@keyframes up {{ {scrolled} }}
@keyframes cover {{ {covered} }}
@media (prefers-reduced-motion: reduce) {{ .up, .cover {{ animation: none; }} }}
</style>
<rect width="{width:g}" height="{height}" rx="10" fill="{_PAPER}"/>
<g fill="#4a4d5a"><circle cx="22" cy="20" r="6"/><circle cx="42" cy="20" r="6"/><circle cx="62" cy="20" r="6"/></g>
<text x="{width / 2:g}" y="25" fill="#8b90a0" text-anchor="middle">{escape(title)}</text>
<svg x="{_EDGE}" y="{_BAR + _EDGE}" width="{_COLUMNS * _WIDE:g}" height="{_ROWS * _HIGH}">
<g class="up">
{rows}
<rect class="cover" width="100%" height="{_ROWS * _HIGH + _HIGH}" fill="{_PAPER}"/>
</g>
</svg>
</svg>
"""


def _scroll(shown: int) -> int:
    return -max(0, shown - _ROWS) * _HIGH


def _cover(shown: int) -> int:
    return shown * _HIGH


def _steps(starts: Sequence[float], whole: float, where: Callable[[int], int]) -> str:
    """Keyframes: from each start on, where a group is when so many lines are shown."""
    frames = {f"{100 * at / whole:.2f}%": where(shown) for shown, at in enumerate(starts, 1)}
    frames = {"0%": where(0), **frames, "100%": where(len(starts))}
    return " ".join(f"{at} {{ transform: translateY({pixels}px); }}" for at, pixels in frames.items())


def _row(number: int, text: Text) -> str:
    spans, column = [], 0
    for segment in text.render(_NO_TERMINAL):
        if segment.text.strip():
            spans.append(_span(segment.text, segment.style or Style(), column, number))
        column += segment.cell_length
    return "".join(spans)


def _span(text: str, style: Style, column: int, number: int) -> str:
    """One stretch of one look, as wide as its characters are in a terminal, in any font."""
    x, y = _WIDE * column, number * _HIGH + 14
    heavy = ' font-weight="bold"' if style.bold else ""
    size = f'textLength="{_WIDE * len(text):g}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{x:g}" y="{y}" fill="{_shade(style)}"{heavy} {size}>{escape(text)}</text>'


def _shade(style: Style) -> str:
    if style.color is not None and style.color.number is not None:
        return _SHADES[style.color.number % 8]
    return _FAINT if style.dim else _INK


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        demo = [str(Path(sys.executable).with_name("kintsugi")), "demo"]
        lines = list(until_healed(record([*demo, "--auto"], Path(folder).resolve())))
        subprocess.run([*demo, "--stop"], cwd=folder, check=True)
    PICTURE.write_text(drawn(lines, "kintsugi demo --auto"), encoding="utf-8")


if __name__ == "__main__":
    main()
