"""Go as Python's syntax: what is between Lock and Unlock is held by a `with`, an error that is returned is raised."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from kintsugi.repair.languages.syntax import Node, text_of
from kintsugi.repair.policy.translated.base import Expressions, Made, Statements, Translator, arguments
from kintsugi.telemetry import lazy_re as re

_ERROR = re.compile(r"err|\w*Err|(?:\w+\.)?Err[A-Z]\w*")
_IS_ERROR = re.compile(r"&?(?:\w+\.)?\w*Error\{")
_MAKES_ERROR = re.compile(r"(?:fmt\.Errorf|errors\.\w+|\w+\.(?:Error|Errorf|New\w*Error)|\w*[eE]rror\w*)$")
_UNITS = re.compile(r"time\.(?:Nanosecond|Microsecond|Millisecond|Second|Minute|Hour)")
_LOCKS = {"Lock": "Unlock", "RLock": "RUnlock"}
_TAG = re.compile(r"(\w+):\"((?:[^\"\\]|\\.)*)\"")
_ONLY_AROUND = ("parenthesized_expression", "literal_element", "expression_list")


class _Unit(float):
    """A length of time by its name."""

    def __repr__(self) -> str:
        return f"time.{self.name}"

    name = ""

    @classmethod
    def called(cls, text: str) -> _Unit:
        made = cls(1)
        made.name = text.rpartition(".")[2]
        return made


class GoTranslator(Translator):
    signs: ClassVar = {"not ": "!", "and": "&&", "or": "||", "None": "nil", "True": "true", "False": "false"}

    def _of_statements(self) -> Statements:
        return {
            "expression_statement": self._asked,
            "function_declaration": self._function,
            "method_declaration": self._method,
            "type_declaration": self._types,
            "const_declaration": self._named,
            "var_declaration": self._named,
            "short_var_declaration": self._assigned,
            "assignment_statement": self._assigned,
            "inc_statement": self._counted,
            "dec_statement": self._counted,
            "if_statement": self._if,
            "for_statement": self._for,
            "expression_switch_statement": self._switch,
            "type_switch_statement": self._switch,
            "select_statement": self._switch,
            "return_statement": self._return,
            "defer_statement": self._asked,
            "go_statement": self._started,
            "send_statement": self._sent,
            "block": lambda node: self.block(self._within(node)),
            "statement_list": lambda node: self.block(node.named_children),
            "labeled_statement": lambda node: self.block(node.named_children[1:]),
            "continue_statement": lambda _: [ast.Continue()],
            "break_statement": lambda _: [ast.Break()],
            **dict.fromkeys(("package_clause", "import_declaration", "empty_statement", "goto_statement"), _nothing),
        }

    def _of_expressions(self) -> Expressions:
        return {
            **dict.fromkeys(_ONLY_AROUND, self._inner),
            "type_conversion_expression": lambda node: self.expression(node.child_by_field_name("operand")),
            "call_expression": self._call,
            "selector_expression": self._selected,
            "qualified_type": lambda node: ast.Attribute(self.name(text_of(node.named_children[0])), _last(node)),
            "type_identifier": lambda node: ast.Name(text_of(node)),
            "index_expression": self._indexed,
            "slice_expression": self._sliced,
            "binary_expression": self._two_sided,
            "unary_expression": self._unary,
            "func_literal": lambda node: self._handed(node, "inner"),
            "composite_literal": self._composite,
            "literal_value": self._listed,
            "int_literal": lambda node: self.number(text_of(node)),
            "float_literal": lambda node: self.number(text_of(node)),
            "interpreted_string_literal": lambda node: ast.Constant(text_of(node)[1:-1]),
            "raw_string_literal": lambda node: ast.Constant(text_of(node)[1:-1]),
            "rune_literal": lambda node: ast.Constant(text_of(node)),
            "true": lambda _: ast.Constant(True),
            "false": lambda _: ast.Constant(False),
            "nil": lambda _: ast.Constant(None),
            "send_statement": lambda node: self.expression(node.child_by_field_name("channel")),
            "receive_statement": lambda node: self.expression(node.child_by_field_name("right")),
        }

    def _within(self, node: Node | None) -> list[Node]:
        if node is None:
            return []
        if node.type != "block":
            return [node]
        return [inner for one in node.named_children for inner in (one.named_children if _lists(one) else [one])]

    def block(self, statements: Iterable[Node]) -> list[ast.stmt]:
        """What comes after a lock is held by it: to where it is let go, or to the end where that is deferred."""
        listed = [*statements]
        for number, node in enumerate(listed):
            on, name = _method_called(node)
            if name not in _LOCKS:
                continue
            lock = self.expression(node.named_children[0])
            rest = listed[number + 1 :]
            ends = (at for at, one in enumerate(rest) if _method_called(one) == (on, _LOCKS[name]))
            end = next(ends, len(rest))
            deferred = end < len(rest) and rest[end].type == "defer_statement"
            held = rest if deferred or end == len(rest) else rest[:end]
            after = [] if held is rest else rest[end:]
            block = ast.With([ast.withitem(lock)], self.block(held) or [ast.Pass()])
            return [*super().block(listed[:number]), self.at(node, block), *self.block(after)]
        return super().block(listed)

    # Statements

    def _asked(self, node: Node) -> list[ast.stmt]:
        """A call for what it does; one that is given a function decorates it."""
        before = len(self._hoisted)
        called = self.expression(node.named_children[0])
        if len(self._hoisted) > before and self._hoisted[-1].decorator_list:
            return []
        return [ast.Expr(called)]

    def _started(self, node: Node) -> list[ast.stmt]:
        """`go check(x)` as `go(check(x))`"""
        return [
            ast.Expr(self.call(ast.Name("go"), one.value)) if isinstance(one, ast.Expr) else one
            for one in self._asked(node)
        ]

    def _function(self, node: Node) -> list[ast.stmt]:
        return [self._function_of(node, text_of(node.child_by_field_name("name")))]

    def _function_of(self, node: Node, name: str) -> Made:
        taken = node.child_by_field_name("parameters")
        named = (one for given in taken.named_children for one in _named(given, "name"))
        given = arguments((self.word(text_of(one)), None) for one in named)
        return self.function(self.word(name), given, self.body(node.child_by_field_name("body")), node)

    def _method(self, node: Node) -> list[ast.stmt]:
        kinds = text_of(node.child_by_field_name("receiver")).strip("()").split()
        return [_class(kinds[-1].lstrip("*") if kinds else "", self._function(node))]

    def _types(self, node: Node) -> Iterator[ast.stmt]:
        """The fields of a struct with what their tags say."""
        for spec in (one for one in node.named_children if one.type == "type_spec"):
            kind = spec.child_by_field_name("type")
            if kind is None or kind.type != "struct_type":
                continue
            fields = [one for listed in kind.named_children for one in listed.named_children]
            body = [made for one in fields if one.type == "field_declaration" for made in self._field(one)]
            yield self.at(spec, _class(text_of(spec.child_by_field_name("name")), body))

    def _field(self, node: Node) -> Iterator[ast.stmt]:
        tag = text_of(node.child_by_field_name("tag"))[1:-1]
        said = {found[1]: ast.Constant(found[2]) for found in _TAG.finditer(tag)}
        for name in _named(node, "name") if said else ():
            value = self.at(node, self.call(ast.Name(f"{self.word(text_of(name))}_field"), **said))
            yield self.at(node, ast.Assign([self.name(text_of(name))], value))

    def _named(self, node: Node) -> Iterator[ast.stmt]:
        """Constants and variables; those of the package are told by capital letters, as constants are elsewhere."""
        specs = [one for one in node.named_children if one.type in ("const_spec", "var_spec")]
        specs += [
            one for listed in node.named_children if listed.type == "var_spec_list" for one in listed.named_children
        ]
        for spec in specs:
            values = _plain(spec.child_by_field_name("value"))
            for name, value in zip(_named(spec, "name"), values, strict=False):
                if value.type == "func_literal":
                    yield self._function_of(value, text_of(name))
                    continue
                if text_of(name) == "_":  # a word to the compiler
                    continue
                made = self.word(text_of(name))
                made = self.written(made.upper(), text_of(name)) if node.id in self._top else made
                yield self.at(node, ast.Assign([ast.Name(made)], self.expression(value)))

    def _assigned(self, node: Node) -> Iterator[ast.stmt]:
        left, right = _plain(node.child_by_field_name("left")), _plain(node.child_by_field_name("right"))
        if text_of(node.child_by_field_name("operator")) not in ("", "=", ":="):
            yield self.added(self.expression(left[0]), self.expression(right[0]))
        elif len(left) != len(right):
            targets = ast.Tuple([self.expression(one) for one in left])
            yield ast.Assign([targets], self.expression(node.child_by_field_name("right")))
        else:
            for target, value in zip(left, right, strict=True):
                yield self.at(node, self._set(target, value))

    def _set(self, target: Node, value: Node) -> ast.stmt:
        if value.type == "func_literal":
            return self._function_of(value, text_of(target))
        return ast.Assign([self.expression(target)], self.expression(value))

    def _counted(self, node: Node) -> list[ast.stmt]:
        return [self.added(self.expression(node.named_children[0]), ast.Constant(1))]

    def _if(self, node: Node) -> list[ast.stmt]:
        first, other = node.child_by_field_name("initializer"), node.child_by_field_name("alternative")
        before = self.block([first]) if first is not None else []
        test = self.expression(node.child_by_field_name("condition"))
        body = self.body(node.child_by_field_name("consequence"))
        return [*before, ast.If(test, body, self.block(self._within(other)))]

    def _for(self, node: Node) -> list[ast.stmt]:
        body = self.body(node.child_by_field_name("body"))
        head = next((one for one in node.named_children if one.type not in ("block", "comment")), None)
        if head is None:
            return [ast.While(ast.Constant(True), body, [])]
        if head.type == "range_clause":
            target = self.expression(head.child_by_field_name("left"))
            return [ast.For(target, self.expression(head.child_by_field_name("right")), body, [])]
        if head.type != "for_clause":
            return [ast.While(self.expression(head), body, [])]
        first, test = head.child_by_field_name("initializer"), head.child_by_field_name("condition")
        before = self.block([first]) if first is not None else []
        return [*before, ast.While(self.expression(test) if test is not None else ast.Constant(True), body, [])]

    def _switch(self, node: Node) -> Iterator[ast.stmt]:
        """One `if` for each case."""
        value = node.child_by_field_name("value")
        of = None if value is None else self.expression(value)
        for case in (one for one in node.named_children if one.type.endswith("_case")):
            named = case.child_by_field_name("value") or case.child_by_field_name("communication")
            values = [self.expression(one) for one in _plain(named)] if named is not None else []
            values += [self.expression(one) for one in _named(case, "type")]
            body = self.block(inner for one in case.named_children if _lists(one) for inner in one.named_children)
            test = self._asks(of, values, is_kind=case.type == "type_case")
            yield self.at(case, ast.If(test, body or [ast.Pass()], []))

    def _asks(self, of: ast.expr | None, values: Sequence[ast.expr], is_kind: bool) -> ast.expr:
        if not values:
            return ast.Constant(True)
        if is_kind and of is not None:
            return self.call(ast.Name("isinstance"), of, ast.Tuple([*values]))
        if of is None:
            return values[0] if len(values) == 1 else ast.BoolOp(ast.Or(), [*values])
        return ast.Compare(of, [ast.Eq()], [*values]) if len(values) == 1 else _one_of(of, values)

    def _return(self, node: Node) -> list[ast.stmt]:
        values = [inner for one in node.named_children for inner in (_plain(one) or [one])]
        if not values:
            return [ast.Return(None)]
        last = values[-1]
        called = text_of(last.child_by_field_name("function")) if last.type == "call_expression" else ""
        if _ERROR.fullmatch(text_of(last)) or _MAKES_ERROR.match(called) or _IS_ERROR.match(text_of(last)):
            named = text_of(last)
            return [ast.Raise(ast.Name(named) if named.startswith("Err") else self.expression(last))]
        made = [self.expression(one) for one in values]
        return [ast.Return(made[0] if len(made) == 1 else _answer(made))]

    def _sent(self, node: Node) -> list[ast.stmt]:
        channel, value = (node.child_by_field_name(one) for one in ("channel", "value"))
        name = "acquire" if text_of(value).replace(" ", "") == "struct{}{}" else "send_on"
        return [ast.Expr(self.call(ast.Attribute(self.expression(channel), name), self.expression(value)))]

    # Expressions

    def _inner(self, node: Node) -> ast.expr:
        inner = _plain(node)
        return self.expression(inner[0]) if len(inner) == 1 else ast.Tuple([self.expression(one) for one in inner])

    def _call(self, node: Node) -> ast.expr:
        function = node.child_by_field_name("function")
        given = _plain(node.child_by_field_name("arguments"))
        if function.type == "func_literal":
            return ast.Call(self._handed(function, "at once"), [self.expression(one) for one in given], [])
        if text_of(function) == "make" and len(given) == 2 and given[0].type == "channel_type":
            return self.call(ast.Name("Queue"), self.expression(given[1]))
        called = self.expression(function)
        last = next((one for one in reversed(given) if one.type == "func_literal"), None)
        others = [self.expression(one) for one in given if last is None or one.id != last.id]
        if last is None:
            return ast.Call(called, others, [])
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "called")
        first = ast.unparse(others[0]) if others and isinstance(others[0], ast.Constant) else ""
        handed = self._handed(last, f"{name} {first}", self.at(node, ast.Call(called, others, [])))
        return ast.Call(called, [*others, handed], [])

    def _handed(self, node: Node, name: str, *decorators: ast.expr) -> ast.expr:
        made = self._function_of(node, name)
        made.decorator_list = [*decorators]
        self.hoist(made)
        return ast.Name(made.name)

    def _selected(self, node: Node) -> ast.expr:
        if _UNITS.fullmatch(text := text_of(node)):
            return ast.Constant(_Unit.called(text))
        return ast.Attribute(self.expression(node.child_by_field_name("operand")), self.word(_last(node)))

    def _indexed(self, node: Node) -> ast.expr:
        on, index = (self.expression(node.child_by_field_name(one)) for one in ("operand", "index"))
        return ast.Subscript(on, index)

    def _sliced(self, node: Node) -> ast.expr:
        start, end = (node.child_by_field_name(one) for one in ("start", "end"))
        upper = None if end is None else self.expression(end)
        lower = None if start is None else self.expression(start)
        return ast.Subscript(self.expression(node.child_by_field_name("operand")), ast.Slice(lower, upper))

    def _two_sided(self, node: Node) -> ast.expr:
        """`x == true` says `x`: only a bool is compared with it."""
        made = self.two_sided(node)
        match made:
            case ast.Compare(
                left=left, ops=[ast.Eq() | ast.NotEq() as op], comparators=[ast.Constant(value=bool(yes))]
            ):
                return left if isinstance(op, ast.Eq) == yes else self.negated(left)
        return made

    def _unary(self, node: Node) -> ast.expr:
        sign, of = text_of(node.child_by_field_name("operator")), self.expression(node.child_by_field_name("operand"))
        if sign == "!":
            return self.negated(of)
        return ast.UnaryOp(ast.USub(), of) if sign == "-" else of

    def _composite(self, node: Node) -> ast.expr:
        """`http.Cookie{Secure: true}` as a call; a list of what is no pair as a list."""
        kind, body = node.child_by_field_name("type"), node.child_by_field_name("body")
        inner = _plain(body)
        if inner and inner[0].type != "keyed_element":
            return self._listed(body)
        is_map = kind.type in ("map_type", "slice_type", "array_type")
        return ast.Call(ast.Name("dict") if is_map else self.expression(kind), [], self._pairs(inner))

    def _listed(self, node: Node) -> ast.expr:
        inner = _plain(node)
        if inner and inner[0].type == "keyed_element":
            return ast.Call(ast.Name("dict"), [], self._pairs(inner))
        return ast.List([self.expression(one) for one in inner])

    def _pairs(self, inner: Iterable[Node]) -> list[ast.keyword]:
        pairs = [one for one in inner if one.type == "keyed_element"]
        return [ast.keyword(self._key(one), self.expression(one.child_by_field_name("value"))) for one in pairs]

    def _key(self, pair: Node) -> str:
        key = text_of(pair.child_by_field_name("key"))
        return self.word(key) if key.isidentifier() else key.strip('"`')


def _nothing(_: Node) -> list[ast.stmt]:
    return []


def _class(name: str, body: list[ast.stmt]) -> ast.ClassDef:
    return ast.ClassDef(name=name, bases=[], keywords=[], body=body or [ast.Pass()], decorator_list=[])


def _lists(node: Node) -> bool:
    return bool(node.type == "statement_list")


def _named(node: Node, field: str) -> list[Node]:
    return [one for one in node.children_by_field_name(field) if one.is_named]


def _plain(node: Node | None) -> list[Node]:
    return [] if node is None else [one for one in node.named_children if one.type != "comment"]


def _last(node: Node) -> str:
    return text_of(node.named_children[-1])


def _one_of(of: ast.expr, values: Sequence[ast.expr]) -> ast.expr:
    return ast.Compare(of, [ast.In()], [ast.Tuple([*values])])


def _answer(made: list[ast.expr]) -> ast.expr:
    """Several values; nothing but constants counts as one, that of `false, nil` as `False`."""
    if isinstance(made[0], ast.Constant) and isinstance(made[0].value, bool) and _is_nothing(made[1:]):
        return made[0]
    return ast.Constant(None) if all(isinstance(one, ast.Constant) for one in made) else ast.Tuple(made)


def _is_nothing(made: list[ast.expr]) -> bool:
    return all(isinstance(one, ast.Constant) and one.value is None for one in made)


def _method_called(node: Node) -> tuple[str, str]:
    """(of what, which) of a statement that is a call of a method without arguments."""
    if node.type not in ("expression_statement", "defer_statement"):
        return "", ""
    call = node.named_children[0]
    function = call.child_by_field_name("function") if call.type == "call_expression" else None
    if function is None or function.type != "selector_expression":
        return "", ""
    return text_of(function.child_by_field_name("operand")), _last(function)
