"""What can do anything in Node: modules that do little else, single members of others, and globals."""

from __future__ import annotations

_SHELL = """
    child_process cluster execa shelljs cross-spawn node-pty zx sudo-prompt dockerode simple-git node-cmd pm2 nodemon
    tree-kill tinyexec nano-spawn spawn-command
"""
_EVAL = """
    vm vm2 worker_threads inspector inspector/promises repl isolated-vm wasi ffi-napi ref-napi bindings node-gyp-build
    koffi edge-js safe-eval notevil static-eval quickjs-emscripten require-from-string jiti ts-node tsx/cjs/api
    @babel/register module-alias proxyquire pirates import-from-string sval tinypool piscina
"""
_NETWORK = """
    net tls dgram dns dns/promises http2 axios got node-fetch request
    superagent undici ws ssh2 nodemailer needle ky
    phin ftp basic-ftp kafkajs amqplib mqtt nats @sendgrid/mail mailgun.js twilio @slack/web-api socket.io-client
    puppeteer playwright request-promise cross-fetch isomorphic-fetch ssh2-sftp-client telegraf pusher imapflow bent
    ofetch centra wretch @aws-sdk/client-s3 aws-sdk
"""
LOADED: dict[str, str] = {
    **dict.fromkeys(_SHELL.split(), "shell"),
    **dict.fromkeys(_EVAL.split(), "eval"),
    **dict.fromkeys(("node-serialize", "serialize-to-js", "funcster", "cryo"), "deserialiser"),
    **dict.fromkeys(_NETWORK.split(), "network"),
}
MEMBERS: dict[str, tuple[tuple[str, str], ...]] = {
    "http": (("network", r"request|get|createServer|Server|Agent|globalAgent"),),
    "https": (("network", r"request|get|createServer|Server|Agent|globalAgent"),),
    "fs": (("shell", r"(?:promises\.)?(?:rm|rmdir|chmod|chown|symlink|link|lchmod|lchown)(?:Sync)?"),),
    "fs/promises": (("shell", r"rm|rmdir|chmod|chown|symlink|link"),),
    "module": (("eval", r"createRequire|register|_load|_extensions|_resolveFilename|Module\..*|_\w+|wrap|runMain"),),
    "v8": (("deserialiser", r"deserialize|Deserializer"), ("eval", r"setFlagsFromString|startupSnapshot.*")),
    "process": (
        ("eval", r"binding|dlopen|_linkedBinding|mainModule.*|setUncaughtException\w*"),
        ("shell", r"kill|setuid|setgid|report\..*"),
    ),
    "os": (("network", r"userInfo|networkInterfaces"),),
    "util": (("eval", r"inspect\.custom"),),
}
GLOBALS: tuple[tuple[str, str], ...] = (
    ("eval", r"eval|Function|importScripts|WebAssembly|execScript|SharedWorker|Worker"),
    ("network", r"fetch|XMLHttpRequest|WebSocket|EventSource|RTCPeerConnection|WebTransport"),
)
BY_LAST = {
    "_load": ("eval", "a loader of modules"),
    "loadExtension": ("eval", "a library that a database loads"),
    "enableLoadExtension": ("eval", "a library that a database loads"),
    "sendBeacon": ("network", "sendBeacon"),
}
"""What is dangerous to call of anything, by its last name."""
