"""Applying changes to a tree, in memory: everything is placed before anything is written.

The first of ever more tolerant readings that gives exactly one place wins; else it is refused.
`kintsugi.repair.applying.writing` brings the result to disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from kintsugi.repair.applying.building import Built, Matched, build
from kintsugi.repair.applying.chains import of_the_file
from kintsugi.repair.applying.changes import Change, FilePatch, Refused, Removal, Shown, WholeFile
from kintsugi.repair.applying.diffs import unified_diff
from kintsugi.repair.applying.entities import without_entities
from kintsugi.repair.applying.locating import found_elsewhere, named, no_such_file, plain, same_ending, writable
from kintsugi.repair.applying.markers import refuse_markers
from kintsugi.repair.applying.masks import as_shown, has_mask, refuse_masks
from kintsugi.repair.applying.showing import refuse_shown, with_shown
from kintsugi.repair.applying.text import Text, read_text
from kintsugi.repair.applying.whole_files import build_whole, likeness, new_content
from kintsugi.repair.applying.wholeness import Broken, refuse_broken
from kintsugi.repair.applying.writing import write
from kintsugi.repair.trees import Kind, Tree
from kintsugi.telemetry.redact import redact_source
from kintsugi.workflow.patch import Edit

__all__ = ["Applied", "Matched", "Refused", "apply", "unified_diff", "write"]

_SAME_FILE = 0.6  # of the lines are the same: then a file sent under another path is this one
_AS_LIKE = 0.2  # another file this little less like it could as well be meant
_UNLIKE, _SHORT = 0.2, 10  # lines
_MODES = {Kind.FILE: "100644", Kind.EXECUTABLE: "100755"}
_NEVER_MADE = {"120000": "a symbolic link", "160000": "a submodule"}


@dataclass(frozen=True, slots=True)
class Applied:
    """What the changes make of a tree: bytes by path, None where a file goes; `modes` where one was asked for."""

    files: Mapping[str, bytes | None]
    matched: tuple[Matched, ...] = ()
    modes: Mapping[str, str] = field(default_factory=dict)


def apply(changes: Sequence[Change], tree: Tree) -> Applied:
    """All of the changes or none. Raises Refused where one of them has not exactly one place."""
    try:
        return _applied(changes, tree)
    except Broken as broken:
        if (meant := without_entities(changes)) is None:
            raise
        try:
            return _applied(meant, tree)
        except Refused:
            raise broken from None


def _applied(changes: Sequence[Change], tree: Tree) -> Applied:
    applying = _Applying(tree)
    told = with_shown(dict.fromkeys(changes))
    for path, group in _grouped(one for one in told if not isinstance(one, Shown)).items():
        applying.take(path, group)
    for shown in (one for one in told if isinstance(one, Shown)):
        refuse_shown(shown, tree, applying.files)
    if not applying.files:
        raise Refused("The reply changes nothing: the files already are as it wants them.")
    return Applied(MappingProxyType(applying.files), tuple(applying.matched), MappingProxyType(applying.modes))


def _grouped(changes: Iterable[Change]) -> dict[str, list[Change]]:
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(plain(change.path), []).append(change)
    return groups


def _joined(group: Sequence[Change]) -> FilePatch | None:
    """Several sections of a diff for one file as one, where they do nothing but change lines of it."""
    patches = [change for change in group if isinstance(change, FilePatch) and change.hunks]
    if len(patches) < len(group) or any(one.moved_to or one.mode for one in patches):
        return None
    return replace(patches[0], hunks=tuple(hunk for one in patches for hunk in one.hunks))


class _Applying:
    """The result as it grows, file by file. Nobody sees it before it is whole."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.files: dict[str, bytes | None] = {}
        self.matched: list[Matched] = []
        self.modes: dict[str, str] = {}

    def take(self, path: str, group: list[Change]) -> None:
        edits = [change for change in group if isinstance(change, Edit)]
        if len(edits) == len(group):
            self._take_edits(path, edits)
        elif len(group) > 1 and (joined := _joined(group)):
            self._take_patch(path, joined)
        elif len(group) > 1:
            raise Refused(f"The reply has {len(group)} changes for {path} that contradict each other. Send one.")
        else:
            self._take_one(path, group[0])

    def _take_one(self, path: str, change: Change) -> None:
        match change:
            case FilePatch():
                self._take_patch(path, change)
            case WholeFile():
                self._take_whole(path, change)
            case Removal():
                self._remove(path, change)

    def _take_edits(self, path: str, edits: list[Edit]) -> None:
        if any(not edit.search for edit in edits):
            edits = of_the_file(edits, Text((), ()), path)
            if len(edits) > 1:
                raise Refused(f"{path}: an edit without search text makes a new file, so there can be no other for it.")
            self._create(path, WholeFile(path, edits[0].replace, is_new=True))
        else:
            self._change(path, edits, _telling([line for edit in edits for line in edit.search.split("\n")]))

    def _take_patch(self, path: str, patch: FilePatch) -> None:
        if patch.moved_to is not None:
            self._move(path, patch)
        elif patch.hunks and not any(hunk.old for hunk in patch.hunks) and named(path, self._tree) is None:
            self._create(path, WholeFile(path, "".join(f"{line}\n" for hunk in patch.hunks for line in hunk.new)))
        else:
            self._change(path, patch, _telling([line for hunk in patch.hunks for line in hunk.old]))

    def _change(self, path: str, wanted: Sequence[Edit] | FilePatch, telling: str) -> None:
        if isinstance(wanted, FilePatch) and not wanted.hunks:
            self._set_mode(self._must_exist(path), wanted.mode)
            return
        target, built = self._built(path, wanted, telling)
        self._put(target, built)
        if isinstance(wanted, FilePatch):
            self._set_mode(target, wanted.mode)

    def _built(self, path: str, wanted: Sequence[Edit] | FilePatch, telling: str) -> tuple[str, Built]:
        """The file meant, with its changes: the one named, else the one other that they fit."""

        def attempt(at: str, content: bytes, strict: bool) -> tuple[str, Built]:
            return writable(at, self._tree), build(at, wanted, _read(content, at, _quoted(wanted)), strict=strict)

        other = wanted.other_path if isinstance(wanted, FilePatch) else None
        for name in filter(None, (path, other)):
            target = named(plain(name), self._tree)
            if target is not None:
                return attempt(target, self._tree.read(target) or b"", False)
        made = found_elsewhere(path, self._tree, telling, attempt)
        if made is None:
            raise no_such_file(path, self._tree)
        return made

    def _take_whole(self, path: str, wanted: WholeFile) -> None:
        target = named(path, self._tree)
        if target is None and not wanted.is_new and wanted.text.strip():
            target = self._same_file(path, wanted)
        if target is None or wanted.is_new:
            self._create(path, wanted)
            return
        self._refuse_other(target, wanted)
        self._put(target, build_whole(target, wanted, _read(self._tree.read(target) or b"", target, wanted.text)))

    def _refuse_other(self, path: str, wanted: WholeFile) -> None:
        """Raises Refused where the file sent is unlike the one it names, and a version of another of that name."""
        like = [one for one in self._tree.paths() if one != path and one.rpartition("/")[2] == path.rpartition("/")[2]]
        present = _read(self._tree.read(path) or b"", path, wanted.text)
        if not present.string.strip() or likeness(wanted, present) >= _UNLIKE:
            return
        for one, content in self._tree.contents(sorted(like)):
            if b"\0" not in content and likeness(wanted, _read(content, one, wanted.text)) >= _SAME_FILE:
                raise Refused(f"What is sent for {path} is nothing like it, but like {one}. Give the right path.")

    def _same_file(self, path: str, wanted: WholeFile) -> str | None:
        """The one file that a file sent under another path is a version of; None: it is new. Raises Refused."""
        name = path.rpartition("/")[2]
        like = same_ending(path, [one for one in sorted(self._tree.paths()) if one.rpartition("/")[2] == name])
        scored = sorted(
            (-likeness(wanted, _read(content, one, wanted.text)), one)
            for one, content in self._tree.contents(like)
            if b"\0" not in content
        )
        same = [one for score, one in scored if -score >= _SAME_FILE and score <= scored[0][0] + _AS_LIKE]
        if len(same) > 1:
            raise Refused(f"There is no {path}, and it is like {', '.join(same[:3])}. Give the right path.")
        if not same and like and not self._has_folder(path) and -scored[0][0] >= self._least_unlike(wanted):
            raise Refused(f"There is no {path}. If {like[0]} is meant, say so; if it is new, send it as a diff.")
        return same[0] if same else None

    def _has_folder(self, path: str) -> bool:
        folder = path.rpartition("/")[0]
        return bool(folder) and self._tree.kind(folder.lstrip("/")) is Kind.FOLDER

    @staticmethod
    def _least_unlike(wanted: WholeFile) -> float:
        """How like another file of its name a new one may be; a short file tells nothing by that."""
        return 0.0 if wanted.text.count("\n") < _SHORT else _UNLIKE

    def _create(self, path: str, wanted: WholeFile) -> None:
        if wanted.mode in _NEVER_MADE:
            raise Refused(f"{path} would be {_NEVER_MADE[wanted.mode]}. Only regular files are made.")
        at = writable(path, self._tree)
        if self._tree.read(at):
            raise Refused(f"{path} is to be made, but it is already there. Send edits for it.")
        self._put(at, Built(new_content(replace(wanted, path=at)), (Matched(at, 1, "new file"),)))
        if wanted.mode:
            self.modes[at] = wanted.mode

    def _move(self, path: str, patch: FilePatch) -> None:
        source = self._must_exist(path)
        target = writable(plain(patch.moved_to or ""), self._tree)
        if self._tree.kind(target) is not None:
            raise Refused(f"{path} is to be moved to {target}, but that is already there.")
        content = self._tree.read(source) or b""
        built = build(source, patch, _read(content, source, _quoted(patch))) if patch.hunks else Built(content, ())
        self._put(target, built, before=content)
        self._put(source, None)
        if self._tree.kind(source) is Kind.EXECUTABLE:
            self.modes[target] = _MODES[Kind.EXECUTABLE]
        self._set_mode(target, patch.mode)

    def _remove(self, path: str, removal: Removal) -> None:
        target = self._must_exist(path)
        content = self._tree.read(target) or b""
        present = content.decode("utf-8", errors="replace")
        if removal.text is not None and has_mask(removal.text):
            present = redact_source(present, target)
        if removal.text is not None and _lines(removal.text) != _lines(present):
            raise Refused(f"{path} is to be removed, but it does not hold what the reply believes.")
        self._put(target, None)

    def _must_exist(self, path: str) -> str:
        target = named(path, self._tree)
        if target is None or self._tree.read(target) is None:
            raise no_such_file(path, self._tree)
        return target

    def _set_mode(self, path: str, mode: str | None) -> None:
        if mode in _NEVER_MADE:
            raise Refused(f"{path} would become {_NEVER_MADE[mode]}. Only regular files are made.")
        if mode is not None:
            self.modes[path] = mode
            self.files.setdefault(path, self._tree.read(path))

    def _put(self, path: str, built: Built | None, before: bytes | None = None) -> None:
        """Take a file's new content, None where it goes. `before`: what it was made of, where that stood elsewhere."""
        if path in self.files:
            raise Refused(f"The reply changes {path} twice, under different names. Send one change for it.")
        if built is None:
            self.files[path] = None
            return
        before = self._tree.read(path) if before is None else before
        refuse_markers(path, before, built.content)
        refuse_masks(path, before, built.content)
        refuse_broken(path, before, built.content)
        if built.content != self._tree.read(path):
            self.files[path] = built.content
            self.matched += built.matched
        else:
            raise Refused(f"{path} already is as the reply wants it.")


def _read(content: bytes, path: str, quoted: str) -> Text:
    """The file's text; as it is shown to a model, where what is said of it quotes a masked line."""
    text = read_text(content, path)
    return as_shown(text, path) if has_mask(quoted) else text


def _quoted(wanted: Sequence[Edit] | FilePatch) -> str:
    """What a change quotes of its file."""
    if isinstance(wanted, FilePatch):
        return "\n".join(line for hunk in wanted.hunks for line in hunk.old)
    return "\n".join(edit.search for edit in wanted)


def _telling(lines: Sequence[str]) -> str:
    """The line that says most; empty where none says enough to tell files apart."""
    longest = max((line.strip() for line in lines if not has_mask(line)), key=len, default="")
    return longest if len(longest) >= 12 else ""


def _lines(string: str) -> list[str]:
    return [line.rstrip() for line in string.split("\n")]
