"""What stands for something else in a patch and bounds, asks, cleans or waits less: shown in Python, Node and Go alike."""

from __future__ import annotations

from kintsugi.repair.apply import Applied
from kintsugi.repair.policy import Rule, check
from tests.repair.memory_tree import MemoryTree

_AROUND = {
    "py": "async def f(x, me, answer, limit):\n    {}\n    return x\n",
    "js": "async function f(x, me, answer, limit) {{\n{}\nreturn x;\n}}\n",
    "jsx": "function F({{ x }}) {{\nreturn {};\n}}\n",
    "go": "package a\n\nfunc (s *S) f(x *X, me string, limit int) error {{\n{}\nreturn nil\n}}\n",
}
_IN_CONSTANT_TIME = "if subtle.ConstantTimeCompare([]byte(x.Token), []byte(me)) != 1 {\nx.Fail(me)\n}"
# Language, before, after, and what is said of it.
_SHOWN = (
    # a bound
    ("js", "go(x.size ?? 10);", "go(x.size ?? 100000);", "a limit"),
    ("js", "x.size ??= 10;", "x.size ??= 100000;", "a limit"),
    ("js", "for (let i = 0; i < 3; i++) go(i);", "for (let i = 0; i < 300; i++) go(i);", "a limit"),
    ("js", "for (let i = 0; x[i] && i < limit; i++) go(i);", "for (let i = 0; x[i] && i < 1e9; i++) go(i);", "a limit"),
    ("js", "while (x.tries < 5) go(x);", "while (true) go(x);", "decides nothing any more"),
    ("js", "x.later(go, x.delay);", "x.later(go, 0);", "a limit"),
    ("py", "go(x.size or 10)", "go(x.size or 100000)", "a limit"),
    ("py", "while x.n < 3 and x.left:\n        go(x)", "while True:\n        go(x)", "decides nothing any more"),
    ("py", "go(x, limit)", "go(x, 1 << 30)", "a limit"),
    ("py", "go(25)", "go(4)", "a limit"),
    ("go", "for i := 0; i < 3; i++ {\ngo1(i)\n}", "for i := 0; i < 300; i++ {\ngo1(i)\n}", "a limit"),
    ("go", "for x.N < limit {\nstep(x)\n}", "for {\nstep(x)\n}", "decides nothing any more"),
    ("go", "read(x, limit)", "read(x, 1<<30)", "a limit"),
    ("go", "const most = 15 * 60", "const most = 15 * 60 * 60", "a limit"),
    ("go", 'type A struct {\nN int `default:"10"`\n}', 'type A struct {\nN int `default:"100000"`\n}', "the default"),
    # rights of a file
    ("py", "os.open(x, os.O_RDWR, 0o600)", "os.open(x, os.O_RDWR, 0o666)", "at a file"),
    ("js", "fs.mkdirSync(x, { mode: 0o700 });", "fs.mkdirSync(x, { mode: 0o755 });", "at a file"),
    ("go", "os.WriteFile(x.Path, b, 0600)", "os.WriteFile(x.Path, b, 0644)", "at a file"),
    ("go", "os.MkdirAll(x.Path, 0o700)", "os.MkdirAll(x.Path, 0o755)", "at a file"),
    # a condition
    ("py", "if len(x.key) != 32:\n        return None", "if not x.key:\n        return None", "asks less"),
    ("py", "if x.seen:\n        go(x)", "if x.seen is not False:\n        go(x)", "asks less"),
    ("js", "if (x.maker === me) go(x);", "if (x.maker) go(x);", "asks less"),
    ("go", "if x.Maker == me {\nstep(x)\n}", 'if x.Maker != "" {\nstep(x)\n}', "turns a condition"),
    ("js", "const may = !x.readOnly;", "const may = true;", "decides nothing"),
    ("py", "may = x.size < 4", "may = True", "decides nothing"),
    ("js", "if (x.kind !== 1) may = false;", "", "left before"),
    ("js", "if (x.banned) throw no();", "if (x.banned && !x.vip) throw no();", "who may"),
    ("py", "if x.key != me:\n        raise No", "if me and x.key != me:\n        raise No", "turns away less"),
    ("go", "return verify(x)", "return verify(x) || x.Old == me", "lets in more"),
    ("py", "y = verify(x)", "y = verify(x) or first()", "lets in more"),
    (
        "js",
        "if (env === 'live') { if (x.n) throw no(); }",
        "if (env === 'l') { if (x.n) throw no(); }",
        "something else",
    ),
    ("go", "if x.Err == nil {\nstep(x)\n}", "if x.Err != nil {\nstep(x)\n}", "turns a condition"),
    ("js", "answer(null, false);", "answer(null, true);", "turns a condition"),
    (
        "py",
        "if x.a:\n        y = 1\n    else:\n        return None",
        "if x.a:\n        y = 1\n    else:\n        y = 2",
        "goes on",
    ),
    ("js", "if (x.a) go(1); else return no();", "if (x.a) go(1); else go(2);", "goes on"),
    (
        "go",
        "switch x.(type) {\ncase A:\nstep(x)\ndefault:\nreturn errNo\n}",
        "switch x.(type) {\ncase A:\nstep(x)\ndefault:\nstep(me)\n}",
        "goes on",
    ),
    ("js", "if (x.a) go(1); else return no();", "if (x.a) go(1);", "answers otherwise than before"),
    ("js", "x.set(Key.isAdmin, me.isAdmin);", "x.set(Key.isAdmin, true);", "who may"),
    ("js", "x.isAdmin = me.role === admin;", "x.isAdmin = me.role !== guest;", "who may"),
    ("py", "y = 1 if x.seen else 2", "y = 1", "decides nothing"),
    ("py", "x.disabled_at = now()", "x.disabled_at = None", "is empty now"),
    ("py", "if len(x.password) < 6:\n        go(x)", "if len(x.password) < 1:\n        go(x)", "a limit"),
    ("py", "if x.get(1) is False:\n        return 1", "if x.get(1) is None:\n        return 1", "is another value now"),
    ("py", "go({'job_timeout': x.time_limit})", "go({'job_timeout': -1})", "a limit"),
    ("py", "if me:\n        x.api_key = 1", "x.api_key = 1", "asks less"),
    ("go", "if x.A == me || b(x) {\nreturn nil\n}", "if x.A != me && b(x) {\nreturn nil\n}", "turns a condition"),
    ("go", "if err != nil {\nreturn err\n}", "if errors.Is(err, gone) {\nreturn err\n}", "turns away less"),
    ("js", "const f = () => unauthorized();", "const f = () => x;", "no longer checks"),
    ("js", "let permission = Level.DENY;", "let permission = Level.READ;", "asks about something else"),
    (
        "py",
        "if x.n and now().before(x.until):\n        go(x)",
        "if x.n and True:\n        go(x)",
        "decides nothing any more",
    ),
    ("go", "if !ok {\nreturn errNo\n}", "if ok && x.N == 1 {\nreturn errNo\n}", "turns a condition"),
    ("js", "go(x.plus({ year: 2 }));", "go(x.plus({ year: 200 }));", "a limit"),
    # what makes it safe
    ("py", "x.token = hashed(me)", "x.token = me", "no longer signs, hashes or hides"),
    ("js", "x.html = escapeText(me);", "x.html = me;", "no longer escapes or cleans"),
    ("js", "run(sql`SELECT ${me}`);", "run(`SELECT ${me}`);", "no longer escapes or cleans"),
    ("js", "go(/^a+$/.test(me));", "go(/a+/.test(me));", "more text"),
    ("py", "x.get(id=1, kind=me)", "x.get(id=1)", "reaches more rows than before"),
    ("py", "return verify(x)", "return verify(x) or x.password == 'abc'", "the code knows"),
    ("js", "return verify(x);", 'return verify(x) || x.secret === "abc";', "the code knows"),
    ("go", "x.from = rand.Reader", 'x.from = strings.NewReader("a")', "cannot be guessed"),
    ("py", "go(sign(x.key, x.path))", 'go(sign(x.key, ""))', "protects a call"),
    ("js", "return jwt.sign(x, me, limit);", "return jwt.sign(x, me);", "changes a limit"),
    ("go", "hash(x, bcrypt.DefaultCost)", "hash(x, bcrypt.MinCost)", "protects a call"),
    ("js", "x.setAuthTag(me);", "", "no longer does this"),
    ("py", "y = safe_place(x.unsafe_next)", "y = x.unsafe_next", "no longer checks"),
    ("py", "y = get_by_id(x, me.org)", "y = get_by_id(x)", "users apart"),
    ("py", "open(1).write(x)", "open(1).write(x.password)", "about a secret"),
    ("py", "y = x.cleaned_data['a']", "y = x.data['a']", "no longer escapes or cleans"),
    ("js", "x.find().where(1).andWhere(me);", "x.find().where(1);", "more rows"),
    (
        "js",
        "go('SELECT a FROM b WHERE c = 1 AND d > ?');",
        "go('SELECT a FROM b WHERE c = 1 AND d <> ?');",
        "more rows",
    ),
    ("py", "if x.role == 1:\n        return", "if x.role == 1 or x.role == 2:\n        return", "who may"),
    ("py", "y = find_for_user(me, x)", "y = find_any(x)", "users apart"),
    # whether anybody waits
    ("js", "await check(x);", "check(x).catch(() => {});", "waits"),
    ("js", "await check(x);", "check(x);", "waits"),
    ("py", "await check(x)", "create_task(check(x))", "waits"),
    ("go", "check(x)", "go check(x)", "waits"),
    # an error
    ("go", "step(x)", "defer func() {\nrecover()\n}()\nstep(x)", "catches more"),
    ("py", "go(x)", "return None\n    go(x)", "what follows"),
    ("go", "stop(x)", "next(x)\nreturn nil\nstop(x)", "what follows"),
    # what only looks like the same said otherwise
    (
        "py",
        "if me.startswith('a/') or me.startswith('b/'):\n        return 1",
        "if me.startswith(('a/', '')):\n        return 1",
        "asks less",
    ),
    ("py", "if me.startswith('a/'):\n        return 1", "if 'a/' in me:\n        return 1", "asks less"),
    ("py", "if x.n >= limit:\n        go(x)", "if x.n > limit:\n        return None\n    go(x)", "turns a condition"),
    ("py", "if x.ready:\n        go(x)", "if x.ready:\n        return None\n    go(x)", "turns a condition"),
    ("js", "if (x.n >= limit) { go(x); return 1; }", "if (x.n >= limit) { return 1; } go(x);", "turns a condition"),
    ("go", "if x.Ready {\nstep(x)\n}", "if x.Ready {\nreturn nil\n}\nstep(x)", "turns a condition"),
    (
        "py",
        "if x.open and x.paid:\n        go(x)",
        "if not x.open and not x.paid:\n        return None\n    go(x)",
        "turns a condition",
    ),
    (
        "py",
        "y = x.allowed\n    if y is None:\n        return False",
        "y = x.allowed or []\n    if y is None:\n        return False",
        "is empty now",
    ),
    ("py", "if me != x.token:\n        raise No", "if me != (x.token or ''):\n        raise No", "lets in more"),
    ("py", "if x.me != me.id:\n        raise No", "if me != me.id:\n        raise No", "something else"),
    ("py", "pay(x, me)", "pay(x=me, me=x)", "turns a condition"),
    ("py", "pay(x, me)", "pay(me, x)", "something else"),
    ("py", "may_go(x, me)", "may_go(x, but=me)", "as something else"),
    ("py", "x.purge(limit=9, kind=me)", "x.purge(since=9, kind=me)", "a limit"),
    ("py", "x.check(me)\n    go(x)", "if x.fresh:\n        x.check(me)\n    go(x)", "less often"),
    ("py", "x.check(me)\n    go(x)", "if x.fresh:\n        return go(x)\n    x.check(me)\n    go(x)", "less often"),
    ("py", "for i in range(0, 3):\n        go(i)", "for i in range(3000):\n        go(i)", "a limit"),
    ("py", "return seal(x.key.secret)", "return seal(x.key)", "less care"),
    (
        "py",
        "while x:\n        if time() > x.end:\n            raise No",
        "now = time()\n    while x:\n        if now > x.end:\n            raise No",
        "asks once",
    ),
    ("go", "x.mu.RLock()\nstep(x)\nx.mu.RUnlock()", "x.b.Lock()\nstep(x)\nx.b.Unlock()", "a lock"),
    (
        "js",
        "res.set('Content-Security-Policy', 'a; b c');",
        "res.set('Content-Security-Policy', 'a; b *');",
        "protects",
    ),
    # another thing at the place that decides, whatever it is called
    ("py", "if not x.fits(me):\n        raise No", "if not x.fits(x.me):\n        raise No", "something else"),
    ("py", "if x.n >= x.most:\n        return False", "if x.n >= x.other:\n        return False", "something else"),
    ("js", "if (x.n < 0) return null;", "if (x.n < -900) return null;", "changes a limit"),
    ("js", "const ok = x.kind === me;", "const ok = x.kind === x.kind;", "something else"),
    (
        "go",
        "if err := x.checkIt(me); err != nil {\nreturn err\n}",
        "if err := x.checkIt(x); err != nil {\nreturn err\n}",
        "changes what protects a call",
    ),
    (
        "py",
        "if not x.open and x.n:\n        return None",
        "if x.open and x.n:\n        return None",
        "turns a condition",
    ),
    ("js", "x.on(await x.fits(me));", "x.on((await x.fits(me)) !== null);", "asks less"),
    ("py", "return x, me.writes", "return x, me is not None", "asks less"),
    ("go", "return x.A() || x.B() || x.C()", "return x.A() || x.C()", "asks less"),
    ("py", "if not (0 <= x.n <= 7):\n        return None", "if not (0 <= x.n):\n        return None", "asks less"),
    ("py", "y = Q(a=1) & Q(b=2)", "y = Q(a=1)", "takes less care than before"),
    ("go", 'wanted := []string{"u", "v"}', 'wanted := []string{"v"}', "lists less"),
    ("py", "wanted = {'a', 'b', x.c}", "wanted = {x.c}", "lists less"),
    ("js", 'start({ from: ["10.0.0.0/8"] });', 'start({ from: ["10.0.0.0/8", "0.0.0.0/0"] });', "lets in all"),
    ("py", "x.start(sharing=me or [])", "x.start(sharing=me or '*')", "lets in all"),
    ("py", "x.find(me, wide=False)", "x.find(me, wide=True)", "turns a condition"),
    ("go", "x.Add(me, x.IsOpen)", "x.Add(me, true)", "decides nothing"),
    ("js", "const most = x.paid ? x.most : x.few;", "const most = x.most;", "decides nothing"),
    ("py", "x.get_one(Member, shop=x, me=me)", "x.get_one(Member, me=me)", "reaches more rows than before"),
    ("py", "y = resolved(x.path)", "y = x.path", "no longer checks"),
    ("js", "go(x.find(1) || { kind: '' });", "go(x.find(1) || { kind: 'all' });", "lets in all"),
    ("js", "const since = now() - 3600;", "const since = now() - 3600000;", "a limit"),
    ("go", "x.Keep(me, wait)", "x.Keep(me, wait*100)", "a limit"),
    ("js", "x.all('SELECT a FROM b WHERE c = 1');", "x.all('SELECT a FROM b');", "more rows"),
    ("js", "x.all('c = ? AND d = 1', me);", "x.all('c = ?', me);", "more rows"),
    ("py", "if x.n > me:\n        return None\n    go(x)", "go(x)", "left before"),
    ("go", "err := x.Fits(me)\nif err != nil {\nreturn err\n}", "x.Fits(me)", "Nobody asks"),
    # what left, checked or asked before
    (
        "py",
        "try:\n        go(x)\n    except A:\n        raise",
        "try:\n        go(x)\n    except A:\n        pass",
        "left before",
    ),
    ("js", "try { go(x); } catch (e) { throw e; }", "try { go(x); } catch (e) { }", "left before"),
    ("go", "if err := y(x); err != nil {\nreturn err\n}", "if err := y(x); err != nil {\nlog(err)\n}", "left before"),
    ("py", "if not verify(x):\n        raise No\n    go(x)", "verify(x)\n    go(x)", "Nobody asks"),
    ("py", "await check(x)\n    go(x)", "go(x)", "no longer checks"),
    ("py", "if x.state is not None:\n        go(x)", "if x.state is None:\n        go(x)", "turns a condition"),
    ("py", "if x.a not in USUAL:\n        return None", "if x.a not in ALL:\n        return None", "something else"),
    ("py", "if me.role in ('a', 'b'):\n        go(x)", "if me.role in ('a', 'b', 'c'):\n        go(x)", "who may"),
    ("py", "return x.permissions.administrator", "return x.permissions.read", "who may"),
    ("js", "if (me.role === 'a') go(x);", "go(x);", "who may"),
    ("go", "if x.Admin {\ngo1(x)\n}", "go1(x)", "who may"),
    ("js", "me.isAdmin && go(x);", "go(x);", "who may"),
    ("py", "go([y for y in x if y.maker == me])", "go([y for y in x])", "asks less"),
    ("js", "return x.some((y) => y.maker === me);", "return x.some((y) => y.maker);", "asks less"),
    ("py", "if me > x.until:\n        return None", "if me > x.until + 99999:\n        return None", "a limit"),
    ("py", "if x.open and x.opened == me:\n        go(x)", "if x.opened == me:\n        go(x)", "asks less"),
    (
        "py",
        "if x.owner != me:\n        return None",
        "if x.owner != me and x.closed:\n        return None",
        "who may",
    ),
    ("js", "if (x.count > 9) return null;", "if (x.count > 9 && x.strict) return null;", "turns away less"),
    # whatever the file is called, in a few lines of any other code
    ("py", "time.sleep(x.pause)", "", "no longer waits"),
    ("py", "x.n = min(x.n, 100)", "", "a limit"),
    ("py", "x.full_clean()\n    x.save()", "x.save()", "no longer escapes or cleans"),
    ("py", "with timeout(5):\n        x.run()", "x.run()", "a limit"),
    ("py", "x.go(timeout=10)", "x.go(timeout=None)", "a limit"),
    ("js", "go(schema.parse(x));", "go(x);", "no longer checks"),
    ("js", "go(jwt.verify(x, me));", "go(jwt.decode(x));", "no longer checks"),
    ("js", "go({ limit: '10kb' });", "go({ limit: '10gb' });", "a limit"),
    ("js", "go(await Thing.find({ me, open: true }));", "go(await Thing.find({ open: true }));", "more rows"),
    ("js", "if (x.seen) return null;\ngo(x);", "go(x);", "left before"),
    ("go", "if x.N > limit {\nx.N = limit\n}\nstep(x)", "step(x)", "a limit"),
    ("go", "go1(context.WithTimeout(x, wait))", "go1(context.WithCancel(x))", "a limit"),
    ("go", "d := x.N * time.Second", "d := x.N * time.Hour", "a limit"),
    # of several functions without a name, the first; a number in a text; a condition within a query
    (
        "js",
        "r.on(() => { if (x.owner !== me) throw no(); go(x); });\nr.on(() => { go(2); });",
        "r.on(() => { go(x); });\nr.on(() => { go(2); });",
        "who may",
    ),
    ("py", "x.start(limit='1000')", "x.start(limit='1000000')", "a limit"),
    (
        "py",
        "x.run('SELECT a FROM (SELECT b FROM c WHERE d = ?) AS e')",
        "x.run('SELECT a FROM (SELECT b FROM c) AS e')",
        "more rows",
    ),
    ("py", "if x.closed == me:\n        abort(403)\n    go(x)", "go(x)", "left before"),
    # a page
    ("jsx", "<input maxLength={{20}} />", "<input maxLength={{20000}} />", "a limit"),
    ("jsx", "<a b={{1}} />", "<a dangerouslySetInnerHTML={{{{ __html: x }}}} />", "turns a protection off"),
)
_SILENT = (
    ("py", "go(x.names)", "go(x.names or [])"),
    ("py", "if x:\n        go(x)", "if x is not None:\n        go(x)"),
    ("py", "go(str(x))", "go(x)"),
    ("py", "go(x.first)", "go(x.last)"),
    ("py", "go(5)", "go(6)"),
    ("js", "go(x);", "await go(x);"),
    ("js", "for (let i = 0; i < x.length; i++) go(i);", "for (let i = 1; i < x.length; i++) go(i);"),
    ("go", "go check(x)", "check(x)"),
    ("go", "os.WriteFile(x.Path, b, 0644)", "os.WriteFile(x.Path, b, 0600)"),
    # the same in other words
    ("js", "go('SELECT a FROM b WHERE c = 1 ORDER BY d');", "go('SELECT a FROM b WHERE c = 1 ORDER BY d, e');"),
    ("js", "go(x.filter((one) => one).map(go));", "go(x.map(go));"),
    ("js", "const found = x.at !== -1;", "let found = true;\nif (x.n) found = go(x);"),
    ("go", "if x.Token != me {\nx.Fail(me)\n}", _IN_CONSTANT_TIME),
    (
        "py",
        "if x.token != me:\n        raise No",
        "if not compare_digest(x.token.encode(), me.encode()):\n        raise No",
    ),
    # more is turned away
    ("py", "if x.role != me:\n        raise No", "if x.role != me or x.closed:\n        raise No"),
    # what is only said, or made from what somebody else cleaned
    ("go", 'return fmt.Errorf("no %v", x.AuthAge)', 'return fmt.Errorf("no %v", x.Age)'),
    ("go", 'from := url.QueryUnescape(x.Get("a"))', 'from := x.Get("a")'),
    ("js", "const y = find_user_kind(me, x);", "const y = find_kind(x);"),
    # what it is given again for, and for whom a query is
    ("js", "useEffect(() => go(x), [x.isAdmin]);", "useEffect(() => go(x), [x.isAdmin, me]);"),
    ("js", "return x.where(me.isAdmin).all(1);", "return x.where(me.isAdmin).all(2);"),
    ("go", "if IsNotAllowed(err) {\ngo1(x)\n}", "if IsNotAllowed(errors.Cause(err)) {\ngo1(x)\n}"),
    # the same once more, where something else is asked for it
    (
        "py",
        "if x.n == 1:\n        return x.name\n    go(x)",
        "if x.n == 1:\n        return x.name\n    if x.n == 2:\n        return x.name\n    go(x)",
    ),
    # only another name, another way to read it, or more of it
    ("py", "if not x.fits(me):\n        raise No", "mine = me\n    if not x.fits(mine):\n        raise No"),
    ("py", "if not x.fits(me):\n        raise No", "if not x.fits(me.lower()):\n        raise No"),
    ("py", "if x['a'] == me:\n        go(x)", "if x.get('a') == me:\n        go(x)"),
    ("js", "const most = x.most || 9;", "const most = x.most;"),
    ("py", "wanted = [make(x), make(me)]", "wanted = [make(x)]"),
    ("py", "x.find(me, wide=None)", "x.find(me)"),
    ("py", "if x is None:\n        return None\n    go(x)", "go(x)"),
    ("go", "if err != nil {\nreturn err\n}", "if err != nil && err != io.EOF {\nreturn err\n}"),
    ("py", "check_ready(x)\n    go(x)", "x.check_ready()\n    go(x)"),
    ("py", "raise NotImplementedError\n    go(x)", "go(x)"),
    # the same, said otherwise
    (
        "py",
        "try:\n        go(x)\n    except No as e:\n        raise e",
        "try:\n        go(x)\n    except No:\n        raise",
    ),
    ("py", "for i in range(0, limit):\n        go(i)", "for i in range(limit):\n        go(i)"),
    (
        "py",
        "if me.startswith('a') or me.startswith('b'):\n        return 1",
        "if me.startswith(('a', 'b')):\n        return 1",
    ),
    ("py", "if x.valid:\n        go(x)", "if not x.valid:\n        return None\n    go(x)"),
    ("py", "go(x.roles)", "go(x.roles or [])"),
    ("py", "may_go(me)", "may_go(me=me)"),
    ("py", "old = x.check(me)\n    go(x)", "x.check(me)\n    go(x)"),
    ("py", "x.check(me)\n    go(x)", "if x.gone:\n        raise No\n    x.check(me)\n    go(x)"),
    ("go", "x.mu.RLock()\nstep(x)\nx.mu.RUnlock()", "x.mu.Lock()\nstep(x)\nx.mu.Unlock()"),
    ("py", "if x.n >= limit:\n        go(x)", "if x.n < limit:\n        return None\n    go(x)"),
    ("js", "if (x.n >= limit) { go(x); return 1; }", "if (x.n < limit) { return 0; } go(x);"),
    (
        "py",
        "if x.open and x.paid:\n        go(x)",
        "if not x.open or not x.paid:\n        return None\n    go(x)",
    ),
    ("py", "x.check(me)\n    go(x)", "if not x.items:\n        return None\n    x.check(me)\n    go(x)"),
    ("py", "go(x.till)\n    go(x)", "till = x.till\n    go(till)\n    go(x)"),
    ("py", "paint(100)", "paint(120)"),
    # an error is an error, whatever it is made by
    ("go", 'return fmt.Errorf("no %v", me)', "return &NoSuchPlaceError{Place: me}"),
)


def said(language: str, before: str, after: str) -> list[str]:
    path = f"shop/till.{language}"
    texts = [_AROUND[language].format(one if language != "jsx" else one.format()) for one in (before, after)]
    found = check(Applied({path: texts[1].encode()}), MemoryTree({path: texts[0]}))
    return [one.sentence for one in found if one.rule in (Rule.LOOK, Rule.SECURITY)]


def test_what_stands_for_something_laxer_is_shown():
    told = [(one, said(*one[:3])) for one in _SHOWN]

    assert [(one, found) for one, found in told if not any(one[3] in sentence for sentence in found)] == []


def test_what_is_no_laxer_is_silent():
    assert [(one, found) for one in _SILENT if (found := said(*one))] == []


def test_a_flag_is_written_as_its_language_is():
    rows = (
        ("js", "if (!x.isOpen && x.maker == null) no(); go(x.maxAge > 900);", "go(x.maxAge > 901);"),
        ("js", "const may = !x.readOnly;", "const may = true;"),
        ("go", "if !x.IsAdmin && x.Owner == nil {\nreturn errNo\n}", ""),
        ("go", "const may = false", "const may = true"),
    )

    told = " ".join(sentence for one in rows for sentence in said(*one))

    assert "!x.readOnly → true" in told
    assert "!x.IsAdmin && x.Owner == nil" in told
    assert not [word for word in ("None", "True", "False", " and ", "not x", "dict(") if word in told]


def test_what_a_check_answers_is_shown():
    texts = [f"def has_access(x, me):\n    return {one}\n" for one in ("x.key == me and x.open", "x.key == me")]

    found = check(Applied({"shop/till.py": texts[1].encode()}), MemoryTree({"shop/till.py": texts[0]}))

    assert [one.sentence for one in found] == ["It asks less than before. (x.key == me and x.open → x.key == me)"]
