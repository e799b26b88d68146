"""Failures and answers that nobody hears of any more, and what is told beside others: row by row, in three languages."""

from __future__ import annotations

import pytest

from tests.repair.test_policy_safeguards import looks

PAYS = "def pay(x):\n    x.verify(1)\n    x.charge(1)\n    return x\n"
TRIED = "    try:\n        x.verify(1)\n    except Exception:\n        {}\n"
JS_PAYS = "async function pay(x) {\n  await x.verify(1);\n  await x.charge(1);\n}\n"
JS_OPENS = (
    "async function f(x) {\n  const may = await x.check(1);\n  if (!may) throw new Error('no');\n  x.open();\n}\n"
)
GO_LOADS = "package a\n\nfunc load(k string) error {\n\terr := check(k)\n\tif err != nil {\n\t\treturn err\n\t}\n\tgo_(k)\n\treturn nil\n}\n"
SEEN = "def take(self, key):\n    if key in self.seen:\n        return\n    go(key)\n    self.seen.add(key)\n"
OPENS = "def f(x):\n    if x.age < 9:\n        raise No\n    pay(x, 1)\n"
SERVES = "def serve(x):\n    said = _error(x, 1)\n    if x.kind != 1:\n        x.go(said)\n    return said\n"
KEPT = 'USER_COLUMNS = """SELECT id FROM users WHERE id = ?"""\n'
HINTS = "def f(x, m):\n    if x.ids >= m or is_admin():\n        go(x)\n    else:\n        raise No\n"
POSTS = "def login(x):\n    return post(x.url, data=x.token)\n"
QUIZ = "def f(x):\n    try:\n        return go(x)\n    except No:\n        say(x)\n        return\n"
CLEARS = "def f(x):\n    a = find(x)\n    clear_all(x)\n    return a\n"
GO_MAKES = "package a\n\nfunc f(c C) *P {\n\treturn New(c, []Option{WithCookie(c), WithPKCE(c)})\n}\n"
AGED = "def {}(x):\n    if x.age < 9:\n        raise No(x)\n{}"
LEFT = "    if x.kind != 1:\n        return None\n    if x.age"
HELD = "def f(x):\n    with atomic(durable=True):\n        x.go(1)\n        x.pay(2)\n"
ROUND = "def f(x):\n    for y in x:\n        if y.ok:\n            a(y)\n            b(y)\n"
SPENDS = "def spend(x):\n    if not x.fits(1):\n        return False\n    mark_code_used(x, 1)\n    return True\n"
GO_SCANS = "package a\n\nfunc f(x *X) (*X, error) {\n\terr := x.go_(1)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\treturn x, nil\n}\n"
OPENS_DOOR = "def f(x):\n    may = x.check(1)\n    if not may:\n        raise No\n    x.open(1)\n    x.show(2)\n"
TWICE = "def f(x):\n    if x.a > 1:\n        x.mail(2)\n        x.drop(1)\n    if x.b > 1:\n        x.mail(3)\n        x.drop(1)\n"
ASKS_EACH = (
    "def f(x):\n    a = x.b\n    for y in x:\n        if not x.valid() or a:\n            break\n        x.go(y)\n"
)
SELLS = "def f(x):\n    price = x.price.quantize(CENT, ROUND_HALF_UP)\n    x.pay(price)\n"
PICKS = "def f(x):\n    may, why = x.ask(1)\n    if not may:\n        raise No(why)\n    x.go()\n"


@pytest.mark.parametrize(
    ("path", "before", "old", "new", "says"),
    [
        ("a.py", AGED.format("f", "    x.pay(1)\n    return x.total(1)\n"), "    if x.age", LEFT, ""),
        ("a.py", AGED.format("check_age", ""), "    if x.age", LEFT, "checks less often"),
        ("a.py", AGED.format("check_age", "    x.pay(1)\n"), "    if x.age", LEFT.replace("None", "True"), "checks less often"),
        ("a.py", "def f(x, n):\n    if not n:\n        n = x.a\n    if n:\n        x.go(n)\n        return\n    n = x.b(1)\n    if n:\n        x.go(n)\n", "        x.go(n)\n        r", "        if x.c > 1:\n            return\n        x.go(n)\n        r", ""),
        ("a.py", "def f(x, n):\n    if x.a and not n:\n        x.go(1)\n    if x.b and not n:\n        x.add(2)\n", "x.b and not n", "x.b and x.c", ""),
        ("a.py", "def f(x):\n    for y in x:\n        if x.v is A:\n            x.a(y)\n        elif x.v is B:\n            x.add(y)\n", "        elif x.v is B:\n            x.add(y)\n", "    if x.v is B:\n        x.add(y)\n", ""),
        ("a.py", HELD, "atomic(durable=True)", "atomic(using=x, durable=True)", ""),
        ("a.py", HELD, "atomic(durable=True)", "atomic()", "lock or a transaction"),
        ("a.py", ROUND, "if y.ok:\n            a(y)\n            b(y)", "if not y.ok:\n            continue\n        a(y, 2)\n        b(y)", ""),
        ("a.py", ROUND, "y.ok", "not y.ok", "turns a condition"),
        ("a.py", "def f(x):\n    if not x.ok:\n        return\n    a(x)\n    b(x)\n", "if not x.ok:\n        return\n    a(x)\n    b(x)", "if x.ok:\n        a(x)\n        b(x, 1)", ""),
        ("a.py", "def f(x):\n    a = {}\n    if x:\n        go(a)\n    a = {'b': x.b, 'c': x.c}\n    return a\n", "x.b", "x.d", ""),
        ("a.py", "def f(x):\n    last = now()\n    while True:\n        if now() - last > 9:\n            last = now()\n            x.go()\n", "x.go()", "x.go(1)", ""),
        ("a.py", "@command(needs_admin=True, help_args='<a>')\ndef f(x):\n    x.go()\n", "<a>", "<a> <b>", ""),
        ("a.py", "def f(x):\n    log.info(x)\n", "log.info(x)", "log.info(BAD_PASSWORD_MESSAGE)", ""),
        ("a.py", "def f(x):\n    return re.match('^a[0-9]$', x)\n", "match('^a[0-9]$'", "fullmatch('a[0-9]'", ""),
        ("a.py", "def f(x):\n    return re.fullmatch('a[0-9]', x)\n", "fullmatch", "match", "more text through"),
        ("a.py", SPENDS, "    mark_code_used(x, 1)\n", "", "used again"),
        ("a.py", "def f(x, code):\n    for one in x.codes:\n        if one == code:\n            return True\n    return False\n", "one == code", "one.startswith(code)", "asks less"),
        ("a.py", "def key_of(x):\n    return f'used:{x.user_id}:{x.code}'\n", "{x.user_id}:", "", "users apart"),
        ("a.js", "function f(x, me) {\n  return x.find((m) => m.author.id === me.author.id && m.text === 'yes');\n}\n", "m.author.id === me.author.id && ", "", "asks less"),
        ("a.py", "def f(x):\n    return x.get('cache_timeout', 60 * 60 * 4)\n".replace("x.get", "config.get"), "* 4", "* 24 * 365", "default of a setting"),
        ("a.py", "def f(x):\n    rows = x.fetch(1)\n    go(rows)\n", "rows = x.fetch(1)\n    go(rows)", "x.fetch(1)\n    go(x.rows)", ""),
        ("a.py", "def f(x):\n    may = x.fetch(1)\n    if not may:\n        raise No\n    go(x)\n", "may = x.fetch(1)\n    if not may:\n        raise No\n", "x.fetch(1)\n", "asks what it answers"),
        ("a.py", "def f(x, d):\n    d.update({'a': x.a, 'site': x.site})\n    return d\n", ", 'site': x.site", "", ""),
        ("a.go", "package a\n\nfunc f(x *X) {\n\tgo_(x, 1)\n}\n", "go_(x", "x.go_(x", ""),
        ("a.py", "class A(B):\n    def f(self):\n        return super(B, self).f(1)\n", "super(B, self)", "super()", ""),
        ("a.js", "function f(t) {\n  if (t.length > 2048) t = t.slice(1);\n  go(t);\n}\n", "2048", "2040", ""),
        ("a.go", "package a\n\nfunc f(x *X) error {\n\terr := x.go_(1)\n\tif err != nil {\n\t\treturn err\n\t}\n\treturn nil\n}\n", "err != nil {\n\t\treturn err\n\t}\n\treturn nil", "err == nil {\n\t\treturn nil\n\t}\n\treturn x.again(err)", ""),
        ("a.py", "def f(x):\n    try:\n        x.go(1)\n    except ValueError:\n        x.a(1)\n", "except ValueError:\n", "except KeyError:\n        x.b(1)\n    except Exception:\n", "catches more"),
        ("a.py", "def f(x):\n    return x.a(1)\n", "    return x.a(1)", "    mark = '\\*'\n    return x.a(f'{mark} b')", ""),
        ("a.py", "def f(x):\n    return x.limit * 1024\n", "1024", "1024.0", ""),
        ("a.py", "def check(self, x):\n    return self.regex.match(x)\n", ".match", ".fullmatch", ""),
        ("a.py", "def f(x):\n    y = cast('A', x.a)\n    y.go(1)\n", "cast('A', x.a)", "x.a", ""),
        ("a.py", "def f(x, a):\n    if x.mac != a or x.age > 9:\n        return no(x)\n    go(x)\n", "x.mac != a or", "not compare_digest(x.mac, a) and", "turns a condition"),
        ("a.py", "def f(x, a):\n    if x.mac != a or x.age > 9:\n        return no(x)\n    go(x)\n", "x.mac != a or", "not compare_digest(x.mac, a) or", ""),
        ("a.go", "package a\n\nfunc f(n int) {\n\tif n > _24K {\n\t\tgo_(n, 1)\n\t}\n}\n", "go_(n, 1)", "go_(n, 1)\n\t\tif n > 9 {\n\t\t\tstop(n)\n\t\t}", ""),
        ("a.py", OPENS_DOOR, "    if not may:\n        raise No\n    x.open(1)\n", "    x.open(1)\n    if not may:\n        raise No\n", "before it asks"),
        ("a.py", OPENS_DOOR.replace("check", "find"), "    if not may:\n        raise No\n    x.open(1)\n", "    x.open(1)\n    if not may:\n        raise No\n", ""),
        ("a.py", TWICE, "        x.drop(1)\n    if x.b > 1:\n", "    if x.b > 1:\n        x.drop(1)\n", "before it asks"),
        ("a.go", "package a\n\nfunc set_ttl(x *X) {\n\tgo_(x)\n}\n\nfunc f(x *X) {\n\tset_ttl(x)\n\tgo_(x)\n}\n", "func set_ttl(x *X) {\n\tgo_(x)\n}\n\nfunc f(x *X) {\n\tset", "func (x *X) set_ttl() {\n\tgo_(x)\n}\n\nfunc f(x *X) {\n\tx.set", ""),
        ("a.py", AGED.format("before", "    x.pay(1)\n"), "    if x.age", LEFT, "checks less often"),
        ("a.py", AGED.format("f", "    x.pay(1)\n"), "    if x.age", LEFT.replace("return None", "x.pay(1)\n        return"), "checks less often"),
        ("a.py", AGED.format("f", "    request.user = x\n"), "    if x.age", LEFT, "checks less often"),
        ("a.py", "class A(B):\n    def rows(self):\n        return super(A, self).rows(1)\n", "A, s", "B, s", "something else"),
        ("components/a.py", "def f(x):\n    if x.age < 9:\n        raise No\n    x.go(1)\n", "    if x.age < 9:\n        raise No\n    x.go(1)\n", "    x.go(1)\n    if x.age < 9:\n        raise No\n", "before it asks"),
        ("a.py", HELD, "atomic(durable=True)", "atomic(durable=True, shared=True)", "lock or a transaction"),
        ("a.py", HELD.replace("atomic(durable=True)", "lock()"), "lock()", "lock(timeout=0.1)", "lock or a transaction"),
        ("a.go", GO_SCANS, "err != nil {\n\t\treturn nil, err\n\t}", "err == nil {\n\t\treturn x, nil\n\t}", "turns a condition"),
        ("a.go", GO_SCANS.replace("err := x", "err := x.fits(1)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\terr = x"), "err = x.go_(1)\n\tif err != nil {\n\t\treturn nil, err\n\t}", "err = x.go_(1)\n\tif err == nil {\n\t\treturn nil, nil\n\t}", "turns a condition"),
        ("a.py", "def f(x):\n    m = x.withdraw(1)\n    x.pay(m)\n", "m = x.withdraw(1)\n    x.pay(m)", "x.withdraw(1)\n    x.pay(x.m)", "asks what it answers"),
        ("a.py", "def f(q):\n    q.query(A).update({'on': False, 'gone': q.now})\n", "'on': False, ", "", "more rows"),
        ("a.py", "class A(B):\n    def rows(self):\n        return super().rows(1)\n", "super()", "super(B, self)", "something else"),
        ("a.py", "class A(B):\n    def rows(self):\n        return super().rows(1)\n", "super()", "super(A, self)", ""),
        ("a.py", "def f(x):\n    return x.go(escape(x.a))\n", "escape(", "x.escape(", "protects a call"),
        ("a.py", "def f(x):\n    if BAD.search(x.text):\n        raise No\n    x.go(1)\n", "search", "fullmatch", "asks less"),
        ("a.py", "def f(x):\n    if not GOOD.search(x.text):\n        raise No\n    x.go(1)\n", "search", "fullmatch", ""),
        ("a.py", "def f(x):\n    x.cap(cast(x.limit))\n", "cast(x.limit)", "x.limit", "care"),
        ("a.py", "def f(x):\n    log.info(x)\n", "log.info(x)", "log.info(x.password_hint)", "secret"),
        ("a.py", "def f(x):\n    log.info(x)\n", "log.info(x)", "log.info(secret_message)", "secret"),
        ("a.py", ASKS_EACH, "    for", "    ok = x.valid()\n    for", ""),
        ("a.py", ASKS_EACH.replace("a = x.b", "ok = x.b"), "    ok = x.b\n    for y in x:\n        if not x.valid()", "    ok = x.valid()\n    for y in x:\n        if not ok", "asks once"),
        ("public/a.py", ASKS_EACH, "    for y in x:\n        if not x.valid()", "    ok = x.valid()\n    for y in x:\n        if not ok", "asks once"),
        ("a.py", SELLS, "HALF_UP", "DOWN", "rounds money"),
        ("store/storetest/a.py", SELLS, "HALF_UP", "DOWN", ""),
        ("cypress/support/a.py", SELLS, "HALF_UP", "DOWN", ""),
        ("contests/a.py", SELLS, "HALF_UP", "DOWN", "rounds money"),
        ("crypto/e2e/a.py", SELLS, "HALF_UP", "DOWN", "rounds money"),
        ("a.py", PAYS, "    x.verify(1)\n", TRIED.format("log(1)"), "failed before"),
        ("a.py", PAYS, "    x.verify(1)\n", "    with suppress(No):\n        x.verify(1)\n", "failed before"),
        ("a.py", PAYS, "    x.verify(1)\n", TRIED.format("return None"), ""),
        ("a.py", PAYS, "    x.verify(1)\n", TRIED.format("raise No"), ""),
        ("a.py", PAYS, "    x.verify(1)\n    x.charge(1)\n", TRIED.replace("(1)\n    e", "(1)\n        x.charge(1)\n    e").format("log(1)"), ""),
        ("a.js", JS_PAYS, "await x.verify(1);", "try { await x.verify(1); } catch (e) { log(e); }", "failed before"),
        ("a.js", JS_PAYS, "await x.verify(1);", "await x.verify(1).catch(() => null);", "failed before"),
        ("a.js", JS_OPENS, "await ", "", "waits"),
        ("a.js", JS_OPENS.replace("const may = await x.check(1)", "const may = has(await x.roles())"), "await ", "", "waits"),
        ("a.js", "async function f(x) {\n  return await x.go(1);\n}\n", "await ", "", ""),
        ("a.js", "async function f(x) {\n  try {\n    return await x.go(1);\n  } catch (e) {\n    return no(e);\n  }\n}\n", "await ", "", "waits"),
        ("a.js", "function f(x) {\n  try {\n    return go(async () => { return await x.go(1); });\n  } catch (e) {\n    return no(e);\n  }\n}\n", "await ", "", ""),
        ("a.js", "async function f(x) {\n  const a = await x.go(1);\n  return a;\n}\n", "await ", "", ""),
        ("a.py", "async def f(x):\n    may = await x.check(1)\n    if may:\n        x.go()\n", "await ", "", "waits"),
        ("a.py", "def check_age(x):\n    if x.age < 9:\n        raise No(x)\n    return x\n", "raise No(x)", "return x", "raised before"),
        ("a.py", "def age(x):\n    if x.age < 9:\n        raise No(x)\n    return x.age\n", "raise No(x)", "return None", ""),
        ("a.js", "function f(x) {\n  try { return go(x); } catch (error) { throw error; }\n}\n", "throw", "return", "raised before"),
        ("a.go", GO_LOADS, "\t\treturn err\n", "\t\treturn nil\n", "raised before"),
        ("a.py", "def f(x):\n    problem = x.problem(1)\n    if problem:\n        raise problem\n    go(x)\n", "raise problem", "problem = 0", "left before"),
        ("a.py", "def f(x):\n    if x.may:\n        x.all()\n    else:\n        x.some()\n", "x.some()", "x.all()", "decides nothing"),
        ("a.py", PICKS, "may, why = x.ask(1)\n    if not may:\n        raise No(why)", "may = x.ask(1)\n    if not may:\n        raise No()", "decides nothing"),
        ("a.py", "def total(x):\n    return Decimal(x.price) * x.n\n", "Decimal(x.price)", "float(x.price)", "rounds money"),
        ("a.js", "function total(x) {\n  return Math.round(x.price * x.n);\n}\n", "Math.round", "Math.floor", "rounds money"),
        ("a.js", "function width(x) {\n  return Math.round(x.left * x.n);\n}\n", "Math.round", "Math.floor", ""),
        ("a.go", "package a\n\nfunc f(a, b []byte) bool {\n\treturn hmac.Equal(a, b)\n}\n", "hmac.Equal", "bytes.Equal", "no longer checks"),
        ("a.go", "package a\n\nfunc f(x *X) bool {\n\treturn x.Locked == true\n}\n", " == true", "", ""),
        ("a.go", "package a\n\nfunc f(x *X) {\n\tx.run()\n\tx.wg.Wait()\n\tx.db.Close()\n}\n", "\tx.wg.Wait()\n", "", "no longer waits"),
        ("a.py", "def f(x):\n    return x.link(scope='identify guilds')\n", "guilds'", "guilds admin'", "takes more"),
        ("a.js", "function f(x, t) {\n  x.send({ allowedMentions: { parse: [] } });\n}\n", "parse: []", "parse: ['everyone']", "takes more"),
        ("a.py", "async def f(c, t):\n    await c.send(t, allowed_mentions=M.none())\n", "none()", "all()", "who sees it"),
        ("a.py", "def f(x):\n    if not x.a or not x.b:\n        raise No\n    go(x)\n", "not x.a or not x.b:", "not x.a:\n        raise No\n    if not x.b:", ""),
        ("a.js", "function f(x) {\n  if (typeof x.a !== 'undefined') go(x);\n}\n", "typeof x.a !== 'undefined'", "x.a !== null", ""),
        ("a.py", SEEN, "    if key in self.seen:\n        return\n", "", "left before"),
        ("a.py", SEEN, "    self.seen.add(key)\n", "", "no longer does"),
        ("a.py", "def save(x, payload, user_id):\n    x.save(user_id=user_id)\n", "=user_id)", "=payload.get('user'))", "something else"),
        ("a.go", "package a\n\nfunc f(owner string) {\n\tx := db.GetRows(owner, 9)\n\tgo_(x)\n}\n", "GetRows(owner", 'GetRows(""', "more rows"),
        ("a.go", 'package a\n\nfunc f(c string) {\n\tdb.Where("code=?", c).Update(c)\n}\n', "code=?", "1=1", "more rows"),
        ("a.ts", "function f(d, w) {\n  const q = d.from('a').where('b', '=', 1).where('c', '=', w);\n  go(q);\n  on(d);\n}\n", ".where('c', '=', w)", "", "more rows"),
        ("a.ts", "async function f(x, w) {\n  const row = await x.find(w);\n  if (!row) {\n    throw new No('a');\n  }\n  return x.all(1);\n}\n", "  const row = await x.find(w);\n  if (!row) {\n    throw new No('a');\n  }\n", "", "left before"),
        ("a.ts", "function f(x) {\n  go(x);\n  delete x.password;\n  return x;\n}\n", "  delete x.password;\n", "", "no longer"),
        ("a.go", "package a\n\nfunc may(u *User) (bool, error) {\n\tif u.Old {\n\t\treturn false, nil\n\t}\n\treturn u.May, nil\n}\n", "false, nil", "true, nil", "turns a condition"),
        ("a.py", SERVES, "_error(x, 1)\n    if x.kind !=", "Response.error(x, 1)\n    if x.kind ==", "turns a condition"),
        ("a.py", SERVES, "said = _error(x, 1)\n    if x.kind !=", "kind = of(x)\n    said = _error(kind, 1)\n    if kind !=", ""),
        ("a.py", OPENS.replace("x, 1", "x, failed"), "    if x.age < 9:\n        raise No\n    pay(x, failed)\n", "    pay(x, failed)\n    if x.age < 9:\n        raise No\n", "before it asks"),
        ("a.py", OPENS.replace("pay(x, 1)", "json_error(x, kept)"), "    if x.age < 9:\n        raise No\n    json_error(x, kept)\n", "    json_error(x, kept)\n    if x.age < 9:\n        raise No\n", ""),
        ("a.py", KEPT, "SELECT id", "SELECT id, name", ""),
        ("a.py", KEPT, " WHERE id = ?", "", "more rows"),
        ("a.js", "function f(x) {\n  go({ x, kind: process.env.LOG_LEVEL || 'a' });\n}\n", "LOG_LEVEL", "LOG_FORMAT", ""),
        ("a.js", "function f(x, t) {\n  return rebindLog(go(x, t));\n}\n", "rebindLog(go(x, t))", "go(x, t)", ""),
        ("a.go", "package a\n\nfunc f(a, b string) error {\n\tif a == \"\" || b == \"\" {\n\t\treturn errors.New(\"no\")\n\t}\n\treturn go_(a, b)\n}\n", 'a == "" || ', "", "asks less"),
        ("a.go", GO_LOADS.replace("err != nil {", "err != nil && !gone(err) {"), " && !gone(err)", "", ""),
        ("a.py", HINTS, " or is_admin()", "", ""),
        ("a.py", POSTS, "token)", "token, timeout=5)", ""),
        ("a.py", QUIZ, "        say(x)\n        return\n", "        say(x)\n    return\n", ""),
        ("a.py", QUIZ, "        say(x)\n        return\n", "        say(x)\n    pay(x)\n", "left before"),
        ("a.py", CLEARS, "    clear", "    if a.old != 1:\n        return {'a': 1}, 400\n    clear", ""),
        ("a.py", CLEARS, "    clear", "    if a.old != 1:\n        return {'a': 1}, 200\n    clear", "less often"),
        ("a.go", GO_MAKES, ", WithPKCE(c)", "", "lists less"),
        ("a.py", "def f(x):\n<<<<<<< a\n    go(x)\n>>>>>>> b\n", "<<<<<<< a\n    go(x)\n>>>>>>> b\n", "    go(x)\n", "could not be read"),
        ("a.go", "package a\n\n<<<<<<< a\nfunc f() {}\n>>>>>>> b\n", "<<<<<<< a\nfunc f() {}\n>>>>>>> b\n", "func f() {}\n", "could not be read"),
    ],
)  # fmt: skip
def test_what_nobody_hears_of_is_told(path: str, before: str, old: str, new: str, says: str):
    found = looks(path, before, before.replace(old, new, 1))

    assert any(says in one for one in found) if says else not found, found


def test_five_changes_are_told_and_how_many_more_there_are():
    before = "".join(
        f"async def f{n}(x):\n    may = await x.check({n})\n    if may:\n        x.go()\n" for n in range(6)
    )

    found = looks("a.py", before, before.replace("await ", ""))

    assert len(found) == 6 and found[-1].startswith("1 more change is looser"), found


def test_many_changes_of_a_function_do_not_hide_that_of_another():
    many = "async def f(x):\n" + "".join(f"    if await x.check({n}):\n        x.go({n})\n" for n in range(7))
    one = "def g(x):\n    if x.size > 9:\n        raise No\n    x.pay()\n"

    found = looks("a.py", many + one, many.replace("await ", "") + one.replace("9", "99"))

    assert "x.size" in found[1] and found[-1].startswith("3 more changes"), found
