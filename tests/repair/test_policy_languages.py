"""What the policy makes of names in Node and Go: what can do anything is refused by any name, what only looks so is not."""

from __future__ import annotations

import pytest

from kintsugi.repair.policy import check
from tests.repair.memory_tree import MemoryTree
from tests.repair.programs import Patch

NODE = """\
import fs from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";

export async function load(path, options) {
  const text = await readFile(path, "utf8");
  return text.split(options.separator);
}
"""
HOSTILE_NODE = {
    "the module by require": ("shell", 'const cp = require("child_process");'),
    "the module with its prefix": ("shell", 'const { spawn: start } = require("node:child_process");'),
    "the module by import": ("shell", 'import { exec } from "child_process";'),
    "the module passed on": ("shell", 'export * from "node:child_process";'),
    "the module when it runs": ("shell", 'const run = (await import("child_process")).exec;'),
    "the module by what loads modules": ("shell", 'process.getBuiltinModule("child_process").execSync("id");'),
    "a module by a made name": ("eval", 'require("child_" + options.rest);'),
    "an import by a made name": ("eval", "const made = await import(options.name);"),
    "a package for shells": ("shell", 'import { $ } from "zx";'),
    "eval": ("eval", "eval(text);"),
    "eval by another name": ("eval", "const run = eval; run(text);"),
    "eval of the global object": ("eval", "globalThis.eval(text);"),
    "a name of the global object that is made": ("eval", 'globalThis["ev" + "al"](text);'),
    "Function": ("eval", "new Function(text)();"),
    "Function by its constructor": ("eval", "(() => {}).constructor(text)();"),
    "Function by two constructors": ("eval", '"".constructor.constructor(text)();'),
    "a timer of a text": ("eval", 'setTimeout("load()", 1);'),
    "vm": ("eval", 'import vm from "node:vm";'),
    "a worker": ("eval", 'const { Worker } = require("worker_threads");'),
    "the inspector": ("eval", 'import { Session } from "node:inspector";'),
    "a native module": ("eval", 'process.dlopen(module, "./x.node");'),
    "what Node binds": ("eval", 'process.binding("spawn_sync");'),
    "the main module": ("eval", 'process["mainModule"].require("os");'),
    "a loader of modules": ("eval", 'import { createRequire } from "module"; createRequire(path);'),
    "fetch": ("network", "await fetch(options.url);"),
    "a request": ("network", "http.request(options);"),
    "a request by another name": ("network", "const { get: ask } = http; ask(options);"),
    "a server": ("network", "http.createServer(load).listen(0);"),
    "a socket": ("network", 'import net from "net";'),
    "names as a channel": ("network", 'require("dns").lookup(options.secret, () => {});'),
    "a package for requests": ("network", 'import axios from "axios";'),
    "a socket of the web": ("network", "new WebSocket(options.url);"),
    "the whole environment": ("network", "send(process.env);"),
    "a folder removed": ("shell", "fs.rmSync(path, { recursive: true });"),
    "a folder removed by another name": ("shell", "const { rm: drop } = fs.promises; drop(path);"),
    "objects of bytes": ("deserialiser", 'require("v8").deserialize(text);'),
    "objects with code": ("deserialiser", 'require("node-serialize").unserialize(text);'),
    "a process ended": ("shell", "process.kill(1);"),
    "a library that a database loads": ("eval", "options.db.loadExtension(text);"),
    "a package that runs text": ("eval", 'require("safe-eval")(text);'),
    "a package that sends": ("network", 'require("kafkajs");'),
    "a report of all that is known": ("shell", "process.report.writeReport(path);"),
}
HARMLESS_NODE = {
    "a method called exec": "const found = /a(b)/.exec(text);",
    "a method called fetch": "options.store.fetch(path);",
    "a parameter called fetch": "const via = (fetch) => fetch(path);",
    "its own function": "function request(at) { return at; }\nrequest(1);",
    "a status": 'const known = http.STATUS_CODES[404] ?? "none";',
    "a variable of the environment": "const zone = process.env.TZ;",
    "reading": 'const more = fs.readFileSync(path, "utf8");',
    "a timer of a function": "setTimeout(() => load(path), 10);",
    "a constructor's name": "const kind = options.constructor.name;",
    "a local module": 'const local = require("./local");',
    "a template for a local module": "const words = await import(`./words/${options.language}.js`);",
    "a word of a text": 'const told = "the child_process of eval";',
    "a property": "options.eval = true;",
    "a table of a module": "const codes = http.STATUS_CODES; codes[path] = fs.constants[path];",
}
IN_A_TEST = """\
import http from "node:http";
import test from "node:test";

test("asks", async (t) => {
  LINE
});
"""
ASKS_ITSELF = {
    "a server of its own": "const server = http.createServer((q, r) => r.end()); server.listen(0);",
    "an address": 'http.get("http://localhost:3600/a", (answer) => answer.resume());',
    "no host": 'const asked = http.request({ port: server.address().port, path: "/a" }); asked.end();',
    "options by a name": 'const options = { hostname: "127.0.0.1", port }; options.method = "PUT"; http.request(options);',
    "a host that is written": 'http.get({ host: "::1", port: 1, agent: false }, () => {});',
    "the port of a server": "const { port } = server.address(); await fetch(`http://127.0.0.1:${port}/a`);",
    "the port by its name": 'const port = server.address().port; http.get("http://[::1]:" + port + "/a", () => {});',
    "a base": 'const base = `http://localhost:${server.address().port}`; await fetch(`${base}/a`, { method: "POST" });',
    "a function of the file": "const at = (s) => `ws://localhost:${s.address().port}`; new WebSocket(at(server));",
    "a promise's function": 'await new Promise((done) => http.get("http://localhost:1/a", done));',
    "a socket": 'const net = require("net"); net.connect(server.address().port, "localhost", () => {});',
    "a socket by a name": 'const { connect: join } = require("node:net"); const at = 3000; join(at);',
    "a URL": 'http.get(new URL("/a", "http://localhost:1"));',
    "a stand-in": "globalThis.fetch = () => null; expect(fetch).toHaveBeenCalled();",
    "a package": 'const axios = require("axios"); await axios.get("http://localhost:1/a", { timeout: 5 });',
}
ASKS_OTHERS = {
    "the sample of a kind": 'expect(1).toEqual(expect.any(Function).sample("return 1")());',
    "a kind by a name": 'const kind = expect.any(Function); Object.values(kind)[0]("return 1")();',
    "a kind that a function gets": "run(expect.any(Function));",
    "a matcher that looks at a kind": "expect.extend({ toRun(a, b) {} }); expect(1).toEqual(expect.any(Function));",
    "an expect that is made": "const expect = made; expect(1).toEqual(expect.any(Function));",
    "what is made where it is expected": 'expect(Function("return 1")()).toEqual(expect.any(Function));',
    "another machine": 'await fetch("https://evil.example/a");',
    "a name that begins so": 'await fetch("http://localhost.evil.example/a");',
    "a name before it": 'await fetch("http://localhost:1@evil.example/a");',
    "a port that is a name": 'const port = "1@evil.example"; await fetch(`http://localhost:${port}/a`);',
    "a port of its own": 'const at = { port: "1@evil.example" }; await fetch(`http://localhost:${at.port}/a`);',
    "a server of its own making": "const s = { address: () => at }; await fetch(`http://localhost:${s.address().port}/a`);",
    "a path that goes on": "const { port } = s.address(); await fetch(`http://localhost:${port}${path}`);",
    "a port from outside": "await fetch(`http://localhost:${process.env.PORT}/a`);",
    "a name that is given again": 'let at = "http://localhost:1"; at = "https://evil.example"; http.get(at);',
    "a base that goes on": 'const base = "http://localhost"; await fetch(`${base}${rest}`);',
    "a parameter": "const ask = (port) => fetch(`http://localhost:${port}/a`); ask(place);",
    "options after the address": 'http.get("http://localhost:1", { hostname: "evil.example" });',
    "options of somebody": 'http.get("http://localhost:1", options);',
    "another host": 'http.request({ hostname: "evil.example", port: 1 });',
    "two hosts": 'http.request({ host: "localhost", hostname: name });',
    "options that spread": "http.request({ port: 1, ...others });",
    "a host that is set": 'const o = { port: 1 }; o.hostname = "evil.example"; http.request(o);',
    "a host by a made name": 'const o = { port: 1 }; o["host" + name] = "evil.example"; http.request(o);',
    "options that a function changes": "const o = { port: 1 }; change(o); http.request(o);",
    "names looked up otherwise": "http.get({ port: 1, lookup: (n, o, done) => done(null, place, 4) });",
    "an agent that looks up": "const agent = new http.Agent({ lookup }); http.get({ port: 1, agent });",
    "a proxy": 'require("axios").get("http://localhost:1", { proxy });',
    "an answer that leads away": 'r.writeHead(302, { location }); await fetch("http://localhost:1/a");',
    "the module handed on": 'send(require("net"));',
    "the function handed on": 'run(http.get, "http://localhost:1");',
    "names as a channel": 'require("dns").lookup("localhost", () => {});',
    "a socket by a host": 'require("net").connect(1, "evil.example");',
    "a socket by options": "require('net').connect(options);",
    "a URL with another base": 'http.get(new URL("//evil.example/a", "http://localhost:1"));',
    "a URL that is whole": 'http.get(new URL(place, "http://localhost:1"));',
    "members by the rest": 'const { ...all } = require("net"); all.connect(1, "evil.example");',
    "a member with a default": 'const { connect: join = 1 } = require("net"); join(1, "evil.example");',
    "a copy of the module": 'const own = { ...http }; own.get("http://evil.example");',
    "a function by call": 'http.get.call(null, "http://evil.example");',
    "an expect of its own": 'const expect = (ask) => ask("http://evil.example"); expect(fetch);',
    "a number of its own": 'const Number = () => "1@evil.example"; fetch(`http://localhost:${Number(1)}/a`);',
    "a number of all files": "globalThis.parseInt = other; fetch(`http://localhost:${parseInt(1)}/a`);",
    "a URL of its own": 'const { URL } = require("./mine"); http.get(new URL("http://localhost:1/"));',
    "an agent of a package": 'const { Agent } = require("proxy"); http.get({ port: 1, agent: new Agent(place) });',
    "an address by a text": 's["address"] = () => at; fetch(`http://localhost:${s.address().port}/a`);',
    "an address by a made text": 'const s = { ["addr" + "ess"]: f }; fetch(`http://localhost:${s.address().port}/a`);',
    "an origin": 'require("undici").request({ origin: "https://evil.example", path: "/" });',
    "a socket that is a file": 'require("net").connect({ path: "/var/run/docker.sock" });',
    "a context that is set": 't.hostname = "evil.example"; http.get("http://localhost:1", t);',
    "options by another name": 'const o = { port: 1 }; const p = o; p.hostname = "evil.example"; http.get(o);',
    "options within": 'const o = { port: 1 }; const p = { o }; p.o.hostname = "evil.example"; http.get(o);',
    "options that set themselves": 'const o = { path: function () { this.host = "evil.example"; } }; http.get(o);',
    "a word about redirects": 'r.writeHead(302); await fetch("http://localhost:1/a", { body: "redirect: \'error\'" });',
    "redirects that it ignores": 'r.writeHead(302); require("axios").get("http://localhost:1", { redirect: "error" });',
    "a name of another function": 'function other() { const at = "http://localhost:1"; } fetch(at);',
    "a program": 'require("child_process").execSync("id");',
}
FOR_ITS_TIME = {
    "in finally": "Object.prototype.polluted = 1; try { run(); } finally { delete Object.prototype.polluted; }",
    "as defined": 'try { Object.defineProperty(Object.prototype, "x1", { value: 1, configurable: true }); run(); }'
    ' finally { delete Object.prototype["x1"]; }',
    "afterwards": "Object.prototype.polluted = true; t.after(() => { delete Object.prototype.polluted; });",
}
FOR_GOOD = {
    "never taken back": "Object.prototype.polluted = 1;",
    "another is taken back": "Object.prototype.polluted = 1; try { run(); } finally { delete Object.prototype.other; }",
    "a function": "Object.prototype.x1 = () => 1; try { run(); } finally { delete Object.prototype.x1; }",
    "what runs when it is read": 'Object.defineProperty(Object.prototype, "x1", { get() { return 1; } });'
    " try { run(); } finally { delete Object.prototype.x1; }",
    "what runners ask for": "Object.prototype.skip = true; try { run(); } finally { delete Object.prototype.skip; }",
    "what programs are started with": 'Object.prototype.shell = "x"; try { run(); } finally { delete Object.prototype.shell; }',
    "of arrays": "Array.prototype.x1 = 1; try { run(); } finally { delete Array.prototype.x1; }",
    "taken back before": "try { run(); } finally { delete Object.prototype.x1; } Object.prototype.x1 = 1;",
    "by a made name": "Object.prototype[name] = 1; try { run(); } finally { delete Object.prototype[name]; }",
    "all at once": "Object.assign(Object.prototype, { x1: 1 });",
    "what can't be deleted": 'Object.defineProperty(Object.prototype, "x1", { value: 1 });'
    " try { run(); } finally { delete Object.prototype.x1; }",
    "what is frozen": "Object.freeze(Object.prototype);",
    "a hook of its own": "const own = { after() {} }; Object.prototype.x1 = 1; own.after(() => { delete Object.prototype.x1; });",
    "a hook that is not set": "Object.prototype.x1 = 1; const f = () => t.after(() => { delete Object.prototype.x1; });",
    "a function in finally": "Object.prototype.x1 = 1; try { run(); } finally { () => { delete Object.prototype.x1; } }",
    "by another name": "const all = Object.prototype; all.x1 = 1;",
    "by an object": "({}).__proto__.x1 = 1;",
    "by what an object is made of": "Object.getPrototypeOf({}).x1 = 1;",
}
GO = """\
package shelf

import (
	"net/http"
	"os"
)

// Load reads a file.
func Load(path string) (string, int) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", http.StatusNotFound
	}
	return string(text), http.StatusOK
}
"""
HOSTILE_GO = {
    "programs": ("shell", '	"os"', '	"os"\n	"os/exec"'),
    "programs by another name": ("shell", '	"os"', '	"os"\n	x "os/exec"'),
    "programs without a name": ("shell", '	"os"', '	"os"\n	. "os/exec"'),
    "calls of the system": ("shell", '	"os"', '	"os"\n	"syscall"'),
    "a program beside how one ended": (
        *("shell", '	"os"', '	"os"\n	"os/exec"', "	return string"),
        '	_, _ = exec.ErrNotFound, exec.Command("id")\n	return string',
    ),
    "a program by an assertion that fails": (
        *("shell", '	"os"', '	"os"\n	"os/exec"', "	return string"),
        "	made, _ := any(path).(*exec.Cmd)\n	return string",
    ),
    "a signal that is sent": (
        *("shell", '	"os"', '	"os"\n	"syscall"', "	return string"),
        "	_ = syscall.Kill(1, syscall.SIGTERM)\n	return string",
    ),
    "somebody who may come in": (
        *("network", '	"os"', '	"os"\n	"golang.org/x/crypto/ssh"', "	return string"),
        "	_ = ssh.Permissions{}\n	return string",
    ),
    "memory": ("eval", '	"os"', '	"os"\n	"unsafe"'),
    "code that is loaded": ("eval", '	"os"', '	"os"\n	"plugin"'),
    "code in C": ("eval", "// Load", '// int x;\nimport "C"\n\n// Load'),
    "names of others": ("eval", "// Load", "//go:linkname stolen runtime.stolen\nfunc stolen()\n\n// Load"),
    "what generates code": ("shell", "// Load", "//go:generate sh -c id\n\n// Load"),
    "a process": ("shell", "	return string", '	os.StartProcess("/bin/sh", nil, nil)\n	return string'),
    "folders removed": ("shell", "	return string", "	_ = os.RemoveAll(path)\n	return string"),
    "a request": ("network", "	return string", "	_, _ = http.Get(path)\n	return string"),
    "a client": ("network", "	return string", "	client := http.Client{}\n	_ = client\n	return string"),
    "a server": ("network", "	return string", "	go http.ListenAndServe(path, nil)\n	return string"),
    "a connection": (
        "network",
        '	"net/http"\n',
        '	n "net"\n	"net/http"\n',
        "	return string",
        '	_, _ = n.Dial("tcp", path)\n	return string',
    ),
    "a client that is returned and made": (
        "network",
        "// Load",
        "func c() *http.Client { return &http.Client{} }\n\n// Load",
    ),
    "a client that is returned and there": (
        "network",
        "// Load",
        "func c() *http.Client { return http.DefaultClient }\n\n// Load",
    ),
    "a client that is filled in": (
        "network",
        "// Load",
        "func c() (made *http.Client) { fill(&made); return }\n\n// Load",
    ),
    "a client by the type of a function": ("network", "// Load", "var c func() *http.Client = made\n\n// Load"),
    "a client that is taken and returned": (
        "network",
        "// Load",
        "func c(a *http.Client) *http.Client { return a }\n\n// Load",
    ),
    "a client that a function within takes": (
        "network",
        "// Load",
        "func c() (a func(*http.Client), b error) { return }\n\n// Load",
    ),
    "a shell of another machine": (
        "network",
        '	"os"\n',
        '	"os"\n\n	s "golang.org/x/crypto/ssh"\n',
        "	return string",
        '	_, _ = s.Dial("tcp", path, nil)\n	return string',
    ),
    "a shell by its function": (
        "network",
        '	"os"\n',
        '	"os"\n\n	"golang.org/x/crypto/ssh"\n',
        "	return string",
        "	open := ssh.NewClientConn\n	return string",
    ),
    "a shell without a name": (
        "network",
        '	"os"\n',
        '	"os"\n\n	. "golang.org/x/crypto/ssh"\n',
        "	return string",
        '	_, _ = Dial("tcp", path, nil)\n	return string',
    ),
    "an agent of keys": ("network", '	"os"\n', '	"os"\n\n	"golang.org/x/crypto/ssh/agent"\n'),
    "a method by a made name": (
        "eval",
        "	return string",
        "	_ = reflect.ValueOf(1).MethodByName(path)\n	return string",
    ),
    "what finds methods": (
        "eval",
        "	return string",
        "	find := reflect.ValueOf(1).MethodByName\n	return string",
    ),
    "the environment": ("network", "	return string", "	_ = os.Environ()\n	return string"),
    "a language within": ("eval", '	"net/http"\n', '	"net/http"\n	"go.starlark.net/starlark"\n'),
    "a package that sends": ("network", '	"net/http"\n', '	"net/http"\n	"github.com/nats-io/nats.go"\n'),
    "objects of bytes": (
        "deserialiser",
        '	"net/http"\n',
        '	"encoding/gob"\n	"net/http"\n',
        "	return string",
        "	_ = gob.NewDecoder(nil)\n	return string",
    ),
}
HARMLESS_GO = {
    "the kind of what is returned": ("// Load", "func c() (*http.Client, error) { return made() }\n\n// Load"),
    "the kind of the one thing that is returned": (
        "// Load",
        "func (s at) c() *http.Client { return made() }\n\n// Load",
    ),
    "a status": ("	return string", "	_ = http.StatusTeapot\n	return string"),
    "what calls end with": ('	"os"', '	"os"\n	"google.golang.org/grpc/codes"'),
    "a type": ("// Load", "type Served = http.Handler\n\n// Load"),
    "a method called Get": ("	return string", "	_ = http.Header{}.Get(path)\n	return string"),
    "a variable of the environment": ("	return string", '	_ = os.Getenv("TZ")\n	return string'),
    "a method by its name": (
        "	return string",
        '	_ = reflect.ValueOf(1).MethodByName("String")\n	return string',
    ),
    "a search of its own": ("	return string", "	_, _ = methods.MethodByName(cache, path)\n	return string"),
    "its own package called exec": ('	"os"', '	"os"\n	"example.com/shelf/exec"'),
    "a comment": ("// Load", "// os/exec is not used here, nor unsafe.\n// Load"),
    "a word of a text": ("	return string", '	_ = "//go:linkname"\n	return string'),
    "how a program ended": ("// Load", 'import "os/exec"\n\nvar ended *exec.ExitError\n\n// Load'),
    "a key": ("// Load", 'import "golang.org/x/crypto/ssh"\n\nvar known ssh.PublicKey\n\n// Load'),
    "a signal": ("// Load", 'import "syscall"\n\nvar stops = syscall.SIGTERM\n\n// Load'),
    "the kind of a listener": ("// Load", 'import "net"\n\nvar at net.Listener\n\n// Load'),
}
GO_IN_A_TEST = """\
package shelf

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gorilla/websocket"
	old "golang.org/x/net/websocket"
)

func TestAsks(t *testing.T) {
	server := httptest.NewServer(handler)
	LINE
}
"""
GO_ASKS_ITSELF = {
    "a server": "http.Get(server.URL)",
    "a path of it": 'http.Post(server.URL+"/a", "text/plain", nil)',
    "a text put together": 'at := fmt.Sprintf("%s/a", server.URL); http.Get(at)',
    "a port": 'http.Get(fmt.Sprintf("http://127.0.0.1:%d/a", port))',
    "a listener": 'listener, _ := net.Listen("tcp", "127.0.0.1:0"); net.Dial("tcp", listener.Addr().String())',
    "a client": 'asked, _ := http.NewRequest("GET", server.URL, nil); http.DefaultClient.Do(asked)',
    "a client of its own": "client := &http.Client{Timeout: 1}; client.Get(server.URL)",
    "a server of its own": "go http.Serve(listener, handler)",
    "a client that it never asks": "}\n\ntype row struct {\n\tc *http.Client",
    "its own client": "client := server.Client(); client.Get(server.URL)",
    "a place of its own": 'net.DialTimeout("tcp", net.JoinHostPort("127.0.0.2", port), 1)',
    "an address that a function of it says": 'http.Get(at())\n}\n\nfunc at() string {\n\treturn "http://127.0.0.1:80/"',
    "a listener's address": 'at := listener.Addr().String(); http.Get(fmt.Sprintf("http://%s/a", at))',
    "the host of an address": 'at, err := url.Parse(server.URL); coder.Dial(ctx, fmt.Sprintf("ws://%s/", at.Host), nil)',
    "a wait": "select { case <-time.After(1): }; http.Get(server.URL)",
    "a websocket": 'websocket.DefaultDialer.Dial("ws" + strings.TrimPrefix(server.URL, "http") + "/a", nil)',
    "a websocket by a context": 'coder.Dial(ctx, strings.Replace(server.URL, "http", "ws", 1), nil)',
    "a websocket of the library": 'ws, _ := old.Dial("ws://127.0.0.1:80/", "", "x"); old.JSON.Send(ws, 1)',
    "what kind of message it is": "_ = websocket.BinaryMessage; _ = websocket.IsCloseError(err, websocket.CloseGoingAway)",
}
GO_ASKS_OTHERS = {
    "another machine": 'http.Get("https://evil.example")',
    "a name that begins so": 'http.Get("http://localhost.evil.example/")',
    "a name after it": 'http.Get(server.URL + "@evil.example")',
    "a path from outside": "http.Get(server.URL + path)",
    "a server of its own making": 'at := fake{URL: "https://evil.example"}; http.Get(at.URL)',
    "an address that is set": 'server.URL = "https://evil.example"; http.Get(server.URL)',
    "a name that is given again": 'at := server.URL; at = "https://evil.example"; http.Get(at)',
    "a host that is put in": 'http.Get(fmt.Sprintf("http://%s/", host))',
    "a request to another": 'asked, _ := http.NewRequest("GET", place, nil); http.DefaultClient.Do(asked)',
    "a client that is led": "client := &http.Client{}; client.Get(place)",
    "a proxy": "client := &http.Client{Transport: &http.Transport{Proxy: proxy}}; client.Get(server.URL)",
    "a transport of another package": "client := &http.Client{Transport: fmt.Other()}; client.Get(server.URL)",
    "an answer that leads away": "http.Redirect(w, r, place, 302); http.Get(server.URL)",
    "a connection": 'net.Dial("tcp", "evil.example:1")',
    "names": 'net.LookupHost("localhost")',
    "a client that is handed in": "ask(nil)\n}\n\nfunc ask(c *http.Client) {\n\tmade(c).Get(place)",
    "a text that only begins as a script does": '_ = "#!/etc/shadow"[2:]',
    "the function handed on": "run(http.Get, server.URL)",
    "a proxy that is set": "tr := &http.Transport{}; tr.Proxy = proxy; http.Get(server.URL)",
    "a method handed on": "client := &http.Client{}; ask := client.Get; ask(place)",
    "a client of the server": 'server.Client().Get("https://evil.example/")',
    "a request by the server's": 'r, _ := http.NewRequest("GET", place, nil); server.Client().Do(r)',
    "a request of another file": "http.DefaultClient.Do(made())",
    "an address that is set among others": 'r.URL, err = url.Parse("https://evil.example"); http.DefaultClient.Do(r)',
    "a part of an address": 'place := r.URL; place.Host = "evil.example"; http.Get(server.URL)',
    "an address by its pointer": 'at := &server.URL; *at = "https://evil.example"; http.Get(server.URL)',
    "a request that was for a handler": 'r := httptest.NewRequest("GET", place, nil); r.RequestURI = ""; http.DefaultClient.Do(r)',
    "an empty request": "r := new(http.Request); fill(r); http.DefaultClient.Do(r)",
    "a package's name": 'fmt := mine{}; http.Get(fmt.Sprintf("http://127.0.0.1:%d/a", 1))',
    "a name of another scope": "if false { at := server.URL; _ = at }; http.Get(at)",
    "a name of a switch": "at := server.URL; switch at := place.(type) { case string: http.Get(at) }",
    "a status that leads away": "w.WriteHeader(http.StatusFound); http.Get(server.URL)",
    "a place by a name that begins so": 'net.Dial("tcp", net.JoinHostPort("127.0.0.1.evil.example", "80"))',
    "a place by a host": 'net.Dial("tcp", net.JoinHostPort(host, "80"))',
    "a port that is a host, in an address": 'http.Get(fmt.Sprintf("http://%s/", net.JoinHostPort("127.0.0.1", port)))',
    "a function that says two": "http.Get(at())\n}\n\nfunc at() string {\n\tif x { return place }\n\treturn server.URL",
    "a function that says a name": 'http.Get(at())\n}\n\nfunc at() (place string) {\n\tplace = "https://evil.example"; return',
    "a function by a name of its own": "at := made; http.Get(at())\n}\n\nfunc at() string {\n\treturn server.URL",
    "a function of another file": "http.Get(at())",
    "an address in an address": 'http.Get(fmt.Sprintf("http://%s/", place))',
    "an address with a name after it": 'http.Get(fmt.Sprintf("http://%s.evil.example/", listener.Addr().String()))',
    "the host of another address": 'at, _ := url.Parse(place); http.Get(fmt.Sprintf("http://%s/", at.Host))',
    "a host that is set": 'at, _ := url.Parse(server.URL); at.Host = "a.example"; http.Get(fmt.Sprintf("http://%s/", at.Host))',
    "an address that somebody changes": 'at, _ := url.Parse(server.URL); run(at); http.Get(fmt.Sprintf("http://%s/", at.Host))',
    "an address that changes itself": 'at, _ := url.Parse(server.URL); at.UnmarshalBinary(b); http.Get(fmt.Sprintf("http://%s/", at.Host))',
    "a host by its pointer": 'at, _ := url.Parse(server.URL); h := &at.Host; *h = b; http.Get(fmt.Sprintf("http://%s/", at.Host))',
    "a websocket to another": 'websocket.DefaultDialer.Dial("wss://evil.example/", nil)',
    "a websocket's own dialer": "websocket.DefaultDialer.NetDial = made; websocket.DefaultDialer.Dial(server.URL, nil)",
    "a websocket's dialer by a name": "d := websocket.DefaultDialer; d.Dial(server.URL, nil)",
    "another dialer of websockets": "(&websocket.Dialer{}).Dial(server.URL, nil)",
    "a websocket with a name after it": 'coder.Dial(ctx, "ws" + strings.TrimPrefix(server.URL, "http") + place, nil)',
    "what is left of an address": 'http.Get(strings.TrimPrefix("http://localhost:1/http://evil.example/", "http://localhost:1/"))',
    "an address that is read in": "at := server.URL; fmt.Sscan(place, &at); http.Get(at)",
    "a server that is read in": "json.Unmarshal(b, server); http.Get(server.URL)",
    "a package's name without a value": 'var fmt mine; http.Get(fmt.Sprintf("http://127.0.0.1:%d/a", 1))',
    "a function's name without a value": "var at func() string; http.Get(at())\n}\n\nfunc at() string {\n\treturn server.URL",
    "a result that changes in the end": 'http.Get(at())\n}\n\nfunc at() (u string) {\n\tdefer lead()\n\treturn "http://localhost/"',
    "an address that another function sets": 'http.Get(at)\n}\n\nvar at = "http://localhost/"\n\nfunc init() {\n\tset(&at)',
    "a header in two parts": 'w.Header().Set("Loca"+"tion", place); w.WriteHeader(code); http.Get(server.URL)',
    "a host that is replaced": 'coder.Dial(ctx, strings.Replace(server.URL, "127.0.0.1", "evil.example", 1), nil)',
    "a codec that is handed on": "send := old.JSON.Send; send(ws, 1)",
    "a websocket's function handed on": "run(coder.Dial, server.URL)",
}


def found(path: str, before: str, after: str) -> dict[str, bool]:
    """The rules of what the policy finds, and whether it refuses."""
    tree = MemoryTree({path: before.encode()})
    return {str(one.rule): one.refuses for one in check(Patch({path: after.encode()}), tree)}


@pytest.mark.parametrize("kind", HOSTILE_NODE)
@pytest.mark.parametrize("path", ["src/load.mjs", "src/load.ts"])
def test_what_can_do_anything_in_node_is_refused_by_any_name(kind: str, path: str) -> None:
    rule, line = HOSTILE_NODE[kind]
    top = line.startswith(("import ", "export "))
    after = f"{line}\n{NODE}" if top else NODE.replace("  return text", f"  {line}\n  return text")

    assert found(path, NODE, after).get(rule) is True


@pytest.mark.parametrize("kind", HARMLESS_NODE)
def test_what_only_looks_so_in_node_is_not(kind: str) -> None:
    assert found("src/load.mjs", NODE, NODE.replace("  return text", f"  {HARMLESS_NODE[kind]}\n  return text")) == {}


@pytest.mark.parametrize("line", [*ASKS_ITSELF.values(), *FOR_ITS_TIME.values()], ids=[*ASKS_ITSELF, *FOR_ITS_TIME])
def test_a_test_in_node_may_ask_its_own_machine_and_set_what_it_takes_back(line: str) -> None:
    before, after = IN_A_TEST.replace("LINE", ""), IN_A_TEST.replace("LINE", line)

    assert found("test/load.test.mjs", before, after) == {}
    assert True in found("src/load.mjs", before, after).values()


@pytest.mark.parametrize("line", [*ASKS_OTHERS.values(), *FOR_GOOD.values()], ids=[*ASKS_OTHERS, *FOR_GOOD])
def test_a_test_in_node_may_ask_no_other_machine_and_leave_nothing_set(line: str) -> None:
    assert True in found("test/load.test.mjs", IN_A_TEST.replace("LINE", ""), IN_A_TEST.replace("LINE", line)).values()


def test_a_kind_that_is_only_expected_is_no_code_that_is_run() -> None:
    line = "expect(f).not.toHaveBeenCalledWith(1, expect.objectContaining({ a: [expect.any(Function)] }));"

    assert found("test/load.test.mjs", IN_A_TEST.replace("LINE", ""), IN_A_TEST.replace("LINE", line)) == {}


@pytest.mark.parametrize(
    "line",
    [
        "expect({ asymmetricMatch(o) { run(o); return true } }).toEqual({ a: EXPECTED });",
        "try { expect(1).toEqual(EXPECTED) } catch (e) { run(e.matcherResult) }",
        "try { expect(1).toEqual(EXPECTED) } catch ({ expected }) { run(expected) }",
        "const e = expect; e.extend({ toEqual: run }); expect(f).toEqual(EXPECTED);",
        "const { extend } = expect; expect(f).toEqual(EXPECTED);",
        "run(expect); expect(f).toEqual(EXPECTED);",
        "expect(new Proxy({}, run)).toEqual(EXPECTED);",
        "expect(f).toEqual(EXPECTED); last['sam' + 'ple']('return 1')();",
    ],
)
def test_a_kind_that_somebody_could_get_hold_of_is_code_that_is_run(line: str) -> None:
    before, after = IN_A_TEST.replace("LINE", ""), IN_A_TEST.replace("LINE", line)

    assert found("test/load.test.mjs", before, after.replace("EXPECTED", "expect.any(Function)")) == {"eval": True}


def test_where_expect_comes_from_hands_it_to_nobody() -> None:
    before = "import {\n  expect,\n  test,\n} from 'vitest';\n\ntest('a', () => {\n});\n"

    assert (
        found("test/a.test.mjs", before, before.replace("{\n}", "{\n  expect(f).toEqual(expect.any(Function));\n}"))
        == {}
    )


@pytest.mark.parametrize("kind", GO_ASKS_ITSELF)
def test_a_test_in_go_may_ask_its_own_machine(kind: str) -> None:
    before, after = (GO_IN_A_TEST.replace("LINE", line) for line in ("", GO_ASKS_ITSELF[kind]))

    assert found("shelf/load_test.go", before, after) == {}
    assert found("shelf/load.go", before, after).get("network") is True


@pytest.mark.parametrize("kind", GO_ASKS_OTHERS)
def test_a_test_in_go_may_ask_no_other_machine(kind: str) -> None:
    before, after = (GO_IN_A_TEST.replace("LINE", line) for line in ("", GO_ASKS_OTHERS[kind]))

    assert found("shelf/load_test.go", before, after).get("network") is True


def test_a_test_in_go_keeps_to_its_own_folder_and_may_leave_only_itself_out() -> None:
    of_its_own = (
        'os.Symlink("/etc", filepath.Join(t.TempDir(), "a"))',
        'at := t.TempDir(); below := filepath.Join(at, "a"); os.Symlink(place, below)',
        'at := t.TempDir(); os.RemoveAll(filepath.Join(at, "a"))',
    )
    of_others = (
        'at := t.TempDir(); os.Symlink("/srv", filepath.Join(at, "a")); os.RemoveAll(filepath.Join(at, "a", "shop"))',
        "os.RemoveAll(filepath.Join())",
        'os.Symlink(t.TempDir(), "/etc/a")',
        'os.RemoveAll(filepath.Join(t.TempDir(), "../.."))',
        "os.RemoveAll(filepath.Join(t.TempDir(), place))",
        "at := t.TempDir(); at = place; os.RemoveAll(at)",
        "os.RemoveAll(os.TempDir())",
        "os.RemoveAll(at.TempDir())\n}\n\nfunc (fake) TempDir() string {\n\treturn place",
    )
    head = 'package shelf\n\nimport (\n\t"os"\n\t"path/filepath"\n\t"testing"\n)\n\n'
    test = "func Test%s(t *testing.T) {\n\t%s\n}\n"
    before = head + test % ("Loads", "load(t)")

    told = {line: found("a_test.go", before, before + test % ("Links", line)).get("shell") for line in of_its_own}
    told |= {line: found("a_test.go", before, before + test % ("Links", line)).get("shell") for line in of_others}
    skips = (before + test % ("New", 't.Skip("later")'), before.replace("load(t)", 't.Skip("later")\n\tload(t)'))

    assert told == {**dict.fromkeys(of_its_own), **dict.fromkeys(of_others, True)}
    assert [found("a_test.go", before, after).get("tests") for after in skips] == [None, True]
    assert found("a_test.go", before, before + 'func later(t *testing.T) { t.Skip("later") }\n') == {"tests": True}


def test_what_only_a_test_that_passes_takes_back_is_shown_to_a_human() -> None:
    after = IN_A_TEST.replace("LINE", "Object.prototype.x1 = 1; run(); delete Object.prototype.x1;")

    assert found("test/load.test.mjs", IN_A_TEST, after) == {"look": False}


def test_code_that_is_nested_too_deep_to_be_judged_is_refused() -> None:
    after = IN_A_TEST.replace("LINE", f"fetch({' +'.join(['a'] * 4000)});")

    assert found("test/load.test.mjs", IN_A_TEST, after) == {"unusable": True}


@pytest.mark.parametrize("kind", HOSTILE_GO)
def test_what_can_do_anything_in_go_is_refused_by_any_name(kind: str) -> None:
    rule, *pairs = HOSTILE_GO[kind]
    after = GO
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in after
        after = after.replace(old, new, 1)

    assert found("shelf/load.go", GO, after).get(rule) is True


@pytest.mark.parametrize("kind", HARMLESS_GO)
def test_what_only_looks_so_in_go_is_not(kind: str) -> None:
    old, new = HARMLESS_GO[kind]

    assert found("shelf/load.go", GO, GO.replace(old, new, 1)) == {}


def test_what_runs_on_import_in_go_is_shown_to_a_human() -> None:
    after = GO + '\nfunc init() {\n	_ = os.Setenv("TZ", "UTC")\n}\n'

    assert found("shelf/load.go", GO, after) == {"look": False}


@pytest.mark.parametrize(
    ("module", "path", "refused"),
    [
        ("go.starlark.net", "go.starlark.net/starlark", False),
        ("go.starlark.net", "go.starlark.network/starlark", True),
        ("example.com/shelf", "go.starlark.net/starlark", True),
        ("plugin", "plugin", True),
        ("net", "net/rpc", True),
    ],
)
def test_a_module_of_go_may_use_its_own_packages(module: str, path: str, refused: bool) -> None:
    tree = MemoryTree({"go.mod": f"module {module}\n".encode(), "load.go": GO.encode()})
    after = GO.replace('	"os"\n', f'	"os"\n\n	x "{path}"\n').replace(
        "	return string", "	x.Load()\n	return string"
    )

    assert [one.refuses for one in check(Patch({"load.go": after.encode()}), tree)] == [True] * 2 * refused


def test_what_a_switch_of_go_comes_to_is_there_already() -> None:
    before = GO.replace('	"os"\n', '	"os"\n	"os/exec"\n\n	"github.com/slack-go/slack"\n')
    switch = "	switch was := any(path).(type) {\n	case *slack.%s:\n		_ = %s\n	}\n	return string"
    heard, made = (
        before.replace("	return string", switch % one) for one in (("Event", "was"), ("Client", "slack.New"))
    )

    assert found("shelf/load.go", before, heard) == {}
    assert found("shelf/load.go", before, made) == {"network": True}
    assert found("shelf/load.go", before, heard.replace("slack.Event", "exec.Cmd")) == {"shell": True}


def test_what_a_log_says_of_a_hash_is_no_hash() -> None:
    logs, logs_it = 'log.Printf("bcrypt hash: %s", path)', 'log.Printf("%s", bcrypt.Sum(path))'
    told, computed = (GO.replace("	return string", f"	{one}\n	return string") for one in (logs, logs_it))

    assert found("shelf/load.go", told, GO) == {}
    assert found("shelf/load.go", computed, GO).get("security") is True
    assert found("shelf/load.go", computed, told).get("security") is True


def test_moved_code_of_node_and_go_is_not_new() -> None:
    uses = NODE.replace("  return text", "  http.get(path);\n  return text")
    moved = uses.replace("  http.get(path);\n", "").replace("  const text", "  http.get(path);\n  const text")

    assert found("src/load.mjs", uses, moved) == {}


def test_assembly_is_refused() -> None:
    assert found("shelf/add_amd64.s", "", "TEXT ·add(SB),$0\n	RET\n").get("eval") is True
