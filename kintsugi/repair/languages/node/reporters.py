"""Reporters of ours for runners that have none which tells each test: a line of JSON a test, on the runner's output.

They are handed over as an address, so that no file of the project names them.
"""

from __future__ import annotations

import base64

_OF_NODE = """
const names = [], printed = {};
const told = (e, left = 4) => e && typeof e === "object" && left
  ? [{ name: e.name, message: String(e.message), stack: String(e.stack), code: e.code },
     ...told(e.cause, left - 1)] : [];
export default async function* (source) {
  for await (const { type, data } of source) {
    if (type === "test:stderr") printed[data.file] = ((printed[data.file] || "") + data.message).slice(-8000);
    if (type === "test:start") { names.length = data.nesting; names[data.nesting] = data.name; }
    if (type !== "test:pass" && type !== "test:fail") continue;
    const error = data.details.error;
    yield JSON.stringify({
      file: data.file || "", names: [...names.slice(0, data.nesting), data.name], ok: type === "test:pass",
      skip: data.skip !== undefined && data.skip !== false, todo: data.todo !== undefined && data.todo !== false,
      kind: data.details.type || "test", failure: error && error.failureType, errors: told(error),
      printed: printed[data.file] || "" }) + "\\n";
  }
}
"""
# Before 5 jasmine does not say which file a test is in. Suites that fail do so outside of their tests.
_OF_JASMINE = """
const names = [];
const told = (r, names, ok) => {
  const failed = r.failedExpectations || [], stacks = failed.map((e) => `${e.message}\\n${e.stack || ""}`);
  process.stderr.write([`${r.status || "failed"}: ${names.join(" ")}`, ...stacks, ""].join("\\n"));
  process.stdout.write("\\n" + JSON.stringify({
    file: r.filename || "", names, ok, skip: ["excluded", "pending"].includes(r.status), todo: false, kind: "test",
    errors: failed.map((e, at) => ({
      name: e.matcherName ? "AssertionError" : "", message: e.matcherName ? String(e.message) : "",
      stack: stacks[at] })),
    printed: "" }) + "\\n");
};
export default class {
  suiteStarted(r) { names.push(r.description); }
  suiteDone(r) {
    if ((r.failedExpectations || []).length) told(r, [...names], false);
    names.pop();
  }
  specDone(r) { told(r, [...names, r.description], r.status === "passed"); }
  jasmineDone(r) {
    if ((r.failedExpectations || []).length) told(r, ["outside of the tests"], false);
    process.stdout.write('\\n{"over":true}\\n');
  }
}
"""


def _address(source: str) -> str:
    """Without a full stop, as jasmine takes anything with one for a path."""
    return f"data:text/javascript;base64,{base64.b64encode(source.encode()).decode()}"


OF_NODE, OF_JASMINE = _address(_OF_NODE), _address(_OF_JASMINE)
