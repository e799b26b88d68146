"""What the stand-in received, as a phone would show it: HTML and style sheet of our own, in the dark."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

_BLOCK = re.compile(r"```(?:\w+\n)?(?P<code>.*?)\n?```", re.DOTALL)
_INLINE = re.compile(
    r"\\(?P<escaped>[^\w\s])|`(?P<code>[^`]+)`|\*\*(?P<bold>.+?)\*\*|\[(?P<label>[^\]]+)\]\((?P<address>https?://[^)\s]+)\)"
    r"|<t:(?P<time>\d+):(?P<form>\w)>"
)
_STYLES = {1: "primary", 2: "secondary", 3: "success", 4: "danger"}


def page(room: str, messages: list[str]) -> str:
    """A phone's screen with these messages, made by `message()`."""
    head = f'<header><span class="back">\u2039</span><b># {html.escape(room)}</b></header>'
    return f"<!doctype html><meta charset=utf-8><style>{_CSS}</style><body>{head}<main>{''.join(messages)}</main>"


def message(shown: dict[str, Any], *, thread: str = "", asked: str = "", at: str = "03:00") -> str:
    """One message of the bot. `thread` hangs below it; `asked` is the command it answers, for one user alone."""
    above = f'<div class="asked">↱ {_inline(asked)}</div>' if asked else ""
    parts = [_text(shown["content"]), *map(_embed, shown["embeds"]), *map(_file, shown["files"])]
    parts += [_row(row) for row in shown["components"]]
    if thread:
        parts.append(f'<div class="thread"><b>{html.escape(thread)}</b><span>View thread \u203a</span></div>')
    if asked:
        parts.append('<div class="alone">👁 Only you can see this · <a>Dismiss message</a></div>')
    name = f'<b>Kintsugi</b><span class="app">✓ APP</span><time>Today at {at}</time>'
    return (
        f'<article>{above}<div class="face"></div><div class="body"><div>{name}</div>{"".join(parts)}</div></article>'
    )


def _embed(embed: dict[str, Any]) -> str:
    fields = "".join(
        f"<div class=field><b>{_inline(field['name'])}</b>{_text(field['value'])}</div>"
        for field in embed.get("fields", [])
    )
    title = f"<div class=title>{_inline(embed.get('title', ''))}</div>"
    described = _text(embed.get("description", ""))
    return f'<div class="embed" style="border-color:#{embed["color"]:06x}">{title}{described}{fields}</div>'


def _file(file: dict[str, Any]) -> str:
    size = len(file["text"].encode())
    kilobytes = f"{size / 1024:.1f} KB" if size >= 1024 else f"{size} bytes"
    return f'<div class="file"><i></i><div><a>{html.escape(file["filename"])}</a><small>{kilobytes}</small></div></div>'


def _row(row: dict[str, Any]) -> str:
    buttons = (
        f"<button class={_STYLES[each['style']]}>{html.escape(each['label'])}</button>" for each in row["components"]
    )
    return f'<div class="row">{"".join(buttons)}</div>'


def _text(text: str) -> str:
    """Discord's markdown, as far as we write it."""
    pieces, end = [], 0
    for block in _BLOCK.finditer(text):
        pieces += [_lines(text[end : block.start()]), _code(block["code"])]
        end = block.end()
    return "".join([*pieces, _lines(text[end:])])


def _lines(text: str) -> str:
    shown = (
        f"<blockquote>{_inline(line[2:])}</blockquote>" if line.startswith("> ") else f"<p>{_inline(line)}</p>"
        for line in text.strip("\n").split("\n")
    )
    return "".join(shown) if text.strip() else ""


def _code(code: str) -> str:
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = (
        f"<span class={kinds.get(line[:1], 'same')}>{html.escape(line)}\n</span>" for line in code.rstrip().split("\n")
    )
    return f"<pre>{''.join(lines)}</pre>"


def _inline(text: str) -> str:
    pieces, end = [], 0
    for found in _INLINE.finditer(text):
        pieces += [html.escape(text[end : found.start()]), _mark(found)]
        end = found.end()
    return "".join([*pieces, html.escape(text[end:])])


def _mark(found: re.Match[str]) -> str:
    if found["escaped"]:
        return html.escape(found["escaped"])
    if found["code"]:
        return f"<code>{html.escape(found['code'])}</code>"
    if found["bold"]:
        return f"<b>{_inline(found['bold'])}</b>"
    if found["label"]:
        return f"<a>{html.escape(found['label'])}</a>"
    moment = datetime.fromtimestamp(int(found["time"]), UTC)
    return f"<code class=time>{'4 minutes ago' if found['form'] == 'R' else f'{moment:%d %B %Y %H:%M}'}</code>"


_CSS = """
* { box-sizing: border-box; margin: 0 }
body { width: 412px; background: #1a1a1e; color: #dfe0e2; font: 15px/1.38 "Noto Sans", sans-serif }
header { padding: 13px 16px; background: #202024; border-bottom: 1px solid #2c2d32; font-size: 16px; color: #fbfbfb }
header .back { margin-right: 14px; color: #aaabb0; font-size: 22px; line-height: 0; vertical-align: -2px }
main { padding: 6px 0 18px }
article { padding: 12px 14px 2px; display: grid; grid-template-columns: 40px 1fr; column-gap: 12px }
.asked { grid-column: 2; font-size: 13px; color: #aaabb0; margin-bottom: 5px }
.face { grid-column: 1; width: 40px; height: 40px; border-radius: 50%; background:
  linear-gradient(62deg, transparent 47%, #e2b659 48%, #f7dc9a 51%, transparent 52%),
  linear-gradient(128deg, transparent 60%, #e2b659 61%, #f7dc9a 63%, transparent 64%),
  linear-gradient(8deg, transparent 34%, #e2b659 35%, #f7dc9a 37%, transparent 38%), #24455c }
.body { grid-column: 2; min-width: 0 }
.body > div:first-child { margin-bottom: 2px; color: #fbfbfb }
.app { margin: 0 7px; padding: 1px 5px; border-radius: 4px; background: #5865f2; color: #fff; font-size: 10.5px; font-weight: 600;
  vertical-align: 1px }
time { color: #94959c; font-size: 12px }
p { overflow-wrap: anywhere } p:empty { height: 8px }
a { color: #7bb0f5 }
blockquote { border-left: 4px solid #4e4f57; padding-left: 10px; color: #c7c8ce }
.embed { margin-top: 5px; padding: 11px 14px 13px; border-left: 4px solid; border-radius: 5px; background: #242429; font-size: 14px }
.title { font-weight: 700; font-size: 16px; color: #fbfbfb; margin-bottom: 5px }
.field { margin-top: 9px } .field > b { display: block; font-size: 13.5px; color: #fbfbfb; margin-bottom: 1px }
code { padding: 1px 4px; border-radius: 4px; background: #303036; font: 12.5px "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
code.time { font: inherit; background: #34353c }
pre { margin: 6px 0; padding: 9px 11px; border: 1px solid #34353c; border-radius: 6px; background: #242429;
  font: 11.5px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere }
.added { color: #7fd18c } .removed { color: #ef8b86 } .place { color: #8fb7f0 }
.row { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 9px }
button { padding: 8px 14px; border: 0; border-radius: 8px; color: #fff; font: 600 14px "Noto Sans", sans-serif }
.primary { background: #5865f2 } .secondary { background: #3b3c43 } .success { background: #1f8a4c } .danger { background: #c53a3f }
.file { display: flex; gap: 11px; align-items: center; margin-top: 7px; padding: 11px; border: 1px solid #34353c; border-radius: 8px;
  background: #242429 }
.file i { width: 26px; height: 34px; border-radius: 3px; background:
  linear-gradient(#8d97d6, #8d97d6) 6px 10px / 14px 2px no-repeat, linear-gradient(#8d97d6, #8d97d6) 6px 16px / 14px 2px no-repeat,
  linear-gradient(#8d97d6, #8d97d6) 6px 22px / 9px 2px no-repeat, #d6daf8 }
.file small { display: block; color: #94959c; font-size: 12px }
.thread { margin-top: 9px; padding: 9px 12px; border-radius: 8px; background: #242429; font-size: 13.5px; display: flex;
  justify-content: space-between; gap: 10px } .thread span { color: #7bb0f5; white-space: nowrap }
.thread b { font-weight: 600; color: #fbfbfb }
.alone { margin-top: 8px; color: #94959c; font-size: 12.5px }
"""
