"""What held something back and is gone or looser: a human is shown it, in Python, Node and Go."""

from __future__ import annotations

import pytest

from kintsugi.repair.apply import Applied
from kintsugi.repair.policy import Rule, check
from tests.repair.memory_tree import MemoryTree

HELD = "def pay(self, x):\n    with self.gate:\n        x.take()\n        x.save()\n"
LIKE_HELD = "def pay(self, x):\n    with transaction.atomic():\n        x.save()\n    log.info(x)\n"
COMMIT = 'def pay(c):\n    c.execute("UPDATE a SET b = 1")\n    c.execute("COMMIT")\n'
ASKED = "def f(x, y):\n    if not x.is_active or x.size > y:\n        raise E\n    return go(x)\n"
TOLD = "async def f(x, me):\n    if x.maker != me:\n        await x.tell()\n        return\n    await x.drop()\n"
QUERY = 'def f(c, g):\n    return c.fetch("SELECT a FROM b WHERE guild_id = $1 LIMIT 9", g)\n'
SETTINGS = 'MIDDLEWARE = ["a.Csrf", "a.Gzip"]\nSESSION_COOKIE_AGE = 600\n'


def looks(path: str, before: str, after: str) -> list[str]:
    found = check(Applied({path: after.encode()}), MemoryTree({path: before}))
    return [one.sentence for one in found if one.rule is Rule.LOOK]


@pytest.mark.parametrize(
    ("before", "old", "new", "says"),
    [
        (HELD, "    with self.gate:\n        x.take()\n        x.save()", "    x.take()\n    x.save()", "a lock"),
        (HELD, "        x.save()", "    x.save()", "a lock"),
        (HELD, "self.gate", "Lock()", "a lock"),
        (LIKE_HELD, "with transaction.atomic()", "if True", "a transaction"),
        ("def f(q):\n    return q.select_for_update().get()\n", ".select_for_update()", "", "a lock"),
        ("x.get(1, follow_redirects=False)\n", "follow_redirects=False", "follow_redirects=True", "protects a call"),
        ("def f(x):\n    return x.get(1, timeout=9)\n", ", timeout=9", "", "protects a call"),
        ("def f(x):\n    x.send(1, ephemeral=True)\n", ", ephemeral=True", "", "who sees it"),
        (ASKED, "not x.is_active or ", "", "let through"),
        ("def f(x):\n    return [y for y in x if y.ok(1) and y.n]\n", "y.ok(1) and ", "", "asks less"),
        (TOLD, "        return\n", "", "goes on"),
        (QUERY, "WHERE guild_id = $1 ", "", "more rows"),
        (QUERY, " LIMIT 9", "", "more rows"),
        (SETTINGS, '"a.Csrf", ', "", "setting of security"),
        (SETTINGS, "= 600", "= 60000", "setting of security"),
        ("def f(u, n):\n    key = (u.guild_id, n)\n    go(key)\n", "(u.guild_id, n)", "n", "users apart"),
        ("@cache\ndef f(user, n):\n    return n\n", "user, ", "", "users apart"),
        ("def f(i, c):\n    if i.guild_id != c.home:\n        return\n    go()\n", "!= c.home", "is None", "who may"),
    ],
)
def test_what_held_something_back_is_not_let_go_silently(before: str, old: str, new: str, says: str):
    found = looks("shop/till.py", before, before.replace(old, new))

    assert any(says in one for one in found) if says else not found, found


def test_what_is_written_after_the_commit_is_told():
    lines = COMMIT.splitlines(keepends=True)

    assert looks("shop/till.py", COMMIT, "".join((lines[0], lines[2], lines[1]))) == [
        "It takes away a lock or a transaction. (c.execute('UPDATE a SET b = 1') is outside of it now)"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (HELD, HELD + "\n\ndef other():\n    pass\n"),
        (HELD, HELD.replace("x.take()", "x.take_all()")),
        (HELD + "\n\ndef g():\n    pass\n", "def g():\n    pass\n"),  # gone with all that it held
        (
            "def f(x):\n    if x is None or x.n:\n        return\n    go(x)\n",
            "def f(x):\n    if x.n:\n        return\n    go(x)\n",
        ),
        (LIKE_HELD, LIKE_HELD.replace("    log", "        log")),
        ("def f(x):\n    x.send(1, ephemeral=False)\n", "def f(x):\n    x.send(1)\n"),
    ],
)
def test_what_lets_nothing_go_is_silent(before: str, after: str):
    assert looks("shop/till.py", before, after) == []


@pytest.mark.parametrize(
    ("path", "before", "after", "says"),
    [
        ("a.go", "s.mu.Lock()\nx()\n", "x()\n", "a lock"),
        ("a.go", "if a.N >= b.N {\n", "if a.N > b.N {\n", "turns a comparison"),
        ("a.go", "Timeout: 5 * time.Second,\n", "Timeout: 5 * time.Hour,\n", "a limit"),
        ("a.go", 'log.Printf("%s", id)\n', 'log.Printf("%s %s", id, s.Token)\n', "about a secret"),
        ("a.ts", "if (!a || a.owner !== b) {\n", "if (!a) {\n", "asks less"),
        ("a.ts", "no();\n  return;\n}\n", "no();\n}\n", "goes on"),
        ("a.js", "cookie({ secure: true })\n", "cookie({ secure: false })\n", "protects a call"),
        ("a.js", "app.use(helmet());\ngo();\n", "go();\n", "who may"),
        ("a.js", "x(escapeHtml(a));\n", "x(a);\n", "cleans or checks less"),
        ("a.js", "max: 30,\n", "max: 40,\n", "a limit"),
        ("a.js", "go(a);\n", "go(a ?? 0);\n", ""),
    ],
)
def test_other_languages_go_by_their_lines(path: str, before: str, after: str, says: str):
    found = looks(path, before, after)

    assert any(says in one for one in found) if says else not found, found
