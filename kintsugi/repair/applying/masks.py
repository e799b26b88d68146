"""Replies about lines that were shown with a mask in the place of a secret.

A reply quotes such a line as it was shown. It is placed in the file as it was shown, too, and what the mask stands for
is put back into the lines that it keeps or changes. A mask that stands for nothing there is refused: else a file would
hold three asterisks where it held a password.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.applying.splices import Splice
from kintsugi.repair.applying.text import Text
from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact import MASK, redact_source

_MASK = re.compile(r"(?<!\*)\*\*\*(?!\*)")
_QUOTED = f'"{MASK}"'  # so it is shown where the file has a scalar without quotes
_EMPHASIS = re.compile(r"^\s*\*\*\*\s*$|\*\*\*(?=\w)|(?<=[\w.!?)])\*\*\*")  # Markdown's rule and its stressed words
_MARKDOWN = (".md", ".markdown", ".rst", ".txt")
_BEFORE, _AFTER = re.compile(r"[^\s\"'`]*\Z"), re.compile(r"[^\s\"'`]*")
_ALONE = re.compile(rf"[\"'`:=/@]{re.escape(MASK)}[\"'`]")
_PROBE = "Zq7wX2vT9k"  # hidden where something says that a secret stands there, and nowhere else
_NAME, _NAMES = re.compile(r"\w+"), 3


def has_mask(string: str) -> bool:
    """Whether a piece of text may quote a masked line."""
    return MASK in string


def as_shown(text: Text, path: str) -> Text:
    """The file as a model is shown it, with the lines behind the masks remembered."""
    shown = redact_source("\n".join(text.lines), path).split("\n")
    hidden = {at: line for at, line in enumerate(text.lines) if shown[at] != line}
    return replace(text, lines=tuple(shown), hidden=hidden) if hidden else text


def restored(one: Splice, text: Text, path: str, gone: Sequence[int]) -> list[str]:
    """The lines of a splice, with what their masks stand for. Raises Refused.

    `gone` are the masked lines that the whole change takes away: one of them may have moved here.
    """
    _refuse_twins(one, text, path)
    here = _behind([at for at in range(one.start, one.end) if at in text.hidden], text)
    elsewhere = _behind(gone, text)
    return [_restored(line, here, elsewhere, path) if gone and has_mask(line) else line for line in one.lines]


def _behind(places: Sequence[int], text: Text) -> _Behind:
    lines = [(text.lines[at], text.hidden[at]) for at in places]
    return _Behind(lines, [secret for shown, real in lines for secret in _secrets(shown, real)])


def _refuse_twins(one: Splice, text: Text, path: str) -> None:
    """Raises Refused where a line goes that looks, with its mask, like one next to what goes."""
    near = [at for at in (one.start - 1, one.end) if at in text.hidden]
    for at in range(one.start, one.end):
        twins = [other for other in near if text.lines[other] == text.lines[at]]
        if (
            at in text.hidden
            and text.lines[at] not in one.lines
            and any(text.hidden[twin] != text.hidden[at] for twin in twins)
        ):
            raise Refused(
                f"{path}: lines {at + 1} and {twins[0] + 1} are shown alike, {text.lines[at].strip()[:80]!r}, so which "
                "of them is to change cannot be told. Leave these lines as they are."
            )


def refuse_masks(path: str, before: bytes | None, after: bytes) -> None:
    """Raises Refused where the file would have more masks than it had.

    Asterisks of the program's own are none: `"*** error ***"`, `f"***{name}***"`. A mask stands where a secret would be
    hidden, or is all of a literal in a file that is shown with masks, or that is new; or it comes where a line goes
    that was shown with one.
    """
    if len(_masks(path, after)) <= len(_masks(path, before or b"")):
        return
    old, new = ((content or b"").decode("utf-8", "replace") for content in (before, after))
    known = Counter(old.splitlines())
    come = [line for line in (Counter(new.splitlines()) - known) if has_mask(line)]
    shown = redact_source(old, path)
    is_shown_masked = not old or shown != old
    gone = Counter(old.splitlines()) - Counter(new.splitlines())
    loses = any(line in gone for line, seen in zip(old.splitlines(), shown.splitlines(), strict=False) if line != seen)
    if (come and loses) or any(_hides(line, path) or (is_shown_masked and _ALONE.search(line)) for line in come):
        raise Refused(
            f"{path}: the change would write {MASK} into the file. That is what a secret is shown as. Keep the line as "
            "it was shown to you, or read the value from the environment or the settings."
        )


def _hides(line: str, path: str) -> bool:
    """Whether a secret in the place of the asterisks would be shown as they are."""
    probe = _MASK.sub(_PROBE, line)
    return redact_source(probe, path, excerpt=True) != probe


def _masks(path: str, content: bytes) -> list[re.Match[str]]:
    if MASK.encode() not in content:
        return []
    text = content.decode("utf-8", "replace")
    if path.lower().endswith(_MARKDOWN):
        text = re.sub(_EMPHASIS.pattern, "", text, flags=re.MULTILINE)
    return list(_MASK.finditer(text))


@dataclass(frozen=True, slots=True)
class _Secret:
    """What one mask stands for, and what stands around it within its literal and before that."""

    real: str
    before: str
    after: str
    name: str
    is_quoted: bool  # the quotes belong to the mask

    def likeness(self, line: str, place: re.Match[str]) -> int:
        """How much of what stands around a mask is as it was around this one; 0 is too little."""
        before, after, names = _around(line, place)
        same = (before == self.before) + (after == self.after)
        if same == 1 and not (before == self.before and before) and not (after == self.after and after):
            same = 0
        return 2 * same + 3 * (self.name in names)


@dataclass(frozen=True, slots=True)
class _Behind:
    """Masked lines as they are shown and as they are, and the secrets in them."""

    lines: list[tuple[str, str]]
    secrets: list[_Secret]


def _secrets(shown: str, real: str) -> Iterator[_Secret]:
    for mark in (MASK, _QUOTED):
        pattern = "(.*?)".join(map(re.escape, shown.split(mark)))
        if found := re.fullmatch(pattern, real, re.DOTALL):
            for place, secret in zip(_MASK.finditer(shown), found.groups(), strict=False):
                before, after, names = _around(shown, place)
                yield _Secret(secret, before, after, names[-1] if names else "", is_quoted=mark == _QUOTED)
            return


def _around(line: str, place: re.Match[str]) -> tuple[str, str, list[str]]:
    """What stands before and after a mask within its literal, and the last words before that."""
    before, after = _BEFORE.search(line, 0, place.start()), _AFTER.match(line, place.end())
    within = before[0] if before else ""
    names = _NAME.findall(line, 0, place.start() - len(within))
    return within, after[0] if after else "", names[-_NAMES:]


def _restored(line: str, here: _Behind, gone: _Behind, path: str) -> str:
    same = {real.strip() for shown, real in (*here.lines, *gone.lines) if shown.strip() == line.strip()}
    if len(same) == 1:
        return line[: len(line) - len(line.lstrip())] + same.pop() + line[len(line.rstrip()) :]
    pieces: list[str] = []
    at = 0
    for place in _MASK.finditer(line):
        secret = _meant(line, place, here.secrets, path) or _meant(line, place, gone.secrets, path)
        if secret is not None:
            wide = secret.is_quoted and line[place.start() - 1 : place.end() + 1] == _QUOTED
            pieces += (line[at : place.start() - wide], secret.real)
            at = place.end() + wide
    return "".join(pieces) + line[at:]


def _meant(line: str, place: re.Match[str], known: Sequence[_Secret], path: str) -> _Secret | None:
    """The secret that this mask stands for; None where it stands for none of these. Raises Refused."""
    likest = max((one.likeness(line, place) for one in known), default=0)
    meant = [one for one in known if one.likeness(line, place) == likest] if likest else []
    if len({one.real for one in meant}) > 1:
        raise Refused(
            f"{path}: the {MASK} in {line.strip()[:80]!r} may stand for several of the secrets there. Keep the names "
            "before them, or change one line at a time."
        )
    return meant[0] if meant else None
