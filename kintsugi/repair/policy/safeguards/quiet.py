"""What a change only says otherwise: logs, other names of locals, a value that is kept in a name first, type hints.

Such edits are taken back before the rest is laid side by side, so that nobody hides a change among them.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from copy import copy

from kintsugi.repair.policy.safeguards.functions import Function
from kintsugi.repair.policy.safeguards.pieces import BLOCKS, key_of, without_prose
from kintsugi.repair.policy.safeguards.taken import usual_of
from kintsugi.repair.policy.safeguards.talk import is_talk
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

_WORD = re.compile(r"[^\W\d]\w*")
_NAMES = (ast.Name, ast.arg)
_PLAIN = (ast.Constant, ast.Name, ast.Attribute)
Keyed = list[tuple[str, ast.stmt]]


class Taken:
    """The statements of a function that differ, with what only says it otherwise taken back."""

    def __init__(self, old: ast.AST, new: ast.AST, gone: Keyed, come: Keyed) -> None:
        self.gone = [one for one in gone if not is_talk(one[1])]
        self.come = [one for one in come if not is_talk(one[1])]
        self.origins = dict[int, int]()
        """Of a statement that is put otherwise, the one that it is."""
        if isinstance(new, Function):
            self._take_hints()
        if self.come and len(gone) + len(come) > 1:
            self._take_back(old, new)

    def _take_back(self, old: ast.AST, new: ast.AST) -> None:
        fresh, lost = _fresh(old, new), _fresh(new, old)
        if not fresh and not lost:
            return
        names = renamed(old, new, self.gone, self.come)
        self._put({name: ast.Name(other) for name, other in names.items()}, {})
        lost -= set(names.values())
        self._put(self._kept_first(fresh - set(names), lost, new), self._kept_no_more(lost))
        self._cancel()

    def _take_hints(self) -> None:
        """`x: int = 1` → `x = 1`, where no hint stood before."""
        hinted = {ast.unparse(one.target) for _, one in self.gone if isinstance(one, ast.AnnAssign)}
        for at, (_, one) in enumerate(self.come):
            if isinstance(one, ast.AnnAssign) and one.value is not None and ast.unparse(one.target) not in hinted:
                now = ast.copy_location(ast.Assign([one.target], one.value), one)
                self.come[at] = (key_of(now), now)
                self.origins[id(now)] = id(one)
        self._cancel()

    def _kept_first(self, fresh: set[str], lost: set[str], new: ast.AST) -> dict[str, ast.expr]:
        """By the name that a value is kept in now, the value: `first = x.a` of `go(x.a)`; what nobody reads is gone."""
        before = "\n".join(key for key, _ in self.gone)
        found, left = {name: value for name, value in usual_of(new).items() if name in fresh}, Keyed()
        kept = {without_prose(ast.unparse(value)): name for name, value in _values(self.gone) if name in lost}
        reads, bound = _read_in(new), _times_bound(new)
        for key, one in self.come:
            match one:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in fresh and name not in found:
                    if not reads[name]:
                        continue
                    value = _expression(value, found)
                    text = without_prose(ast.unparse(value))
                    if text in kept:
                        found[name] = ast.Name(kept.pop(text))
                    elif bound[name] == 1 and (isinstance(value, _PLAIN) or text in before):
                        found[name] = value
                        continue
            left.append((key, one))
        self.come = left
        return found

    def _kept_no_more(self, lost: set[str]) -> dict[str, str]:
        """By the value, the name that it was kept in: `first = x.a`, `go(first)` → `go(x.a)`"""
        after = "\n".join(key for key, _ in self.come)
        found, left = dict[str, str](), Keyed()
        for key, one in self.gone:
            match one:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in lost:
                    if not isinstance(value, _PLAIN) and without_prose(ast.unparse(value)) in after:
                        found[ast.unparse(value)] = name
                        continue
            left.append((key, one))
        self.gone = left
        return found

    def _put(self, by_name: Mapping[str, ast.expr], by_text: Mapping[str, str]) -> None:
        if by_name or by_text:
            self.come = [self._put_into(one, by_name, by_text) for one in self.come]

    def _put_into(
        self, keyed: tuple[str, ast.stmt], by_name: Mapping[str, ast.expr], by_text: Mapping[str, str]
    ) -> tuple[str, ast.stmt]:
        key, one = keyed
        if by_name.keys().isdisjoint(_WORD.findall(key)) and not any(text in key for text in by_text):
            return keyed
        now = copy(one)
        for name, value in ast.iter_fields(one):
            if name not in BLOCKS:
                setattr(now, name, put(value, by_name, by_text))
        self.origins[id(now)] = self.origins.get(id(one), id(one))
        return key_of(now), now

    def _cancel(self) -> None:
        both = Counter(key for key, _ in self.gone) & Counter(key for key, _ in self.come)
        self.gone, self.come = (without(listed, both) for listed in (self.gone, self.come))


def _values(keyed: Keyed) -> Iterator[tuple[str, ast.expr]]:
    for _, one in keyed:
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            yield one.targets[0].id, one.value


def without(listed: Keyed, both: Counter[str]) -> Keyed:
    """Those that are left when so many of each are taken away."""
    left, counted = Keyed(), Counter(both)
    for key, one in listed:
        if counted[key]:
            counted[key] -= 1
        else:
            left.append((key, one))
    return left


def _names_in(block: ast.AST) -> set[str]:
    return {one.id if isinstance(one, ast.Name) else one.arg for one in walked(block) if isinstance(one, _NAMES)}


def _bound_in(block: ast.AST) -> set[str]:
    """The names that it sets: what it only reads is somebody else's, and another name is another thing."""
    return {name for one in walked(block) for name in bound_by(one)}


def _times_bound(block: ast.AST) -> Counter[str]:
    """How often each name is set: one that is set twice stands for no single value."""
    found = Counter(name for one in walked(block) for name in bound_by(one))
    for one in walked(block):
        match one:
            case ast.AugAssign(target=ast.Name(id=name)) | ast.ExceptHandler(name=str(name)):
                found[name] += 1
            case ast.Delete() | ast.withitem(optional_vars=ast.Tuple()):
                found.update(_names_in(one))
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
    return found


def bound_by(node: ast.AST) -> set[str]:
    return {name for target in _targets(node) for name in _names_in(target)}


def _targets(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Assign(targets=targets):
            return [one for one in targets if isinstance(one, ast.Name | ast.Tuple | ast.List)]
        case ast.AnnAssign(target=ast.Name() as target) | ast.NamedExpr(target=target):
            return [target]
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
            return [target]
        case ast.withitem(optional_vars=ast.Name() as target):
            return [target]
        case ast.arg():
            return [node]
    return []


def _read_in(block: ast.AST) -> Counter[str]:
    """How often each name is read, but for what is only told a log."""
    told = {id(one) for talk in walked(block) if isinstance(talk, ast.Expr) and is_talk(talk) for one in ast.walk(talk)}
    stored = {
        id(target)
        for one in walked(block)
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    return Counter(
        one.id for one in walked(block) if isinstance(one, ast.Name) and id(one) not in told and id(one) not in stored
    )


def _fresh(old: ast.AST, new: ast.AST) -> set[str]:
    """What the one sets, and the other does not speak of."""
    return _bound_in(new) - _names_in(old)


def renamed(old: ast.AST, new: ast.AST, gone: Keyed, come: Keyed) -> dict[str, str]:
    """By a new name, the one that stood there, where a statement is the same but for such names."""
    fresh, lost = _fresh(old, new), _fresh(new, old)
    if not fresh or not lost:
        return {}
    waiting = defaultdict[str, list[list[str]]](list)
    for key, _ in gone:
        masked, names = _masked(key, lost)
        if names:
            waiting[masked].append(names)
    found = dict[str, str]()
    masks = sorted((_masked(key, fresh) for key, _ in come), key=lambda one: -len(one[0]))
    for masked, names in masks:
        olds = next((one for one in waiting[masked] if names and _fits(found, names, one)), None)
        if olds is not None:
            waiting[masked].remove(olds)
            found |= zip(names, olds, strict=True)
    return found


def _fits(found: Mapping[str, str], names: list[str], olds: list[str]) -> bool:
    """Whether each new name stands for one old name, and for no other."""
    pairs = {
        *zip(names, olds, strict=True),
        *((name, old) for name, old in found.items() if name in names or old in olds),
    }
    return len(pairs) == len({name for name, _ in pairs}) == len({old for _, old in pairs})


def _masked(key: str, names: set[str]) -> tuple[str, list[str]]:
    """With what no code has in the place of each name: `_` is a name of its own."""
    found = [word for word in _WORD.findall(key) if word in names]
    return _WORD.sub(lambda word: "\0" if word[0] in names else word[0], key) if found else key, found


def _expression(part: ast.expr, by_name: Mapping[str, ast.expr]) -> ast.expr:
    now = put(part, by_name, {})
    return now if isinstance(now, ast.expr) else part


def put(part: object, by_name: Mapping[str, ast.expr], by_text: Mapping[str, str]) -> object:
    """A part of a statement's head, with these names and texts put for others."""
    if isinstance(part, list):
        return [put(one, by_name, by_text) for one in part]
    if not isinstance(part, ast.AST):
        return part
    if isinstance(part, ast.Name):
        return by_name.get(part.id, part)
    if by_text and isinstance(part, ast.expr) and (name := by_text.get(ast.unparse(part))):
        return ast.Name(name)
    now = type(part)(**{name: put(value, by_name, by_text) for name, value in ast.iter_fields(part)})
    return part if isinstance(now, ast.JoinedStr) and not _can_be_written(now) else ast.copy_location(now, part)


def _can_be_written(node: ast.JoinedStr) -> bool:
    """Before Python 3.12 no backslash may stand within the braces."""
    try:
        return bool(ast.unparse(node))
    except ValueError:
        return False
