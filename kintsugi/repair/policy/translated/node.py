"""JavaScript and TypeScript as Python's syntax: routes are decorated functions, objects are calls of dict."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import ClassVar

from kintsugi.repair.languages.syntax import Node, text_of
from kintsugi.repair.policy.translated.base import Expressions, Made, Statements, Translator, arguments
from kintsugi.repair.policy.translated.node_parts import SILENT, inner_of, is_one, is_tried, loads, parts_of

_FUNCTIONS = ("arrow_function", "function_expression", "generator_function", "function")
_ONLY_AROUND = (
    *("parenthesized_expression", "non_null_expression", "as_expression", "satisfies_expression"),
    *("expression_statement", "labeled_statement", "template_substitution", "spread_element"),
)
_EACH = frozenset(
    [
        "for_each",
        "map",
        "filter",
        "find",
        "find_index",
        "some",
        "every",
        "reduce",
        "sort",
        "flat_map",
        "then",
        "catch",
        "finally_",
        "set_timeout",
        "set_interval",
        "set_immediate",
        "next_tick",
        "promise",
        "describe",
        "it",
    ]
)
_TAGS = ("jsx_opening_element", "jsx_closing_element")
_OF_ENVIRONMENT = ("process.env", "import.meta.env")


class NodeTranslator(Translator):
    signs: ClassVar = {
        "not ": "!",
        "and": "&&",
        "or": "||",
        "None": "null",
        "True": "true",
        "False": "false",
        "==": "===",
        "!=": "!==",
    }

    def _of_statements(self) -> Statements:
        return {
            "expression_statement": self._expression_statement,
            "lexical_declaration": self._declared,
            "variable_declaration": self._declared,
            "function_declaration": self._function,
            "generator_function_declaration": self._function,
            "class_declaration": lambda node: [self._class(node)],
            "abstract_class_declaration": lambda node: [self._class(node)],
            "if_statement": self._if,
            "for_statement": self._for,
            "for_in_statement": self._for_in,
            "while_statement": self._while,
            "do_statement": self._while,
            "switch_statement": self._switch,
            "try_statement": self._try,
            "return_statement": self._return,
            "throw_statement": self._throw,
            "statement_block": lambda node: self.block(node.named_children),
            "labeled_statement": lambda node: self.block(node.named_children[1:]),
            "export_statement": self._export,
            "continue_statement": lambda _: [ast.Continue()],
            "break_statement": lambda _: [ast.Break()],
            "internal_module": lambda node: self.body(node.child_by_field_name("body")),
            **dict.fromkeys(SILENT, lambda _: []),
        }

    def _of_expressions(self) -> Expressions:
        return {
            **dict.fromkeys(_FUNCTIONS, self._inner_function),
            **dict.fromkeys(_ONLY_AROUND, lambda node: self.expression(inner_of(node))),
            "await_expression": self._awaited,
            "type_assertion": lambda node: self.expression(node.named_children[-1]),
            "call_expression": self._call,
            "new_expression": self._new,
            "member_expression": self._member,
            "subscript_expression": self._subscript,
            "binary_expression": self._two_sided,
            "unary_expression": self._unary,
            "update_expression": lambda node: self.expression(node.child_by_field_name("argument")),
            "ternary_expression": self._ternary,
            "assignment_expression": self._assigned_within,
            "augmented_assignment_expression": self._assigned_within,
            "object": self._object,
            "array": lambda node: ast.List([self.expression(one) for one in parts_of(node)]),
            "number": lambda node: self.number(text_of(node)),
            "string": lambda node: ast.Constant(text_of(node)[1:-1]),
            "template_string": self._template,
            "regex": self._regex,
            "true": lambda _: ast.Constant(True),
            "false": lambda _: ast.Constant(False),
            "null": lambda _: ast.Constant(None),
            "undefined": lambda _: ast.Constant(None),
            "this": lambda _: ast.Name("this"),
            "class": self._inner_class,
            "jsx_element": self._element,
            "jsx_self_closing_element": self._element,
            "jsx_expression": lambda node: self.expression(inner_of(node)) if parts_of(node) else ast.Constant(None),
            "jsx_text": lambda node: ast.Constant(text_of(node).strip()),
        }

    def _within(self, node: Node | None) -> list[Node]:
        if node is None:
            return []
        return list(node.named_children) if node.type in ("statement_block", "program") else [node]

    # Statements

    def _expression_statement(self, node: Node) -> Iterable[ast.stmt]:
        inner = inner_of(node)
        if inner.type == "unary_expression" and text_of(inner.child_by_field_name("operator")) == "delete":
            return [ast.Delete([self.expression(inner_of(inner))])]
        awaited = inner.type == "await_expression"
        while inner.type in ("await_expression", "parenthesized_expression", "unary_expression"):
            inner = inner_of(inner)
        if inner.type in ("assignment_expression", "augmented_assignment_expression"):
            return self._assignment(inner)
        if inner.type == "call_expression":
            return self._asked(inner, awaited)
        if inner.type == "internal_module":
            return self.body(inner.child_by_field_name("body"))
        return [ast.Expr(self.expression(inner))]

    def _awaited(self, node: Node) -> ast.expr:
        """Kept, but where the function answers it: who waits for the function waits for that too.

        In a `try` it is kept all the same: what is not waited for there fails where nobody catches it.
        """
        value = self.expression(inner_of(node))
        around = node.parent
        while around is not None and around.type == "parenthesized_expression":
            around = around.parent
        is_answer = around is not None and around.type in ("return_statement", "arrow_function")
        return value if is_answer and not is_tried(node) else ast.Await(value)

    def _asked(self, node: Node, awaited: bool) -> list[ast.stmt]:
        """A call for what it does; one that is given a function decorates it."""
        before = len(self._hoisted)
        called = self.expression(node)
        if len(self._hoisted) > before and self._hoisted[-1].decorator_list:
            return []
        return [ast.Expr(ast.Await(called) if awaited else called)]

    def _declared(self, node: Node) -> Iterator[ast.stmt]:
        at_top = node.id in self._top
        for one in (one for one in node.named_children if one.type == "variable_declarator"):
            name, value = one.child_by_field_name("name"), one.child_by_field_name("value")
            if loads(value):
                yield ast.Import([ast.alias("it")])
            elif value is not None and value.type in _FUNCTIONS:
                yield self._function_of(value, text_of(name))
            elif value is not None:
                yield self._set(name, self.expression(value), at_top)

    def _set(self, target: Node, value: ast.expr, at_top: bool = False) -> ast.stmt:
        made = self.expression(target)
        if at_top and isinstance(made, ast.Name) and not any(isinstance(one, ast.Name) for one in ast.walk(value)):
            made = ast.Name(self.written(made.id.upper(), text_of(target)))  # a constant of the file
        return ast.Assign([made], value)

    def _assignment(self, node: Node) -> list[ast.stmt]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if right.type in _FUNCTIONS:
            return [self._function_of(right, text_of(left.child_by_field_name("property") or left))]
        if text_of(node.child_by_field_name("operator")) in ("??=", "||="):
            target = self.expression(left)
            return [ast.Assign([target], ast.BoolOp(ast.Or(), [target, self.expression(right)]))]
        if node.type == "augmented_assignment_expression":
            return [self.added(self.expression(left), self.expression(right))]
        return [self._set(left, self.expression(right))]

    def _function(self, node: Node) -> list[ast.stmt]:
        return [self._function_of(node, text_of(node.child_by_field_name("name")))]

    def _function_of(self, node: Node, name: str) -> Made:
        body = node.child_by_field_name("body")
        if body is not None and body.type == "statement_block":
            inner = self.body(body)
        else:
            outer, self._hoisted = self._hoisted, []
            answered = self.at(node, ast.Return(self.expression(body)))
            inner, self._hoisted = [*self._hoisted, answered], outer
        given = node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
        return self.function(self.word(name), arguments(self._given(given)), inner, node)

    def _given(self, node: Node | None) -> Iterator[tuple[str, ast.expr | None]]:
        if node is None:
            return
        default = node.child_by_field_name("right") or node.child_by_field_name("value")
        if node.type in ("identifier", "shorthand_property_identifier_pattern"):
            yield self.word(text_of(node)), None
        elif node.type == "pair_pattern":
            yield from self._given(node.child_by_field_name("value"))
        elif node.type in (
            "assignment_pattern",
            "object_assignment_pattern",
            "required_parameter",
            "optional_parameter",
        ):
            inner = [*self._given(node.child_by_field_name("left") or node.child_by_field_name("pattern"))]
            plain = default is not None and len(inner) == 1
            yield from ((name, self.expression(default) if plain else of) for name, of in inner)
        elif "type" not in node.type:
            for one in node.named_children:
                yield from self._given(one)

    def _class(self, node: Node) -> ast.ClassDef:
        body: list[ast.stmt] = []
        decorators: list[ast.expr] = []
        for one in node.child_by_field_name("body").named_children:
            if one.type == "decorator":
                decorators.append(self.expression(one))
            elif one.type == "method_definition":
                made = self._function_of(one, text_of(one.child_by_field_name("name")))
                made.decorator_list, decorators = decorators, []
                body.append(made)
            elif "field_definition" in one.type:
                body += self._field(one)
        outer = [self.expression(one) for one in node.children if one.type == "decorator"]
        name = text_of(node.child_by_field_name("name"))
        return ast.ClassDef(name=name, bases=[], keywords=[], body=body or [ast.Pass()], decorator_list=outer)

    def _field(self, node: Node) -> list[ast.stmt]:
        """With what decorates it, as in `@IsEmail() email: string`."""
        value = node.child_by_field_name("value")
        name = text_of(node.child_by_field_name("property") or node.child_by_field_name("name"))
        if value is not None and value.type in _FUNCTIONS:
            return [self._function_of(value, name)]
        decorated = [self.expression(one) for one in node.children if one.type == "decorator"]
        given = [*decorated, *([self.expression(value)] if value is not None else [])]
        if not given:
            return []
        made = self.call(ast.Name("field"), *given) if decorated else given[0]
        return [self.at(node, ast.Assign([self.name(name)], made))]

    def _if(self, node: Node) -> list[ast.stmt]:
        other = node.child_by_field_name("alternative")
        return [
            ast.If(
                test=self.expression(node.child_by_field_name("condition")),
                body=self.body(node.child_by_field_name("consequence")),
                orelse=self.block(self._within(inner_of(other))) if other is not None else [],
            )
        ]

    def _for(self, node: Node) -> list[ast.stmt]:
        first, test = node.child_by_field_name("initializer"), node.child_by_field_name("condition")
        before = self.block([first]) if first is not None and first.type != "empty_statement" else []
        test = None if test is None or test.type == "empty_statement" else test
        asked = ast.Constant(True) if test is None else self.expression(test)
        return [*before, ast.While(asked, self.body(node.child_by_field_name("body")), [])]

    def _for_in(self, node: Node) -> list[ast.stmt]:
        target = self.expression(node.child_by_field_name("left"))
        over = self.expression(node.child_by_field_name("right"))
        return [ast.For(target, over, self.body(node.child_by_field_name("body")), [])]

    def _while(self, node: Node) -> list[ast.stmt]:
        test = self.expression(node.child_by_field_name("condition"))
        return [ast.While(test, self.body(node.child_by_field_name("body")), [])]

    def _switch(self, node: Node) -> Iterator[ast.stmt]:
        """One `if` for each case, with the values that lead to it."""
        of = self.expression(node.child_by_field_name("value"))
        values: list[ast.expr] = []
        for case in node.child_by_field_name("body").named_children:
            if (value := case.child_by_field_name("value")) is not None:
                values.append(self.expression(value))
            inner = case.children_by_field_name("body")
            if not inner:
                continue
            body = [one for one in self.block(inner) if not isinstance(one, ast.Break)] or [ast.Pass()]
            is_free = isinstance(of, ast.Constant) and of.value is True and values
            test = (values[0] if len(values) == 1 else ast.BoolOp(ast.Or(), values)) if is_free else is_one(of, values)
            yield (
                self.at(case, ast.If(test, body, [])) if values else self.at(case, ast.If(ast.Constant(True), body, []))
            )
            values = []

    def _try(self, node: Node) -> list[ast.stmt]:
        handler, last = node.child_by_field_name("handler"), node.child_by_field_name("finalizer")
        handlers = [ast.ExceptHandler(None, None, self.body(handler.child_by_field_name("body")))] if handler else []
        final = self.body(last.child_by_field_name("body")) if last is not None else []
        return [ast.Try(self.body(node.child_by_field_name("body")), handlers, [], final)]

    def _return(self, node: Node) -> list[ast.stmt]:
        return [ast.Return(self.expression(inner_of(node)) if node.named_children else None)]

    def _throw(self, node: Node) -> list[ast.stmt]:
        return [ast.Raise(self.expression(inner_of(node)))]

    def _export(self, node: Node) -> list[ast.stmt]:
        declared, value = node.child_by_field_name("declaration"), node.child_by_field_name("value")
        if declared is not None:
            if node.id in self._top:
                self._top.add(declared.id)
            made = self.statement(declared)
            for one in (one for one in made if isinstance(one, ast.ClassDef)):
                one.decorator_list += [self.expression(one) for one in node.children if one.type == "decorator"]
            return made
        if value is None:
            return []
        if value.type in _FUNCTIONS:
            return [self._function_of(value, "exported")]
        return [ast.Assign([ast.Attribute(ast.Name("module"), "exports")], self.expression(value))]

    # Expressions

    def _inner_function(self, node: Node) -> ast.expr:
        return self._handed(node, "inner")

    def _inner_class(self, node: Node) -> ast.expr:
        made = self._class(node)
        self.hoist(self.at(node, made))
        return ast.Name(made.name)

    def _handed(self, node: Node, name: str, *decorators: ast.expr) -> ast.expr:
        body = node.child_by_field_name("body")
        if body is None or (body.type != "statement_block" and not decorators):
            given = node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
            return ast.Lambda(arguments(self._given(given)), self.expression(body))
        made = self._function_of(node, name)
        made.decorator_list = [*decorators]
        self.hoist(made)
        return ast.Name(made.name)

    def _call(self, node: Node) -> ast.expr:
        function = self.expression(node.child_by_field_name("function"))
        given = parts_of(node.child_by_field_name("arguments"))
        last = next((one for one in reversed(given) if one.type in _FUNCTIONS), None)
        if last is None:
            return ast.Call(function, [self.expression(one) for one in given], [])
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "called")
        others = [self.expression(one) for one in given if one.id != last.id]
        first = ast.unparse(others[0]) if others and isinstance(others[0], ast.Constant) else ""
        decorators = [] if name in _EACH else [self.at(node, ast.Call(function, others, []))]
        handed = self._handed(last, f"{name} {first}", *decorators)
        return ast.Call(function, [*others, handed], [])

    def _new(self, node: Node) -> ast.expr:
        made = node.child_by_field_name("constructor")
        function: ast.expr = ast.Name(text_of(made)) if made.type == "identifier" else self.expression(made)
        given = node.child_by_field_name("arguments")
        return ast.Call(function, [self.expression(one) for one in parts_of(given)] if given is not None else [], [])

    def _member(self, node: Node) -> ast.expr:
        on, name = node.child_by_field_name("object"), text_of(node.child_by_field_name("property"))
        if text_of(on) in _OF_ENVIRONMENT:
            return ast.Subscript(self.expression(on), ast.Constant(name))
        return ast.Attribute(self.expression(on), self.word(name.lstrip("#")))

    def _subscript(self, node: Node) -> ast.expr:
        return ast.Subscript(
            self.expression(node.child_by_field_name("object")), self.expression(node.child_by_field_name("index"))
        )

    def _two_sided(self, node: Node) -> ast.expr:
        made = self.two_sided(node)
        match made:
            case ast.BoolOp(
                op=ast.Or(), values=[ast.Subscript(value=on, slice=key), ast.Constant() | ast.List() as value]
            ):
                return ast.Call(ast.Attribute(on, "get"), [key, value], [])  # `process.env.PORT || 80`
            case ast.Compare(
                left=ast.Call(func=ast.Name(id="typeof"), args=[of]), ops=ops, comparators=[ast.Constant("undefined")]
            ):
                return ast.Compare(of, ops, [ast.Constant(None)])
        return made

    def _unary(self, node: Node) -> ast.expr:
        sign, of = text_of(node.child_by_field_name("operator")), self.expression(node.child_by_field_name("argument"))
        if sign == "!":
            return self.negated(of)
        if sign in ("-", "+"):
            return ast.UnaryOp(ast.USub() if sign == "-" else ast.UAdd(), of)
        return self.call(ast.Name(self.word(sign)), of) if sign == "typeof" else of

    def _ternary(self, node: Node) -> ast.expr:
        fields = ("condition", "consequence", "alternative")
        return ast.IfExp(*(self.expression(node.child_by_field_name(one)) for one in fields))

    def _assigned_within(self, node: Node) -> ast.expr:
        return ast.Tuple([self.expression(node.child_by_field_name(one)) for one in ("left", "right")])

    def _element(self, node: Node) -> ast.expr:
        """`<Field max={3}>…</Field>` as `element(…, max=3)`: what a page is made of says nothing of who may."""
        opening = node.child_by_field_name("open_tag") or node
        named: list[ast.keyword] = []
        for one in (one for one in opening.named_children if one.type == "jsx_attribute"):
            key, *value = parts_of(one)
            named.append(
                ast.keyword(self.word(text_of(key)), self.expression(value[0]) if value else ast.Constant(True))
            )
        inner = [one for one in parts_of(node) if opening is not node and one.type not in _TAGS]
        return ast.Call(ast.Name("element"), [self.expression(one) for one in inner], named)

    def _object(self, node: Node) -> ast.expr:
        """Keys as arguments by name: they are options more often than not."""
        named: list[ast.keyword] = []
        for one in parts_of(node):
            key = one.child_by_field_name("key") or one.child_by_field_name("name")
            if one.type == "pair":
                named.append(ast.keyword(self._key(key), self._value(one, key)))
            elif one.type == "method_definition":
                self.hoist(self._function_of(one, text_of(key)))
            elif one.type == "shorthand_property_identifier":
                named.append(ast.keyword(self.word(text_of(one)), self.expression(one)))
            else:
                named.append(ast.keyword(None, self.expression(one)))
        return ast.Call(ast.Name("dict"), [], named)

    def _key(self, key: Node) -> str:
        text = text_of(key).strip("'\"")
        return self.word(text) if text.isidentifier() else text

    def _value(self, pair: Node, key: Node) -> ast.expr:
        value = pair.child_by_field_name("value")
        return self._handed(value, text_of(key)) if value.type in _FUNCTIONS else self.expression(value)

    def _template(self, node: Node) -> ast.expr:
        parts = [one for one in node.named_children if one.type == "template_substitution"]
        text = "".join("{}" if one.type == "template_substitution" else text_of(one) for one in node.named_children)
        if not parts:
            return ast.Constant(text)
        return ast.Call(
            ast.Attribute(ast.Constant(text), "format"), [self.expression(inner_of(one)) for one in parts], []
        )

    def _regex(self, node: Node) -> ast.expr:
        text = ast.Constant(text_of(node.child_by_field_name("pattern")))
        return ast.Call(ast.Attribute(ast.Name("re"), "compile"), [text], [])
