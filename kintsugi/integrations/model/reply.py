"""What a model is asked to answer with, and how its answer is read. The schemas are kept to the strict subset of
structured output: every field required, no defaults, no limits, no free-form objects.

Servers that take no schema leave the shape to the model, so what is nearly right is read: another case, one object
more around it, keys too many, nullable keys too few, numbers as text, a patch in a format of its own. Nothing that
decides anything is made up: without a cause, a category or a probability there is no finding.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any, Literal, TypeGuard, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from kintsugi.integrations.model.near_json import objects_in, without_thoughts
from kintsugi.integrations.model.tool_calls import step_in, steps_in
from kintsugi.repair.applying.changes import Change, FilePatch, Refused, Shown, WholeFile
from kintsugi.repair.applying.reading_edits import changes_in
from kintsugi.repair.replies import read_reply as read_patch
from kintsugi.workflow.incident import Category
from kintsugi.workflow.patch import Edit

_APOSTROPHE = r"['\u2019]?"
_REFUSALS = re.compile(
    rf"\A\W*(i{_APOSTROPHE}m sorry|i am sorry|sorry|i apologi[sz]e|i can{_APOSTROPHE}t|i cannot|i can not|"
    rf"i{_APOSTROPHE}m (not able|unable)|i am (not able|unable)|i won{_APOSTROPHE}t|i will not|as an ai)\b",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 800  # characters; more than that is an answer, if not one of ours
_MOST_FAULTS = 5  # told of one reply
_AS_LIKELY_AS_NOT = 0.5  # of a change to be tried, where nothing was said
_DEPTH = 4  # of objects around the one that is meant
_MAY_LACK: dict[str, Any] = {
    "explanation": "",
    "regression_test": None,
    "branch": "",
    "title": "",
    "body": "",
    "marks": None,
    "need": "",
    "text": None,
    "path": None,
    "first": None,
    "last": None,
    "fix": None,
}
_NOTHING = ("", "null", "none", "n/a", "-")
_NO_NEED = re.compile(
    r"\W*+(?:null|n/?a|no|none|(?:nothing|no (?:more|further|additional) \w+)(?: else| more)?(?: is| are)?"
    r"(?: needed| required| necessary)?)?\W*+",
    re.IGNORECASE,
)
_PLACEHOLDERS = ("…", "...")


class UnreadableReply(Exception):
    """The reply is not what was asked for; the message says in what way, and at which place."""


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("it should lie between 0 and 1")
    return value


def _no_placeholder(value: str) -> str:
    if value.strip() in _PLACEHOLDERS:
        raise ValueError("it is the placeholder of the example, and should be your own")
    return value


OwnWords = Annotated[str, AfterValidator(_no_placeholder)]
Share = Annotated[float, AfterValidator(_share)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cause(_Strict):
    """The answer to `diagnose`: why it failed."""

    cause: OwnWords
    explanation: str
    category: Category
    probability: Share
    need: str
    marks: str | None


class FixEdit(_Strict):
    path: OwnWords
    search: str
    replace: str
    occurrence: int | None


class FixTest(_Strict):
    path: str
    content: str


class Fix(_Strict):
    """The answer to `fix` and `again`: what to change. `probability` is no number where a bare patch came without."""

    edits: list[FixEdit]
    regression_test: FixTest | None
    branch: str
    title: str
    body: str
    probability: Share
    need: str


class Step(_Strict):
    """The answer to `look`: the next thing to look at, or a change to try."""

    tool: Literal["find", "read", "list", "run", "propose"]
    text: str | None
    path: str | None
    first: int | None
    last: int | None
    fix: Fix | None


R = TypeVar("R", bound=BaseModel)

_NAMES: dict[type[BaseModel], str] = {
    Cause: "finding",
    Fix: "fix",
    Step: "step",
}  # as providers' logs and recordings know them
_HEARTS: dict[type[BaseModel], str] = {Cause: "cause", Fix: "edits", Step: "tool"}  # by which an object is known


@cache
def schema_of(kind: type[BaseModel]) -> tuple[str, dict[str, Any]]:
    """Name and JSON Schema of a reply, as structured output takes them; to be read only."""
    return _NAMES[kind], kind.model_json_schema()


def read_reply(kind: type[R], text: str, *, bare_patch: bool = True) -> R:
    """Raises UnreadableReply with a sentence for a reply that is empty, no JSON, or of another shape.

    `bare_patch`: whether a patch that stands in the text as it is counts as a fix, or as the step that proposes it.
    """
    said = without_thoughts(text)
    if not said:
        raise UnreadableReply("The model's reply is empty.")
    objects = list(objects_in(said))
    meant = [inner for each in objects for inner in _meant(kind, each)]
    if kind is Step and not meant:
        meant = list(steps_in(said))
    read, faults = _read_each(kind, meant)
    if read:
        return _one_of(read)
    if kind in (Fix, Step) and bare_patch and (edits := _patch_in(said)):
        told = next((inner for each in objects for inner in _meant(Fix, each, "title")), {})
        fix = _fix_of(edits, told)
        if kind is Fix:
            return kind.model_construct(**fix)
        known = fix if not math.isnan(fix["probability"]) else fix | {"probability": _AS_LIKELY_AS_NOT}
        return kind.model_validate(dict.fromkeys(Step.model_fields) | {"tool": "propose", "fix": known})
    if faults:
        raise UnreadableReply(f"The model's reply has the wrong shape at {faults[0]}.")
    if objects:
        found = ", ".join(list(objects[0])[:_MOST_FAULTS])
        wanted = ", ".join(kind.model_fields)
        raise UnreadableReply(f"The model's reply has the wrong shape: its keys are {found}, and not {wanted}.")
    begun = "is no JSON: it has an object that does not end" if "{" in said else "is no JSON"
    raise UnreadableReply(f"The model's reply {begun}.")


def refusal_in(text: str) -> str:
    """The reply where it is a refusal in plain words; empty where it is not."""
    said = without_thoughts(text)
    plain = len(said) <= _LONGEST_REFUSAL and _REFUSALS.match(said) and not next(objects_in(said), None)
    return said if plain else ""


def _read_each(kind: type[R], meant: Sequence[dict[str, Any]]) -> tuple[list[R], list[str]]:
    """Those that can be read, and what is wrong with the others: the last one's first."""
    read: list[R] = []
    faults: list[str] = []
    for told in meant:
        try:
            read.append(kind.model_validate(_mended(kind, told)))
        except ValidationError as error:
            faults.insert(0, "; ".join(_fault(each) for each in error.errors()[:_MOST_FAULTS]))
        except Refused as refused:
            faults.insert(0, f"edits: {refused.reason.rstrip('.')}")
    return read, faults


def _fault(error: Any) -> str:
    where = ".".join(map(str, error["loc"])) or "the whole"
    value = error.get("input")
    shown = f" (it is {value!r:.60})" if isinstance(value, str | int | float) else ""
    return f"{where}: {error['msg']}{shown}"


def _one_of(read: list[R]) -> R:
    """The last, as what comes before it was a draft; but of two changes none is taken. Raises UnreadableReply."""
    changes = {repr(each.edits) for each in read if isinstance(each, Fix) and each.edits}
    if len(changes) > 1:
        raise UnreadableReply("The model's reply holds two different changes. Send one.")
    return read[-1]


def _meant(kind: type[BaseModel], told: object, heart: str = "", depth: int = _DEPTH) -> Iterator[dict[str, Any]]:
    """The objects of this kind in what was told, with their keys as we write them: itself, or one that it is around."""
    heart = heart or _HEARTS[kind]
    if not isinstance(told, dict) or not depth:
        return
    if kind is Step:
        told = step_in(told) or told
    named = _with_our_keys(told, kind.model_fields)
    if heart in named and not (isinstance(named[heart], dict) and _meant_inside(kind, named[heart], heart)):
        yield named
        return
    for value in told.values():
        for inner in _inner(value):
            yield from _meant(kind, inner, heart, depth - 1)


def _meant_inside(kind: type[BaseModel], told: dict[str, Any], heart: str) -> bool:
    return heart in _with_our_keys(told, kind.model_fields)


def _inner(value: object) -> Iterator[object]:
    """What an object holds: an object, a list of one, or the text of one."""
    if isinstance(value, list):
        yield from value[:1]
    elif isinstance(value, str) and value.lstrip().startswith("{"):
        yield from objects_in(value)
    else:
        yield value


def _with_our_keys(told: dict[str, Any], ours: Any) -> dict[str, Any]:
    """Without keys that are not ours; `regressionTest` and `Regression Test` are."""
    names = {_bare(name): name for name in ours}
    return {names[_bare(key)]: value for key, value in told.items() if _bare(key) in names}


def _bare(name: object) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _mended(kind: type[BaseModel], told: dict[str, Any]) -> dict[str, Any]:
    """With what may be missing, and with values as our types write them. Raises Refused for edits that are none."""
    mended = {name: value for name, value in _MAY_LACK.items() if name in kind.model_fields} | told
    for name in ("cause", "explanation", "branch", "title", "body", "need"):
        if name in mended:
            mended[name] = _as_text(mended[name])
    if isinstance(need := mended.get("need"), str) and _NO_NEED.fullmatch(need):
        mended["need"] = ""
    if not isinstance(mended.get("marks", ""), str):
        mended["marks"] = None
    if "probability" in mended:
        mended["probability"] = _as_number(mended["probability"])
    if kind is Cause and isinstance(mended.get("category"), str):
        mended["category"] = _as_category(mended["category"])
    if kind is Step:
        mended |= {"tool": str(mended["tool"]).strip().lower(), "fix": _fix_in(mended)}
    if kind is Fix:
        mended["edits"] = [_as_told(edit) for edit in _edits_of(mended["edits"])]
        mended["regression_test"] = _test_of(mended["regression_test"])
    return mended


def _fix_in(step: dict[str, Any]) -> dict[str, Any] | None:
    """The change that a step comes with. Raises Refused for edits that are none."""
    fix = next(_meant(Fix, step["fix"]), None)
    if fix is None or str(step["tool"]).strip().lower() != "propose":
        return None
    return _mended(Fix, {"probability": _AS_LIKELY_AS_NOT} | fix)


def _as_text(value: object) -> object:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return "" if value is None else value


def _as_number(value: object) -> object:
    """A percentage says what it is; a bare 85 does not."""
    if isinstance(value, str) and (percent := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value)):
        return float(percent[1]) / 100
    return value


def _as_category(value: str) -> str:
    words = [word for word in re.findall(r"[a-z]+", value.lower()) if word in set(Category)]
    return words[0] if len(set(words)) == 1 else value


def _edits_of(value: object) -> list[Edit]:
    if value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING):
        return []
    if isinstance(value, str):
        return _as_edits(read_patch(value))
    edits = value if isinstance(value, list) else [value]
    changes = [change for number, edit in enumerate(edits, 1) for change in changes_in(_plain_edit(edit), number)]
    return _as_edits(changes)


def _plain_edit(edit: object) -> object:
    """With the keys that we asked for under their names, whatever their case, and no place where it is none."""
    if not isinstance(edit, dict):
        return edit
    ours = {key if _bare(key) not in _EDIT_KEYS else _bare(key): value for key, value in edit.items()}
    occurrence = ours.get("occurrence")
    if isinstance(occurrence, str):
        ours["occurrence"] = None if occurrence.strip().lower() in _NOTHING else _whole(occurrence)
    return ours


_EDIT_KEYS = frozenset(FixEdit.model_fields)


def _whole(value: str) -> int | str:
    return int(value) if value.strip().isdecimal() else value


def _as_edits(changes: Sequence[Change]) -> list[Edit]:
    """Changes of any form as edits of ours. Raises Refused for what an edit cannot say."""
    edits: list[Edit] = []
    for change in changes:
        match change:
            case Edit():
                edits.append(Edit(change.path, change.search, change.replace, change.occurrence))
            case Shown():  # the tree tells if it is so
                edits.insert(len(edits) if change.closing else 0, Edit(change.path, change.text, change.text))
            case WholeFile():
                edits.append(Edit(change.path, "", change.text))
            case FilePatch(moved_to=None, mode=None):
                edits += [
                    Edit(change.path, _lines(hunk.old), _lines(hunk.new), hunk.occurrence) for hunk in change.hunks
                ]
            case _:
                raise Refused("It moves or removes a file, or changes a file's mode. Send edits of what the files hold")
    return edits


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _as_told(edit: Edit) -> dict[str, Any]:
    return {"path": edit.path, "search": edit.search, "replace": edit.replace, "occurrence": edit.occurrence}


def _test_of(value: object) -> object:
    """A new file, under whatever name its text stands; None for an empty one."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    if one is None or one == [] or (isinstance(one, str) and one.strip().lower() in _NOTHING):
        return None
    if not isinstance(one, dict):
        return one
    named = {_TEST_KEYS.get(_bare(key), key): content for key, content in one.items()}
    if not str(named.get("path") or "").strip() and not str(named.get("content") or "").strip():
        return None
    return {name: _as_text(named[name]) for name in ("path", "content") if name in named}


_TEST_KEYS = {
    **dict.fromkeys(("path", "file", "filename", "filepath", "name"), "path"),
    **dict.fromkeys(("content", "contents", "code", "text", "source", "body"), "content"),
}


def _is_test(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and len(value) == 2 and all(isinstance(each, str) for each in value.values())


def _patch_in(text: str) -> list[Edit]:
    """A patch that was sent as it is, in any of the forms that we know; none where there is none that can be used."""
    try:
        return _as_edits(read_patch(text))
    except Refused:
        return []


def _fix_of(edits: list[Edit], told: dict[str, Any]) -> dict[str, Any]:
    """A fix around a bare patch: what else was said of it is taken where it was said."""
    share = _as_number(told.get("probability"))
    known = isinstance(share, int | float) and 0 <= share <= 1
    texts = {name: str(_as_text(told.get(name))) for name in ("branch", "title", "body")}
    test = _test_of(told.get("regression_test"))
    return {
        "edits": [FixEdit(**_as_told(edit)) for edit in edits],
        "regression_test": FixTest(**test) if _is_test(test) else None,
        **texts,
        "probability": float(share) if known else math.nan,  # type: ignore[arg-type]
        "need": "",
    }
