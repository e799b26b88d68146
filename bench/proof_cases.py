"""Small crashes of many kinds, each with its true fix and a fix that goes half the way."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from textwrap import dedent, indent


@dataclass(frozen=True, slots=True)
class CrashCase:
    """A module `app.py` that crashes, what mends it, and the tests around it.

    `broken` is what is wrong; `fixed` and `half` are what stands there instead. `crashes` is part of the line that
    raises, where that is another. `works` is the body of a test that passes from the beginning, `shows` that of one
    that crashes.
    """

    name: str
    kind: str
    source: str
    broken: str
    fixed: str
    half: str
    works: str
    shows: str
    crashes: str = ""

    def module(self, instead: str | None = None) -> str:
        """The module's text, with other lines at the place of the broken ones."""
        text = dedent(self.source).lstrip()
        assert text.count(self.broken) == 1, self.name
        return text if instead is None else text.replace(self.broken, instead)

    def test(self, body: str, name: str) -> str:
        """A test file with one test of this name."""
        head = (
            f"import unittest\n\nimport app\n\n\nclass {name.title()}(unittest.TestCase):\n    def test_{name}(self):\n"
        )
        return head + indent(dedent(body).strip(), " " * 8) + "\n"

    @property
    def line(self) -> int:
        """The line that crashes."""
        wanted = self.crashes or self.broken.splitlines()[0].strip()
        return next(number for number, text in enumerate(self.module().splitlines(), 1) if wanted in text)

    @property
    def function(self) -> str:
        """The innermost function around that line."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        found = [node for node in ast.walk(ast.parse(self.module())) if isinstance(node, kinds)]
        around = [node for node in found if node.lineno <= self.line <= (node.end_lineno or 0)]
        return max(around, key=lambda node: node.lineno).name if around else "<module>"

    def swallowed(self, handler: str) -> str:
        """The module with the crashing statement in a try, and this handler: the text from `except` on."""
        tree, line = ast.parse(self.module()), self.line
        return ast.unparse(ast.fix_missing_locations(Wrap(line, handler).visit(tree)))


class Wrap(ast.NodeTransformer):
    """Puts the statement that begins on a line into a try."""

    def __init__(self, line: int, handler: str) -> None:
        self._line = line
        self._handler = handler

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.stmt) and node.lineno == self._line:
            wrapped = ast.parse(f"try:\n    pass\n{self._handler}").body[0]
            assert isinstance(wrapped, ast.Try)
            wrapped.body = [node]
            return wrapped
        return self.generic_visit(node)


CASES = (
    CrashCase(
        name="missing key",
        kind="KeyError",
        source="""
        def total(order):
            price = order["price"] * order["count"]
            discount = order["discount"]
            return price - discount
        """,
        broken='    discount = order["discount"]',
        fixed='    discount = order.get("discount", 0)',
        half='    discount = order["discount"] if len(order) > 3 else order["discount"]',
        works='self.assertEqual(app.total({"price": 5, "count": 2, "discount": 1}), 9)',
        shows='self.assertEqual(app.total({"price": 5, "count": 2}), 10)',
    ),
    CrashCase(
        name="none has no attribute",
        kind="AttributeError",
        source="""
        class User:
            def __init__(self, name, nick):
                self.name = name
                self.nick = nick


        def label(user):
            shown = user.nick.strip()
            return f"<{shown}>"
        """,
        broken="    shown = user.nick.strip()",
        fixed="    shown = (user.nick or user.name).strip()",
        half='    shown = user.nick.strip() if hasattr(user, "nick") else user.name',
        works='self.assertEqual(app.label(app.User("Ada", " ada ")), "<ada>")',
        shows='self.assertEqual(app.label(app.User("Ada", None)), "<Ada>")',
    ),
    CrashCase(
        name="index past the end",
        kind="IndexError",
        source="""
        def window(items, size):
            found = []
            for start in range(len(items)):
                found.append((items[start], items[start + size - 1]))
            return found
        """,
        broken="    for start in range(len(items)):",
        fixed="    for start in range(len(items) - size + 1):",
        half="    for start in range(len(items) - 1):",
        works="self.assertEqual(app.window([1, 2], 1), [(1, 1), (2, 2)])",
        shows="self.assertEqual(app.window([1, 2, 3, 4], 3), [(1, 3), (2, 4)])",
        crashes="found.append",
    ),
    CrashCase(
        name="division by zero",
        kind="ZeroDivisionError",
        source="""
        def mean(numbers):
            total = sum(numbers)
            return total / len(numbers)
        """,
        broken="    return total / len(numbers)",
        fixed="    return total / len(numbers) if numbers else 0.0",
        half="    return total / len(numbers) if numbers is not None else 0.0",
        works="self.assertEqual(app.mean([1, 3]), 2)",
        shows="self.assertEqual(app.mean([]), 0.0)",
    ),
    CrashCase(
        name="text where a number is meant",
        kind="ValueError",
        source="""
        def seconds(text):
            factor = {"s": 1, "m": 60, "h": 3600}
            number = int(text[:-1])
            return number * factor[text[-1]]
        """,
        broken="    number = int(text[:-1])",
        fixed="    number = float(text[:-1])",
        half="    number = int(text[:-1].strip())",
        works='self.assertEqual(app.seconds("2m"), 120)',
        shows='self.assertEqual(app.seconds("1.5h"), 5400)',
    ),
    CrashCase(
        name="numbers and text added",
        kind="TypeError",
        source="""
        def headline(title, count):
            return title + ": " + count
        """,
        broken='    return title + ": " + count',
        fixed='    return title + ": " + str(count)',
        half='    return str(title) + ": " + count',
        works='self.assertEqual(app.headline("a", "b"), "a: b")',
        shows='self.assertEqual(app.headline("posts", 3), "posts: 3")',
    ),
    CrashCase(
        name="bytes of another encoding",
        kind="UnicodeDecodeError",
        source="""
        def read_name(raw):
            text = raw.decode("utf-8")
            return text.title()
        """,
        broken='    text = raw.decode("utf-8")',
        fixed='    text = raw.decode("utf-8", "replace")',
        half='    text = raw.strip().decode("utf-8")',
        works='self.assertEqual(app.read_name(b"ada"), "Ada")',
        shows='self.assertEqual(app.read_name(b"ada \\xff"), "Ada \\ufffd")',
    ),
    CrashCase(
        name="a dictionary that changes under the loop",
        kind="RuntimeError",
        source="""
        def drop_expired(sessions, now):
            for name in sessions:
                if sessions[name] < now:
                    del sessions[name]
            return sessions
        """,
        broken="    for name in sessions:",
        fixed="    for name in list(sessions):",
        half="    for name in sessions.keys():",
        works='self.assertEqual(app.drop_expired({"a": 5}, 1), {"a": 5})',
        shows='self.assertEqual(app.drop_expired({"a": 1, "b": 9, "c": 1}, 5), {"b": 9})',
    ),
    CrashCase(
        name="endless recursion",
        kind="RecursionError",
        source="""
        def depth(node):
            children = node.get("children", ())
            return 1 + max((depth(child) for child in children), default=0)


        def flatten(node, seen=None):
            names = [node["name"]]
            for child in node.get("children", ()):
                names += flatten(child)
            return names
        """,
        broken="""    names = [node["name"]]
    for child in node.get("children", ()):
        names += flatten(child)
    return names""",
        fixed="""    seen = set() if seen is None else seen
    if node["name"] in seen:
        return []
    seen.add(node["name"])
    names = [node["name"]]
    for child in node.get("children", ()):
        names += flatten(child, seen)
    return names""",
        half="""    names = [node["name"]]
    for child in node.get("children", ()):
        if child is not node:
            names += flatten(child)
    return names""",
        works='self.assertEqual(app.flatten({"name": "a", "children": [{"name": "b"}]}), ["a", "b"])',
        shows="""
        first, second = {"name": "a"}, {"name": "b"}
        first["children"], second["children"] = [second], [first]
        self.assertEqual(app.flatten(first), ["a", "b"])
        """,
        crashes="names += flatten",
    ),
    CrashCase(
        name="a name that is bound in one branch only",
        kind="UnboundLocalError",
        source="""
        def grade(points):
            if points > 90:
                mark = "A"
            elif points > 50:
                mark = "B"
            return mark
        """,
        broken='    elif points > 50:\n        mark = "B"',
        fixed='    elif points > 50:\n        mark = "B"\n    else:\n        mark = "C"',
        half='    elif points > 40:\n        mark = "B"',
        works='self.assertEqual(app.grade(95), "A")',
        shows='self.assertEqual(app.grade(10), "C")',
        crashes="return mark",
    ),
    CrashCase(
        name="too many values",
        kind="ValueError",
        source="""
        def pairs(text):
            found = {}
            for part in text.split(";"):
                name, value = part.split("=")
                found[name] = value
            return found
        """,
        broken='        name, value = part.split("=")',
        fixed='        name, value = part.split("=", 1)',
        half='        name, value = part.strip("=").split("=")',
        works='self.assertEqual(app.pairs("a=1;b=2"), {"a": "1", "b": "2"})',
        shows='self.assertEqual(app.pairs("a=1;q=x=y"), {"a": "1", "q": "x=y"})',
    ),
    CrashCase(
        name="an empty sequence",
        kind="ValueError",
        source="""
        def longest(words):
            return max(words, key=len)
        """,
        broken="    return max(words, key=len)",
        fixed='    return max(words, key=len, default="")',
        half="    return max(list(words), key=len)",
        works='self.assertEqual(app.longest(["a", "bb"]), "bb")',
        shows='self.assertEqual(app.longest([]), "")',
    ),
    CrashCase(
        name="a list as a key",
        kind="TypeError",
        source="""
        def count(rows):
            seen = {}
            for row in rows:
                seen[row] = seen.get(row, 0) + 1
            return sorted(seen.values())
        """,
        broken="        seen[row] = seen.get(row, 0) + 1",
        fixed="        seen[tuple(row)] = seen.get(tuple(row), 0) + 1",
        half="        seen[row] = seen.get(tuple(row), 0) + 1",
        works='self.assertEqual(app.count(["a", "b", "a"]), [1, 2])',
        shows="self.assertEqual(app.count([[1, 2], [1, 2], [3]]), [1, 2])",
    ),
    CrashCase(
        name="an attribute set too late",
        kind="AttributeError",
        source="""
        class Counter:
            def __init__(self):
                self.calls = 0

            def start(self):
                self.names = []

            def add(self, name):
                self.names.append(name)
                self.calls += 1
                return len(self.names)
        """,
        broken="        self.calls = 0",
        fixed="        self.calls = 0\n        self.names = []",
        half="        self.calls = 0\n        self.name = []",
        works="""
        counter = app.Counter()
        counter.start()
        self.assertEqual(counter.add("a"), 1)
        """,
        shows="""
        counter = app.Counter()
        self.assertEqual([counter.add("a"), counter.add("b")], [1, 2])
        """,
        crashes="self.names.append",
    ),
    CrashCase(
        name="a file that is not there yet",
        kind="FileNotFoundError",
        source="""
        import json
        import pathlib


        def load(path):
            text = pathlib.Path(path).read_text()
            return json.loads(text)
        """,
        broken="    text = pathlib.Path(path).read_text()",
        fixed="""    try:
        text = pathlib.Path(path).read_text()
    except FileNotFoundError:
        text = '{"version": 1}'""",
        half="    text = pathlib.Path(path).resolve().read_text()",
        works="""
        import tempfile
        with tempfile.NamedTemporaryFile("w") as file:
            file.write('{"a": 2}')
            file.flush()
            self.assertEqual(app.load(file.name), {"a": 2})
        """,
        shows='self.assertEqual(app.load("/nowhere/at/all.json"), {"version": 1})',
    ),
    CrashCase(
        name="a string that is no JSON",
        kind="JSONDecodeError",
        source="""
        import json


        def command(line):
            body = json.loads(line)
            return body["name"], body.get("args", [])
        """,
        broken="    body = json.loads(line)",
        fixed="""    if not line.startswith("{"):
        return line.strip(), []
    body = json.loads(line)""",
        half="    body = json.loads(line.strip())",
        works="""self.assertEqual(app.command('{"name": "go"}'), ("go", []))""",
        shows='self.assertEqual(app.command("stop\\n"), ("stop", []))',
    ),
    CrashCase(
        name="an argument too few",
        kind="TypeError",
        source="""
        class Shape:
            def area(self, scale):
                return 4 * scale


        def areas(shapes, scale=1):
            return [shape.area() for shape in shapes]
        """,
        broken="    return [shape.area() for shape in shapes]",
        fixed="    return [shape.area(scale) for shape in shapes]",
        half="    return [shape.area() for shape in list(shapes)]",
        works="self.assertEqual(app.Shape().area(2), 8)",
        shows="self.assertEqual(app.areas([app.Shape()], 3), [12])",
    ),
    CrashCase(
        name="a date without a zone",
        kind="TypeError",
        source="""
        import datetime


        def age_in_days(then, now):
            then = datetime.datetime.fromisoformat(then)
            return (now - then).days
        """,
        broken="    then = datetime.datetime.fromisoformat(then)",
        fixed="""    then = datetime.datetime.fromisoformat(then)
    if then.tzinfo is None:
        then = then.replace(tzinfo=datetime.timezone.utc)""",
        half="    then = datetime.datetime.fromisoformat(then.strip())",
        works="""
        import datetime
        now = datetime.datetime(2024, 1, 3, tzinfo=datetime.timezone.utc)
        self.assertEqual(app.age_in_days("2024-01-01T00:00:00+00:00", now), 2)
        """,
        shows="""
        import datetime
        now = datetime.datetime(2024, 1, 3, tzinfo=datetime.timezone.utc)
        self.assertEqual(app.age_in_days("2024-01-01T00:00:00", now), 2)
        """,
    ),
    CrashCase(
        name="a generator that is used up",
        kind="StopIteration",
        source="""
        def head_and_rest(items):
            items = iter(items)
            head = next(items)
            return head, list(items)
        """,
        broken="    head = next(items)",
        fixed='    head = next(items, "nobody")',
        half="    head = items.__next__()",
        works="self.assertEqual(app.head_and_rest([1, 2]), (1, [2]))",
        shows='self.assertEqual(app.head_and_rest([]), ("nobody", []))',
    ),
    CrashCase(
        name="an assertion too strict",
        kind="AssertionError",
        source="""
        def share(amount, people):
            assert amount % people == 0
            return [amount // people] * people
        """,
        broken="    assert amount % people == 0\n    return [amount // people] * people",
        fixed="    rest = amount % people\n    return [amount // people + (one < rest) for one in range(people)]",
        half="    assert amount % people in (0, 2)\n    return [amount // people] * people",
        works="self.assertEqual(app.share(6, 3), [2, 2, 2])",
        shows="self.assertEqual(app.share(7, 3), [3, 2, 2])",
    ),
    CrashCase(
        name="an overflow",
        kind="OverflowError",
        source="""
        import math


        def grown(rate, years):
            factor = math.exp(rate * years)
            return round(factor, 2)
        """,
        broken="    factor = math.exp(rate * years)",
        fixed="    factor = math.exp(min(rate * years, 700))",
        half="    factor = math.exp(float(rate) * years)",
        works="self.assertEqual(app.grown(0, 5), 1.0)",
        shows="self.assertTrue(app.grown(100, 100) > 10 ** 300)",
    ),
    CrashCase(
        name="an error in a coroutine",
        kind="KeyError",
        source="""
        import asyncio


        async def fetch(cache, key):
            await asyncio.sleep(0)
            return cache[key]


        async def fetch_all(cache, keys):
            return await asyncio.gather(*(fetch(cache, key) for key in keys))
        """,
        broken="    return cache[key]",
        fixed='    return cache.get(key, f"no {key}")',
        half="    return cache[str(key)]",
        works='import asyncio\nself.assertEqual(asyncio.run(app.fetch_all({"a": 1}, ["a"])), [1])',
        shows='import asyncio\nself.assertEqual(asyncio.run(app.fetch_all({"a": 1}, ["a", "b"])), [1, "no b"])',
    ),
    CrashCase(
        name="a server that breaks off",
        kind="ConnectionError",
        source="""
        import socket
        import threading


        def ask(question):
            with socket.create_server(("127.0.0.1", 0)) as server:
                thread = threading.Thread(target=_answer, args=(server,))
                thread.start()
                with socket.create_connection(server.getsockname()) as client:
                    client.sendall(question.encode())
                    client.shutdown(socket.SHUT_WR)
                    reply = client.makefile().read()
                thread.join()
            if not reply:
                raise ConnectionError("the server broke off")
            return reply


        def _answer(server):
            client, _ = server.accept()
            with client:
                question = client.makefile().read()
                client.sendall(question.upper().encode("ascii", "ignore"))
        """,
        broken='        client.sendall(question.upper().encode("ascii", "ignore"))',
        fixed="        client.sendall(question.upper().encode())",
        half='        client.sendall(question.upper().strip().encode("ascii", "ignore"))',
        works='self.assertEqual(app.ask("abc"), "ABC")',
        shows='self.assertEqual(app.ask("\\u00e4"), "\\u00c4")',
        crashes="raise ConnectionError",
    ),
    CrashCase(
        name="a class that is not found in its table",
        kind="KeyError",
        source="""
        HANDLERS = {int: "number", str: "text"}


        def kind(value):
            return HANDLERS[type(value)]
        """,
        broken="    return HANDLERS[type(value)]",
        fixed='    return next((name for one, name in HANDLERS.items() if isinstance(value, one)), "thing")',
        half="    return HANDLERS[type(value)] if value else HANDLERS[int]",
        works='self.assertEqual(app.kind("a"), "text")',
        shows='self.assertEqual([app.kind(True), app.kind(1.5)], ["number", "thing"])',
    ),
)
