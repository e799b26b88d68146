"""Damaged replies made from the history of a git repository, each with the tree that it should lead to.

A commit is cut into hunks as a model would quote them; each damage spoils them in one way; each format writes them
down. A reply that says too little to find its place is expected to be refused.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath

from kintsugi.workflow.patch import ReplyFormat

CONTEXT = 3
_MOST_FILES, _MOST_LINES, _LARGEST = 4, 120, 200_000

_PLACEHOLDER = re.compile(r"\s*(#|//) ?\.\.\.\s*$")  # sent by a model it stands for code, and is refused

Line = tuple[str, str]  # operation (" ", "-" or "+"), text


@dataclass(frozen=True)
class Piece:
    """One hunk: its lines, and the claims of its header."""

    lines: tuple[Line, ...]
    start: int
    counts: tuple[int, int] | None = None
    numbered: bool = True

    @property
    def old(self) -> list[str]:
        return [text for op, text in self.lines if op != "+"]

    @property
    def new(self) -> list[str]:
        return [text for op, text in self.lines if op != "-"]


@dataclass(frozen=True)
class Changed:
    """One file of a commit: `named` is the path as the reply gives it."""

    path: str
    named: str
    before: str
    after: str
    pieces: tuple[Piece, ...]
    sent: str = ""  # the whole file as the reply gives it


@dataclass(frozen=True)
class Fix:
    """What a commit changed, and the whole tree before it."""

    commit: str
    files: tuple[Changed, ...]
    tree: Mapping[str, bytes]


@dataclass(frozen=True)
class Reply:
    """A damaged reply. `expected` is None where it must be refused; then a result is a wrong tree.

    `format` is what it is written in: that of `ReplyFormat`, or another form of edits.
    """

    format: str
    damage: str
    text: str
    tree: Mapping[str, bytes]
    expected: Mapping[str, bytes] | None


def fixes(repository: Path, commits: int, seed: int = 0) -> Iterator[Fix]:
    """Commits of the history that changed some text files, spread over it."""
    log = _git(repository, "log", "--no-merges", "--format=%H", "--diff-filter=M").decode().split()
    random.Random(seed).shuffle(log)
    found = 0
    for commit in log:
        if found == commits:
            return
        if fix := _fix(repository, commit):
            found += 1
            yield fix


def replies(fix: Fix, seed: int = 0) -> Iterator[Reply]:
    """The fix in every format with every damage that changes it."""
    for format in _WRITERS:
        for damage in _DAMAGES:
            if format in damage.formats:
                chance = random.Random(f"{seed}{fix.commit}{format}{damage.name}")
                damaged = damage.spoil(fix, chance)
                if damaged is not None and (reply := _reply(damaged, format, damage, chance)):
                    yield reply


def _fix(repository: Path, commit: str) -> Fix | None:
    raw = _git(repository, "diff-tree", "-r", "--no-renames", "--no-commit-id", "-z", commit).decode("utf-8", "replace")
    fields = raw.split("\0")[:-1]
    entries = [(about.split(), path) for about, path in zip(fields[::2], fields[1::2], strict=True)]
    if not 1 <= len(entries) <= _MOST_FILES or any(about[4] != "M" or about[0] != ":100644" for about, _ in entries):
        return None
    files = []
    for about, path in entries:
        before, after = (_git(repository, "cat-file", "blob", sha) for sha in about[2:4])
        if changed := _changed(path, before, after):
            files.append(changed)
    if len(files) != len(entries) or any(_PLACEHOLDER.match(line) for file in files for line in _added(file)):
        return None
    return Fix(commit, tuple(files), _tree(repository, commit, files))


def _added(file: Changed) -> Iterator[str]:
    return (text for piece in file.pieces for op, text in piece.lines if op == "+")


def _changed(path: str, before: bytes, after: bytes) -> Changed | None:
    if b"\0" in before + after or b"\r" in before + after or len(before) > _LARGEST or not before.strip():
        return None
    if PurePosixPath(path).suffix not in (".py", ".md", ".rst", ".txt", ".toml", ".cfg", ".js", ".html", ".c", ".yml"):
        return None
    try:
        old, new = before.decode(), after.decode()
    except UnicodeDecodeError:
        return None
    if not old.endswith("\n") or not new.endswith("\n"):
        return None
    pieces = _telling_pieces(old, new)
    lines = sum(op != " " for piece in pieces for op, _ in piece.lines)
    return Changed(path, path, old, new, pieces, new) if pieces and lines <= _MOST_LINES else None


def _telling_pieces(old: str, new: str) -> tuple[Piece, ...]:
    """Hunks with as much context as makes each one's old text stand once in the file; none where none does."""
    for context in range(CONTEXT, 3 * CONTEXT):
        pieces = _pieces(old.split("\n")[:-1], new.split("\n")[:-1], context)
        if all(old.count("".join(f"{line}\n" for line in piece.old)) == 1 for piece in pieces):
            return pieces
    return ()


def _pieces(old: Sequence[str], new: Sequence[str], context: int) -> tuple[Piece, ...]:
    pieces = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        lines: list[Line] = []
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += [(" ", text) for text in old[old_from:old_to]]
            else:
                lines += [("-", text) for text in old[old_from:old_to]]
                lines += [("+", text) for text in new[new_from:new_to]]
        pieces.append(Piece(tuple(lines), group[0][1] + 1))
    return tuple(pieces)


def _tree(repository: Path, commit: str, files: Sequence[Changed]) -> dict[str, bytes]:
    """The changed files and what else stands beside them, for paths that are wrong."""
    tree = {file.path: file.before.encode() for file in files}
    folders = {str(PurePosixPath(path).parent) for path in tree}
    listed = _git(repository, "ls-tree", "-r", "-z", f"{commit}^").decode("utf-8", "replace").split("\0")[:-1]
    for entry in listed:
        about, _, path = entry.partition("\t")
        near = str(PurePosixPath(path).parent) in folders or any(path.endswith(PurePosixPath(one).name) for one in tree)
        if path not in tree and near and about.startswith("100644") and len(tree) < 40:
            tree[path] = _git(repository, "cat-file", "blob", about.split()[2])
    return tree


def _git(repository: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=True).stdout


# --- writing a fix down ------------------------------------------------------------------------------------------


def _reply(fix: Fix, format: str, damage: Damage, chance: random.Random) -> Reply | None:
    written = _WRITERS[format](fix, chance)
    if written is None:
        return None
    text = damage.wrap(written, format, chance)
    tree = damage.tree(fix)
    of_another = any(one.named != one.path and one.named in fix.tree for one in fix.files)  # a file by that name
    refused = damage.refused or of_another
    expected = None if refused else {**tree, **{one.path: damage.result(one) for one in fix.files}}
    return Reply(format, damage.name, text, tree, expected)


def _edits(fix: Fix, chance: random.Random) -> str | None:
    edits = []
    for file in fix.files:
        for piece in file.pieces:
            edit: dict[str, object] = {
                "path": file.named,
                "search": "".join(f"{line}\n" for line in piece.old),
                "replace": "".join(f"{line}\n" for line in piece.new),
            }
            edits.append(edit)
    return json.dumps({"edits": edits}, indent=1, ensure_ascii=chance.random() < 0.5)


def _udiff(fix: Fix, chance: random.Random) -> str | None:
    out = []
    for file in fix.files:
        prefixes = ("a/", "b/") if file.named == file.path else ("", "")
        out += [f"--- {prefixes[0]}{file.named}", f"+++ {prefixes[1]}{file.named}"]
        offset = 0
        for piece in file.pieces:
            old, new = piece.counts or (len(piece.old), len(piece.new))
            numbers = f" -{piece.start},{old} +{max(piece.start + offset, 0)},{new} " if piece.numbered else " "
            out += [f"@@{numbers}@@", *(op + text for op, text in piece.lines)]
            offset += new - old
    return "\n".join(out) + "\n"


def _v4a(fix: Fix, chance: random.Random) -> str | None:
    out = ["*** Begin Patch"]
    for file in fix.files:
        out.append(f"*** Update File: {file.named}")
        for piece in file.pieces:
            out += [_anchor(file, piece), *(op + text for op, text in piece.lines)]
    return "\n".join([*out, "*** End Patch"]) + "\n"


def _anchor(file: Changed, piece: Piece) -> str:
    if not piece.numbered:
        return "@@"
    above = file.before.split("\n")[: piece.start - 1]
    return next((f"@@ {line.strip()}" for line in reversed(above) if re.match(r"\s*(def|class) ", line)), "@@")


def _whole(fix: Fix, chance: random.Random) -> str | None:
    if any("```" in file.sent for file in fix.files):
        return None
    return "\n\n".join(f"{file.named}\n```python\n{file.sent}```" for file in fix.files) + "\n"


def _blocks(fix: Fix, chance: random.Random) -> str | None:
    """SEARCH/REPLACE blocks, in one of the ways to give their path."""
    if any(re.match(r"\s*={5,9}\s*$", text) for file in fix.files for piece in file.pieces for _, text in piece.lines):
        return None
    width, way, out = chance.randint(5, 9), chance.randrange(6), list[str]()
    for file in fix.files:
        for piece in file.pieces:
            old, new = ("".join(f"{line}\n" for line in side) for side in (piece.old, piece.new))
            block = f"{'<' * width} SEARCH\n{old}{'=' * width}\n{new}{'>' * width} REPLACE\n"
            if way == 5:
                block = block.replace("<" * width + " SEARCH", "------- SEARCH").replace(
                    ">" * width + " R", "+++++++ R"
                )
            out.append(_BLOCK_WAYS[way].format(path=file.named, block=block))
    return "\n".join(out)


_BLOCK_WAYS = (
    "{path}\n```python\n{block}```\n",
    "```python\n{path}\n{block}```\n",
    "```python {path}\n{block}```\n",
    "**`{path}`**\n\n{block}",
    "### {path}\n\n```\n{block}```\n",
    "<replace_in_file>\n<path>{path}</path>\n<diff>\n{block}</diff>\n</replace_in_file>\n",
)


def _calls(fix: Fix, chance: random.Random) -> str | None:
    """One call of an editing tool for each hunk, in the fields of one of the tools."""
    names = chance.choice((("path", "old_str", "new_str"), ("file_path", "old_string", "new_string")))
    edits = [
        dict(
            zip(
                names,
                (file.named, *("".join(f"{line}\n" for line in side) for side in (piece.old, piece.new))),
                strict=True,
            )
        )
        for file in fix.files
        for piece in file.pieces
    ]
    return "\n".join(json.dumps(edit) for edit in edits)


def _tags(fix: Fix, chance: random.Random) -> str | None:
    """Edits in tags."""
    search, wanted = chance.choice((("search", "replace"), ("old_str", "new_str"), ("old_string", "new_string")))
    edits = [
        f"<edit>\n<path>{file.named}</path>\n<{search}>\n{_text(piece.old)}</{search}>\n"
        f"<{wanted}>\n{_text(piece.new)}</{wanted}>\n</edit>\n"
        for file in fix.files
        for piece in file.pieces
    ]
    return "".join(edits)


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


BLOCKS, CALLS, TAGS = "blocks", "calls", "tags"
_WRITERS: dict[str, Callable[[Fix, random.Random], str | None]] = {
    ReplyFormat.EDITS: _edits,
    ReplyFormat.UDIFF: _udiff,
    ReplyFormat.V4A: _v4a,
    ReplyFormat.WHOLE: _whole,
    BLOCKS: _blocks,
    CALLS: _calls,
    TAGS: _tags,
}


# --- damages -----------------------------------------------------------------------------------------------------

_HUNKS = (ReplyFormat.EDITS, ReplyFormat.UDIFF, ReplyFormat.V4A, BLOCKS, CALLS, TAGS)
_ALL = (*_HUNKS, ReplyFormat.WHOLE)


def _same(fix: Fix, chance: random.Random) -> Fix | None:
    return fix


def _unwrapped(text: str, format: str, chance: random.Random) -> str:
    return text


def _as_it_was(fix: Fix) -> Mapping[str, bytes]:
    return fix.tree


def _after(file: Changed) -> bytes:
    return file.after.encode()


@dataclass(frozen=True)
class Damage:
    name: str
    formats: tuple[str, ...] = _ALL
    spoil: Callable[[Fix, random.Random], Fix | None] = _same
    wrap: Callable[[str, str, random.Random], str] = _unwrapped
    tree: Callable[[Fix], Mapping[str, bytes]] = _as_it_was
    result: Callable[[Changed], bytes] = _after
    refused: bool = False


def _by_piece(
    spoil: Callable[[Piece, random.Random, Changed], Piece | None],
) -> Callable[[Fix, random.Random], Fix | None]:
    """A damage to a fix from one to a hunk; None where no hunk was changed."""

    def spoiled(fix: Fix, chance: random.Random) -> Fix | None:
        done, files = False, []
        for file in fix.files:
            pieces = [spoil(piece, chance, file) for piece in file.pieces]
            done = done or any(pieces)
            kept = tuple(new or old for new, old in zip(pieces, file.pieces, strict=True))
            files.append(replace(file, pieces=kept))
        return replace(fix, files=tuple(files)) if done else None

    return spoiled


def _by_text(change: Callable[[list[str]], list[str]]) -> Callable[[Fix, random.Random], Fix | None]:
    """A damage to every line of hunks and whole files alike."""

    def spoiled(fix: Fix, chance: random.Random) -> Fix | None:
        files = []
        for file in fix.files:
            pieces = []
            for piece in file.pieces:
                texts = change([text for _, text in piece.lines])
                lines = tuple((op, text) for (op, _), text in zip(piece.lines, texts, strict=True))
                pieces.append(replace(piece, lines=lines))
            sent = "\n".join([*change(file.sent.split("\n")[:-1]), ""])
            files.append(replace(file, pieces=tuple(pieces), sent=sent))
        spoiled = replace(fix, files=tuple(files))
        return None if spoiled == fix else spoiled

    return spoiled


def _wrong_numbers(piece: Piece, chance: random.Random, file: Changed) -> Piece:
    counts = (len(piece.old) + chance.randint(-3, 3), len(piece.new) + chance.randint(-3, 3))
    return replace(piece, start=max(1, piece.start + chance.randint(-40, 40)), counts=counts)


def _no_numbers(piece: Piece, chance: random.Random, file: Changed) -> Piece:
    return replace(piece, numbered=False)


def _far_context(piece: Piece) -> list[int]:
    """Unchanged lines that stand next to no change, blank lines aside: next to one they tell where it belongs."""
    telling = [at for at, (op, text) in enumerate(piece.lines) if op != " " or text.strip()]
    return [
        at
        for above, at, below in zip([None, *telling], telling, [*telling[1:], None], strict=False)
        if all(piece.lines[near][0] == " " for near in (above, at, below) if near is not None)
    ]


def _any_context(piece: Piece) -> list[int]:
    return [at for at, (op, text) in enumerate(piece.lines) if op == " " and len(text.strip()) > 6]


def _with_line(piece: Piece, at: int, *lines: Line) -> Piece:
    return replace(piece, lines=(*piece.lines[:at], *lines, *piece.lines[at + 1 :]))


def _mistyped(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = _any_context(piece)
    if not places:
        return None
    at = chance.choice(places)
    return _with_line(piece, at, (" ", _typo(piece.lines[at][1], chance)))


def _mistyped_old(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = [at for at, (op, text) in enumerate(piece.lines) if op == "-" and len(text.strip()) > 12]
    if not places:
        return None
    at = chance.choice(places)
    mistyped = _typo(piece.lines[at][1], chance)
    return None if mistyped in piece.new else _with_line(piece, at, ("-", mistyped))  # what it says is then no change


def _typo(text: str, chance: random.Random) -> str:
    letters = [at for at, character in enumerate(text[:-1]) if character.isalpha()]  # another digit is another number
    at = chance.choice(letters or [0])
    match chance.randrange(3):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case _:
            return text[:at] + text[at] + text[at:]


def _stale(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = _far_context(piece)
    if not places:
        return None
    at = chance.choice(places)
    text = piece.lines[at][1]
    words = re.findall(r"\w+", text)
    if chance.random() < 0.5 and words:
        return _with_line(
            piece, at, (" ", text.replace(chance.choice(words), chance.choice(("value", "result", "obj"))))
        )
    return _with_line(piece, at, (" ", text), (" ", text[: len(text) - len(text.lstrip())] + "check_again(state)"))


def _elided(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = [at for at in _far_context(piece) if 0 < at < len(piece.lines) - 1]
    return _with_line(piece, chance.choice(places)) if places else None


def _elided_marked(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = [at for at in _far_context(piece) if 0 < at < len(piece.lines) - 1]
    marker = chance.choice(("...", "# ...", "    # ... existing code ...", "…"))
    return _with_line(piece, chance.choice(places), (" ", marker)) if places else None


def _no_blanks(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    kept = [at for at in range(len(piece.lines)) if piece.lines[at][0] != " " or piece.lines[at][1].strip()]
    beside = any(
        not piece.lines[at][1].strip()
        and any(piece.lines[near][0] == "+" for near in (at - 1, at + 1) if 0 <= near < len(piece.lines))
        for at in range(len(piece.lines))
        if piece.lines[at][0] == " "
    )
    if beside or len(kept) == len(piece.lines):
        return None
    return replace(piece, lines=tuple(piece.lines[at] for at in kept))


def _little_context(fix: Fix, chance: random.Random) -> Fix | None:
    files = []
    for file in fix.files:
        pieces = _pieces(file.before.split("\n")[:-1], file.after.split("\n")[:-1], 1)
        text = f"\n{file.before}"
        if any(text.count("\n" + "\n".join(piece.old) + "\n") != 1 for piece in pieces):
            return None
        files.append(replace(file, pieces=pieces))
    return replace(fix, files=tuple(files))


def _ambiguous(fix: Fix, chance: random.Random) -> Fix | None:
    """Every file's block twice in the file, so that nothing tells which is meant."""
    file = fix.files[0]
    piece = file.pieces[0]
    old = "\n".join(piece.old)
    if len(fix.files) > 1 or len(file.pieces) > 1 or not any(len(line.strip()) > 8 for line in piece.old):
        return None
    before = f"{file.before}\n\n{old}\n\n"
    doubled = replace(file, before=before, pieces=(replace(piece, numbered=False),))
    return replace(fix, files=(doubled,), tree={**fix.tree, file.path: before.encode()})


def _twin(fix: Fix, chance: random.Random) -> Fix | None:
    """The hunk stands at the end of its file too; where it is meant, one of its lines has changed since."""
    file = fix.files[0]
    piece = file.pieces[0]
    places = [at for at in _far_context(piece) if len(piece.lines[at][1].strip()) > 12]
    if len(fix.files) > 1 or len(file.pieces) > 1 or not places:
        return None
    lines = file.before.split("\n")
    at = piece.start - 1 + sum(op != "+" for op, _ in piece.lines[: chance.choice(places)])
    lines[at] = _typo(lines[at], chance)
    before = "\n".join([*lines, "", "", *piece.old, "", ""])
    if before.count("\n".join(piece.old)) != 1:
        return None
    return replace(fix, files=(replace(file, before=before),), tree={**fix.tree, file.path: before.encode()})


def _done(fix: Fix) -> dict[str, bytes]:
    return {**fix.tree, **{file.path: file.after.encode() for file in fix.files}}


def _half_done(fix: Fix) -> dict[str, bytes]:
    return {**fix.tree, fix.files[0].path: fix.files[0].after.encode()}


def _of_several(fix: Fix, chance: random.Random) -> Fix | None:
    return fix if len(fix.files) > 1 else None


def _lazy(fix: Fix, chance: random.Random) -> Fix | None:
    """An added line that stands for code."""
    marker = chance.choice(
        (
            "# ... rest unchanged",
            "# ... existing code ...",
            "# rest of the function remains the same",
            "# (keep the remaining lines)",
            "// ... existing code ...",
            "# ... rest of the file unchanged",
        )
    )
    file = fix.files[0]
    added = [at for at, (op, _) in enumerate(file.pieces[0].lines) if op == "+"]
    lines = file.sent.split("\n")
    if not added or len(lines) < 30:
        return None
    at = added[-1] + 1
    piece = file.pieces[0]
    piece = replace(piece, lines=(*piece.lines[:at], ("+", marker), *piece.lines[at:]))
    sent = "\n".join([*lines[:10], marker, *lines[-8:]])
    changed = replace(file, pieces=(piece, *file.pieces[1:]), sent=sent)
    return replace(fix, files=(changed, *fix.files[1:]))


def _dedented(texts: list[str]) -> list[str]:
    return textwrap.dedent("\n".join(texts)).split("\n")


def _deeper(texts: list[str]) -> list[str]:
    return [f"    {text}" if text.strip() else text for text in texts]


def _tabbed(texts: list[str]) -> list[str]:
    return [re.sub(r"^(?: {4})+", lambda m: "\t" * (len(m[0]) // 4), text) for text in texts]


def _halved(texts: list[str]) -> list[str]:
    return [re.sub(r"^(?: {4})+", lambda m: "  " * (len(m[0]) // 4), text) for text in texts]


def _only_in_hunks(change: Callable[[list[str]], list[str]]) -> Callable[[Fix, random.Random], Fix | None]:
    """Only where the lines are set in by fours and not by what a text aligns."""

    def spoiled(fix: Fix, chance: random.Random) -> Fix | None:
        texts = [text for file in fix.files for piece in file.pieces for _, text in piece.lines if text.strip()]
        plain = all((len(text) - len(text.lstrip())) % 4 == 0 and "\t" not in text for text in texts)
        python = all(file.path.endswith(".py") for file in fix.files)
        plain = plain and not any(
            text and not text.strip() for file in fix.files for piece in file.pieces for _, text in piece.lines
        )
        return _by_text(change)(fix, chance) if plain and python else None

    return spoiled


def _trimmed(texts: list[str]) -> list[str]:
    return [text.rstrip() for text in texts]


def _trailing(piece: Piece, chance: random.Random, file: Changed) -> Piece:
    return replace(piece, lines=tuple((op, text if op == "+" else f"{text}  ") for op, text in piece.lines))


def _curly(texts: list[str]) -> list[str]:
    return [re.sub(r'"([^"]*)"', "\u201c\\1\u201d", text).replace("'", "\u2019") for text in texts]


def _curled(fix: Fix, chance: random.Random) -> Fix | None:
    if any(mark in file.before + file.after for file in fix.files for mark in "\u201c\u201d\u2018\u2019"):
        return None
    if any(not file.path.endswith(".py") for file in fix.files):
        return None
    return _by_text(_curly)(fix, chance)


def _listed(fix: Fix, chance: random.Random) -> Fix | None:
    """Each line with its number, as copied from a listing."""
    written = chance.choice(("{:>4} | {}", "{}: {}", "{:>6}\t{}", "{:4d}│ {}"))
    files = []
    for file in fix.files:
        pieces = []
        for piece in file.pieces:
            at, lines = piece.start, list[Line]()
            for op, text in piece.lines:
                lines.append((op, text if op == "+" else written.format(at, text)))
                at += op != "+"
            pieces.append(replace(piece, lines=tuple(lines)))
        sent = "".join(f"{written.format(n, line)}\n" for n, line in enumerate(file.sent.split("\n")[:-1], 1))
        files.append(replace(file, pieces=tuple(pieces), sent=sent))
    return replace(fix, files=tuple(files))


def _escaped(text: str, format: str, chance: random.Random) -> str:
    loaded = json.loads(text)
    for edit in loaded["edits"]:
        for name in ("search", "replace"):
            edit[name] = json.dumps(edit[name])[1:-1]
    return json.dumps(loaded)


def _renamed(change: Callable[[str, random.Random], str]) -> Callable[[Fix, random.Random], Fix | None]:
    def spoiled(fix: Fix, chance: random.Random) -> Fix | None:
        files = [replace(file, named=change(file.path, chance)) for file in fix.files]
        renamed = replace(fix, files=tuple(files))
        return None if renamed == fix else renamed

    return spoiled


def _without_first(path: str, chance: random.Random) -> str:
    return path.split("/", 1)[-1]


def _elsewhere(path: str, chance: random.Random) -> str:
    return chance.choice((f"/srv/app/{path}", f"project/{path}", f"lib/{path.rpartition('/')[2]}", f"./{path}"))


def _in_prose(text: str, format: str, chance: random.Random) -> str:
    before = "The crash comes from a missing check. Here is the fix:\n\n"
    after = "\n\nThis keeps the behaviour of everything else.\n\n- Tested by hand\n- No change of interface\n"
    if format is ReplyFormat.WHOLE:
        return before + text + after
    if format in (BLOCKS, TAGS):
        return before + text + after
    info = {ReplyFormat.EDITS: "json", CALLS: "json", ReplyFormat.UDIFF: "diff", ReplyFormat.V4A: ""}[format]
    text = text if text.endswith("\n") else f"{text}\n"
    return f"{before}```{info}\n{text}```{after}"


def _with_crlf(text: str, format: str, chance: random.Random) -> str:
    return text.replace("\n", "\r\n")


_LAST_UNIT: dict[str, tuple[str, str]] = {  # what the last change of a reply begins with, and what closes it
    ReplyFormat.EDITS: (r'"path":', r"\]"),
    ReplyFormat.UDIFF: (r"^@@", r"^[+-]"),
    ReplyFormat.V4A: (r"^\*\*\* Update", r"^\*\*\* End"),
    ReplyFormat.WHOLE: (r"^```python", r"^```$"),
    BLOCKS: (r"SEARCH$", r"REPLACE$"),
    CALLS: (r'^\{"', r"\}$"),
    TAGS: (r"^<path>", r"^</(?:replace|new_str|new_string)>"),
}


def _cut(text: str, format: str, chance: random.Random) -> str:
    """Cut off within the last change, or before its last line that adds or drops one."""
    opening, closing = (re.compile(one, re.MULTILINE) for one in _LAST_UNIT[format])
    start, end = ([found.start() for found in one.finditer(text)][-1] for one in (opening, closing))
    at = chance.randint(start + 3, end - 1)
    return text[:at] if format == CALLS else text[: text.find("\n", at, end) + 1 or end]


def _headless(text: str, format: str, chance: random.Random) -> str:
    """Each file's hunks in a block of their own, with the path in the prose above."""
    sections = re.split(r"^--- .*\n\+\+\+ (?:b/)?(.*)\n", text, flags=re.MULTILINE)[1:]
    pairs = zip(sections[::2], sections[1::2], strict=True)
    return "\n".join(f"In `{path}` the check is missing:\n\n```diff\n{body}```\n" for path, body in pairs)


def _lost_spaces(text: str, format: str, chance: random.Random) -> str:
    return "\n".join(line[1:] if line.startswith(" ") else line for line in text.split("\n"))


def _crlf_tree(fix: Fix) -> dict[str, bytes]:
    return {path: content.replace(b"\n", b"\r\n") for path, content in fix.tree.items()}


def _crlf_after(file: Changed) -> bytes:
    return file.after.replace("\n", "\r\n").encode()


def _open_tree(fix: Fix) -> dict[str, bytes]:
    """Files that lack their last newline."""
    return {**fix.tree, **{file.path: file.before.rstrip("\n").encode() for file in fix.files}}


def _inside(fix: Fix, chance: random.Random) -> Fix | None:
    """Only changes that do not reach the end of their file, whose last line says something."""
    ends = any(file.before.split("\n")[:-1][-1:] != file.after.split("\n")[:-1][-1:] for file in fix.files)
    blank = any(text.endswith("\n\n") for file in fix.files for text in (file.before, file.after))
    return None if ends or blank else fix


def _open_after(file: Changed) -> bytes:
    return file.after.rstrip("\n").encode()


_UDIFF, _EDITS = (ReplyFormat.UDIFF,), (ReplyFormat.EDITS,)
_DAMAGES = (
    Damage("none"),
    Damage("fences and prose", wrap=_in_prose),
    Damage("reply CRLF", wrap=_with_crlf, formats=(ReplyFormat.UDIFF, ReplyFormat.V4A, ReplyFormat.WHOLE)),
    Damage("file CRLF", tree=_crlf_tree, result=_crlf_after),
    Damage("no final newline", tree=_open_tree, result=_open_after, spoil=_inside),
    Damage("wrong numbers", _UDIFF, _by_piece(_wrong_numbers)),
    Damage("no numbers", _UDIFF, _by_piece(_no_numbers)),
    Damage("lost context spaces", (ReplyFormat.UDIFF, ReplyFormat.V4A), wrap=_lost_spaces),
    Damage("mistyped context", _HUNKS, _by_piece(_mistyped)),
    Damage("mistyped old line", _HUNKS, _by_piece(_mistyped_old)),
    Damage("stale context", _HUNKS, _by_piece(_stale)),
    Damage("elided", _HUNKS, _by_piece(_elided)),
    Damage("elided, marked", _HUNKS, _by_piece(_elided_marked)),
    Damage("blank lines dropped", _HUNKS, _by_piece(_no_blanks)),
    Damage("little context", _HUNKS, _little_context),
    Damage("trailing blanks added", _HUNKS, _by_piece(_trailing)),
    Damage("dedented", _HUNKS, _only_in_hunks(_dedented)),
    Damage("set in deeper", _HUNKS, _only_in_hunks(_deeper)),
    Damage("tabs", _ALL, _only_in_hunks(_tabbed)),
    Damage("two blanks a step", _ALL, _only_in_hunks(_halved)),
    Damage("copied line numbers", _ALL, _listed),
    Damage("typographic quotes", _ALL, _curled),
    Damage("double escapes", _EDITS, wrap=_escaped),
    Damage("first folder missing", _ALL, _renamed(_without_first)),
    Damage("other folder", _ALL, _renamed(_elsewhere)),
    Damage("ambiguous", _HUNKS, _ambiguous, refused=True),
    Damage("twin", (ReplyFormat.UDIFF,), _twin, refused=True),
    Damage("already applied", _ALL, tree=_done, refused=True),
    Damage("half applied already", _ALL, _of_several, tree=_half_done, refused=True),
    Damage("lazy", _ALL, _lazy, refused=True),
    Damage("cut off", _ALL, wrap=_cut, refused=True),
    Damage("path in the prose", _UDIFF, wrap=_headless),
)
