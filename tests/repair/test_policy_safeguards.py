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
RENAMED = f"{HELD}\n\nclass A:\n    pass\n"
TWO = """class A:
    def go(self):
        with self.gate:
            self.x()


class B:
    def go(self):
        with open(self.a) as b:
            return b.read()
"""
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
        ("def f(x):\n    return x.get(1, timeout=9)\n", ", timeout=9", "", "changes a limit"),
        ("def f(x):\n    x.send(1, ephemeral=True)\n", ", ephemeral=True", "", "who sees it"),
        (ASKED, "not x.is_active or ", "", "asks less"),
        ("def f(x):\n    return [y for y in x if y.ok(1) and y.n]\n", "y.ok(1) and ", "", "asks less"),
        (TOLD, "        return\n", "", "goes on"),
        (QUERY, "WHERE guild_id = $1 ", "", "more rows"),
        (QUERY, " LIMIT 9", "", "more rows"),
        (SETTINGS, '"a.Csrf", ', "", "setting of security"),
        (SETTINGS, "= 600", "= 60000", "setting of security"),
        ("def f(u, n):\n    key = (u.guild_id, n)\n    go(key)\n", "(u.guild_id, n)", "n", "users apart"),
        (
            "def f(self):\n    with self.gate:\n        go()\n        on()\n",
            "    with self.gate:\n",
            "    if 1:\n",
            "a lock",
        ),
        (RENAMED, "def pay(self, x):\n    with self.gate:", "def pay2(self, x):\n    if 1:", "a lock"),
        (TWO, "        with self.gate:", "        if 1:", "a lock"),
        ("class A:\n    link: HttpUrl\n", "HttpUrl", "str", "takes more"),
        ("def f(env):\n    go(env['BACK_URL'])\n", "['BACK_URL']", ".get('BACK_URL', 'http://a.b')", "the default"),
        (
            "w = {a: PermissionOverwrite(view=False), b: 1}\n",
            "a: PermissionOverwrite(view=False), ",
            "",
            "protects a call",
        ),
        ("async def f(g, m):\n    await m.go()\n", "m.go()", "[x.ban() for x in g.members]", "all there are"),
        (
            "async def f(g):\n    go(g)\n",
            "go(g)",
            "for c in list(g.channels):\n        await c.delete()",
            "all there are",
        ),
        ("def f(self, t):\n    return t\n", "return t", "return t.format_map({1: self.bot})", "A text decides"),
        ("def f(df, t):\n    return df\n", "return df", "return df.query(t)", "A text decides"),
        ("@cache\ndef f(user, n):\n    return n\n", "user, ", "", "users apart"),
        ("def f(x):\n    if x.banned:\n        return False\n    go(x)\n", "False", "True", "turns a condition"),
        (
            "def f(x):\n    if x.role != 'a':\n        raise E\n",
            "x.role !=",
            "x.guest and x.role !=",
            "who may",
        ),
        (
            "def f(x):\n    x.headers['X-Frame-Options'] = 'DENY'\n    go(x)\n",
            "    x.headers['X-Frame-Options'] = 'DENY'\n",
            "",
            "protects",
        ),
        ("def f(x):\n    x.user.token = ''\n    go(x)\n", "    x.user.token = ''\n", "", "protects"),
        ("def f(x):\n    x.invalidate()\n    go(x)\n", "    x.invalidate()\n", "", "no longer checks"),
        ("def f(x):\n    log.info(x.headers.get('a'))\n", "x.headers.get('a')", "dict(x.headers)", "about a secret"),
        ("def f(x):\n    can_use(x)\n    go(x)\n", "    can_use(x)\n", "", "no longer checks"),
        ("def f(x):\n    x.go(timeout=x.wait)\n", "timeout=x.wait", "", "changes a limit"),
        ("def f(x):\n    return x.body[:x.body_limit]\n", "[:x.body_limit]", "", "a limit"),
        ("def f(x):\n    x.follow(30)\n", "30", "3000", "a limit"),
        ("def f(x):\n    may = x.asks(1)\n    go(may)\n", "    go", "    may = x.other\n    go", "sets it again"),
        ("def f(x):\n    most = x.most\n    go(most)\n", "    go", "    most = most * 100\n    go", "sets it again"),
        (
            "def f(x):\n    x = x.strip()\n    go(x)\n    return x\n",
            "    x = x.strip()\n    go(x)\n",
            "    go(x)\n    x = x.strip()\n",
            "reads it before",
        ),
        (
            "def f(x):\n    for y in x:\n        if y.kind == 3:\n            continue\n        go(y)\n",
            "        if y.kind == 3:\n            continue\n",
            "",
            "left before",
        ),
        ("def f(x):\n    return re.match('^[a-z]+$', x)\n", "+$", "+", "more text"),
        (
            "def f(x):\n    return any(role.name == 'a' for role in x)\n",
            "role.name == 'a'",
            "'a' in role.name",
            "who may",
        ),
        ("def f(c):\n    c.run('SELECT a FROM b WHERE active = 1 AND c = ?')\n", "active = 1 AND ", "", "more rows"),
        (
            "def f(x):\n    return x.get(member__user=x.me, a=1)\n",
            "member__user=x.me, ",
            "",
            "no longer tells users apart",
        ),
        (
            "def is_ok(x):\n    if x.a:\n        return x.b\n    else:\n        return False\n",
            "False",
            "True",
            "turns a condition",
        ),
        ("def f(x):\n    if x.a:\n        return True\n    return False\n", "x.a", "x.a or x.b", "lets in more"),
        ("def f(x):\n    if not isinstance(x, A):\n        go(x)\n", "not ", "", "turns a condition"),
        ("def f(x):\n    if x.kind == 0:\n        go(x)\n", "== 0", "!= 1", "turns a condition"),
        ("def f(x):\n    clear_session(x)\n    go(x)\n", "    clear_session(x)\n", "", "no longer checks"),
        ("def f(x, d):\n    x.key = hashed_key\n", "hashed_key", "d", "no longer signs, hashes or hides"),
        ("def f(x, d):\n    d['exp'] = x\n    go(d)\n", "    d['exp'] = x\n", "", "protects a call"),
        (
            "def f(x):\n    if x == '':\n        return no(401)\n    go(x)\n",
            "    if x == '':\n        return no(401)\n",
            "",
            "left before",
        ),
        ("def f(x):\n    return x.type == 'admin'\n", "== 'admin'", "!= 'user'", "who may"),
        (
            "def f(x):\n    return may_view(x, x.permissions)\n",
            "may_view(x, x.permissions)",
            "True",
            "no longer checks",
        ),
        ("def f(x):\n    set_cache(x.token, 1)\n", "x.token", "'all'", "users apart"),
        (
            "def f(x):\n    return x.find(1, status=x.normal)\n",
            ", status=x.normal",
            "",
            "reaches more rows than before",
        ),
        ("def f(x):\n    y = verify_pin(x)\n    go(y)\n", "verify_pin(x)", "verify_pin(x) or x.old", "lets in more"),
        ("def f(x):\n    y = verify(x) or no(x)\n    go(y)\n", "verify(x) or", "verify(x) or x.b or", "lets in more"),
        ("def allows(x):\n    return x.name in NAMES\n", "in NAMES", "is not None", "asks less"),
        ("def f(i, c):\n    if i.guild_id != c.home:\n        return\n    go()\n", "!= c.home", "is None", "asks less"),
        (
            "def f(x):\n    if x.kind == 3:\n        raise no()\n    pay(x)\n",
            "    if x.kind == 3:\n        raise no()\n    pay(x)",
            "    pay(x)\n    if x.kind == 3:\n        raise no()",
            "before it asks",
        ),
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
        ("@staticmethod\ndef f(user, n):\n    return n\n", "@staticmethod\ndef f(n):\n    return n\n"),
        ("def f(x):\n    return x\n", "def f(x):\n    return x[:5]\n"),
        ("async def f(g):\n    pass\n", "async def f(g):\n    for m in g.members:\n        await m.send(1)\n"),
        ("def f(t, n):\n    return t\n", "def f(t, n):\n    return t.format(n)\n"),
        ("def f(x):\n    x.send(1, ephemeral=False)\n", "def f(x):\n    x.send(1)\n"),
        ("def f(x):\n    x.get(x.user.id)\n", "def f(x):\n    x.get(str(x.me.user.id))\n"),
        ("def f(x):\n    x.get(secure=False)\n", "def f(x):\n    x.get(secure=x.is_safe)\n"),
        ("def f(x):\n    x.set(x.text)\n", "def f(x):\n    x.set(x.text[:200])\n"),
        ("def f(x):\n    x.set(x.lines)\n", "def f(x):\n    x.set(x.lines[:2000])\n"),
        ("def f(x):\n    go(x.n - 1)\n", "def f(x):\n    go(max(x.n - 1, 1))\n"),
        (
            "def f(x):\n    try:\n        go()\n    except:\n        no()\n",
            "def f(x):\n    try:\n        go()\n    except Exception:\n        no()\n",
        ),
        (
            "@cooldown(1, cooldown_id='a')\ndef f(x):\n    pass\n",
            "@cooldown(1, cooldown_id='b')\ndef f(x):\n    pass\n",
        ),
        ("def f(x):\n    if x:\n        return True\n    return False\n", "def f(x):\n    return x\n"),
    ],
)
def test_what_lets_nothing_go_is_silent(before: str, after: str):
    assert looks("shop/till.py", before, after) == []


@pytest.mark.parametrize(
    ("path", "before", "after", "says"),
    [
        ("a.go", "s.mu.Lock()\nx()", "x()", "a lock"),
        ("a.go", "s.mu.Lock()\nx()\ny()\ns.mu.Unlock()", "s.mu.Lock()\nx()\ns.mu.Unlock()\ny()", "a lock"),
        ("a.go", "if a.N >= b.N {\nx()\n}", "if a.N > b.N {\nx()\n}", "turns a condition"),
        ("a.go", "c := http.Client{Timeout: 5 * time.Second}", "c := http.Client{Timeout: 5 * time.Hour}", "a limit"),
        ("a.go", 'log.Printf("%s", id)', 'log.Printf("%s %s", id, s.Token)', "about a secret"),
        ("a.go", "if n.OwnerID != u.ID {\nreturn\n}", 'if n.OwnerID == "" {\nreturn\n}', "who may"),
        ("a.go", "if err := x(); err != nil {\nreturn err\n}", "x()", "Nobody asks"),
        ("a.go", "b := io.LimitReader(r.Body, most)", "b := r.Body", "a limit"),
        ("a.go", "d := n * time.Second", "d := n * time.Hour", "a limit"),
        ("a.go", 'r.Post("/a", mw.Auth, h)', 'r.Post("/a", h)', "who may"),
        ("a.go", 'l.Error().Err(err).Msg("a")', 'l.Error().Str("t", token).Msg("a")', ""),
        ("a.go", 'log.Error().Err(err).Msg("a")', 'log.Error().Str("t", token).Msg("a")', "about a secret"),
        ("a.go", "x(a)", "x(b)", ""),
        ("a.ts", "if (!a || a.owner !== b) { return; }", "if (!a) { return; }", "who may"),
        ("a.ts", "if (a.banned) {\n  no();\n  return;\n}", "if (a.banned) {\n  no();\n}", "who may"),
        ("a.js", "cookie({ secure: true })", "cookie({ secure: false })", "protects a call"),
        ("a.js", "app.use(helmet());\ngo();", "go();", "no longer checks"),
        (
            "a.js",
            "app.get('/a', requireAdmin, (q, a) => { go(q); });",
            "app.get('/a', (q, a) => { go(q); });",
            "who may",
        ),
        ("a.js", "x(escapeHtml(a));", "x(a);", "no longer escapes or cleans"),
        ("a.js", "if (x.every((a) => a.ok)) go();", "if (x.some((a) => a.ok)) go();", "turns a condition"),
        ("a.js", "const a = class { x() { lock.acquire(); go(); } };", "const a = class { x() { go(); } };", "a lock"),
        ("a.js", "const a = Joi.string().required();", "const a = Joi.string();", "no longer checks"),
        ("a.js", "r.get(auth('a'), h);", "r.get(auth(), h);", "reaches more rows than before"),
        ("a.js", "x({ max: 30 });", "x({ max: 40 });", "a limit"),
        ("a.js", "const p = process.env.KEEP || '1';", "const p = process.env.KEEP || '2';", "the default"),
        ("a.js", "go(a);", "go(a ?? 0);", ""),
        ("a.js", "go(a.b.c);", "go(a?.b?.c);", ""),
        ("a.js", "if (!(await isAdmin(a))) return no();", "if (!isAdmin(a)) return no();", "waits"),
        ("a.ts", "if (!a.isAdmin) return no();", f"// {'x y ' * 600}", "so long"),
        ("a.js", "go((a) => { x(a); });", "go(async (a) => { await x(a); });", ""),
    ],
)
def test_other_languages_are_read_alike(path: str, before: str, after: str, says: str):
    around = "package a\n\nfunc f() error {{\n{}\n}}\n" if path.endswith(".go") else "function f() {{\n{}\n}}\n"

    found = looks(path, around.format(before), around.format(after))

    assert any(says in one for one in found) if says else not found, found


def test_names_are_told_as_they_are_written():
    before, after = (f"function f() {{ if (a.maxAge {sign} b.minAge) go(); }}" for sign in ("<", ">"))

    assert looks("a.js", before, after) == ["It turns a condition. (a.maxAge < b.minAge → a.maxAge > b.minAge)"]


def test_code_that_is_nested_too_deep_is_shown():
    chain = "x" + ".a(1)" * 300

    assert looks("a.py", f"{chain}\n", f"{chain}.b()\n") == ["It is nested so deep that nothing can be told of it."]
