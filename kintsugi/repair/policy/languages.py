"""New uses, in other languages than Python, of what can do anything: told by patterns."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.migrations import without_undoing
from kintsugi.repair.policy.python import Danger
from kintsugi.repair.policy.screen import Screened, first_new

_JS = (
    ("shell", r"\bchild_process\b|\b(?:exec|spawn)(?:File)?Sync\s*\(|\bBun\.spawn|\bDeno\.(?:run|Command)|\bexeca\("),
    (
        "eval",
        r"\beval\s*\(|\bnew\s+Function\s*\(|\bvm\.(?:run\w+|Script)|setTimeout\s*\(\s*['\"`]"
        r"|\bimport\s*\(\s*[^'\"]|\.constructor\s*\(",
    ),
    (
        "network",
        r"\bfetch\s*\(|XMLHttpRequest|\baxios\b|\bWebSocket\s*\(|\bhttps?\.(?:get|request)\s*\("
        r"|require\(['\"](?:node:)?(?:https?|net|dgram|tls|dns)['\"]\)|\bnet\.(?:connect|createConnection)"
        r"|sendBeacon|EventSource\s*\(|new\s+Image\s*\(\s*\)\.src",
    ),
    ("deserialiser", r"\bunserialize\s*\(|node-serialize|\bdeserialize\s*\("),
)
_SHELL = (
    ("network", r"\b(?:curl|wget|nc|ncat|netcat|ssh|scp|sftp|rsync|telnet|ftp|socat)\b|/dev/(?:tcp|udp)/"),
    (
        "eval",
        r"\beval\b|\bbase64\s+-(?:d|-decode)|\|\s*(?:ba|z|da)?sh\b|\bsource\s+<|\b(?:python3?|perl|ruby"
        r"|node)\s+-[ce]",
    ),
    (
        "shell",
        r"\brm\s+-\w*r|\bchmod\s+(?:\+s|[0-7]*7[0-7]*)|\bsudo\b|\bcrontab\b|\bnohup\b|\bmkfifo\b|\bdd\s+if="
        r"|:\(\)\s*\{",
    ),
)
_LANGUAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "js": _JS,
    "sh": _SHELL,
    "go": (
        ("shell", r"\bexec\.Command|\bsyscall\.(?:Exec|ForkExec|StartProcess)|\bos\.StartProcess|\"os/exec\""),
        ("eval", r"\bplugin\.Open|\bunsafe\.Pointer"),
        ("network", r"\bnet\.(?:Dial|Listen)\w*|\bhttp\.(?:Get|Post|Head|PostForm|NewRequest\w*|Client)\b|\btls\.Dial"),
        ("deserialiser", r"\bgob\.NewDecoder"),
    ),
    "rb": (
        (
            "shell",
            r"(?<![\w.])(?:system|exec|spawn|fork)\b[\s(]|`[^`]+`|%x[({\[]|\bIO\.popen|\bOpen3\.|\bKernel\.(?:system"
            r"|exec|spawn|open)",
        ),
        ("eval", r"\b(?:instance_|class_|module_)?eval\b|\bsend\s*\(|\bconst_get\b|\bERB\.new"),
        ("network", r"\bNet::|\bopen-uri\b|\bTCPSocket|\bURI\.open|\bFaraday\b|\bHTTParty\b|\bRestClient\b"),
        ("deserialiser", r"\bMarshal\.(?:load|restore)|\bYAML\.(?:load|unsafe_load)\b|\bOj\.load"),
    ),
    "php": (
        ("shell", r"\b(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec)\s*\(|`[^`]+`"),
        (
            "eval",
            r"\beval\s*\(|\bassert\s*\(|\bcreate_function\s*\(|\bpreg_replace\s*\(\s*['\"].*/e|\b(?:include"
            r"|require)(?:_once)?\s*\(?\s*\$|\bcall_user_func",
        ),
        (
            "network",
            r"\bcurl_(?:init|exec)\s*\(|\bfsockopen\s*\(|\bfile_get_contents\s*\(\s*['\"]https?:"
            r"|\bstream_socket_client",
        ),
        ("deserialiser", r"\bunserialize\s*\("),
    ),
    "jvm": (
        ("shell", r"\bgetRuntime\s*\(\s*\)|\bProcessBuilder\b"),
        (
            "eval",
            r"\bScriptEngine\w*|\bClass\.forName|\bdefineClass|\bURLClassLoader|\bMethod\.invoke"
            r"|\bSpelExpressionParser",
        ),
        (
            "network",
            r"\bnew\s+(?:Server)?Socket\s*\(|\bHttpURLConnection|\bHttpClient\b|\bURL\s*\(\s*\"|\bOkHttpClient"
            r"|\bRestTemplate|\blookup\s*\(\s*\"(?:ldap|rmi)",
        ),
        ("deserialiser", r"\bObjectInputStream|\breadObject\s*\(|\bXMLDecoder|\bXStream\b|enableDefaultTyping"),
    ),
    "rs": (
        ("shell", r"\bCommand::new|\bprocess::Command"),
        ("eval", r"\bunsafe\s*\{|\blibloading\b|\btransmute\b"),
        ("network", r"\bTcpStream|\bUdpSocket|\bTcpListener|\breqwest::|\bhyper::|\bureq::"),
    ),
    "c": (
        (
            "shell",
            r"\b(?:system|popen|execl[pe]?|execv[pe]{0,2}|fork|posix_spawnp?|ShellExecute\w*|CreateProcess\w*"
            r"|WinExec)\s*\(|\bProcess\.Start",
        ),
        ("eval", r"\bdlopen\s*\(|\bLoadLibrary\w*\s*\(|\bAssembly\.Load|\bmprotect\s*\("),
        (
            "network",
            r"\b(?:socket|connect|bind|getaddrinfo|WSAStartup|curl_easy_\w+)\s*\(|\bHttpClient\b|\bWebClient\b"
            r"|\bTcpClient\b",
        ),
        ("deserialiser", r"\bBinaryFormatter|\bLosFormatter|TypeNameHandling\.(?!None)"),
    ),
    "py": (
        (
            "shell",
            r"\bos\.(?:system|popen|exec\w+|spawn\w+)|\bsubprocess\b|\bpty\.spawn|\bcommands\.get|shell\s*=\s*True",
        ),
        (
            "eval",
            r"(?<![\w.])(?:eval|exec|execfile|compile|__import__)\s*\(|\bexec\s+['\"\w]|__(?:subclasses|globals"
            r"|builtins)__|\bctypes\b",
        ),
        (
            "network",
            r"\bsocket\.(?:socket|create_connection)|\burllib2?\.(?:request|urlopen)|\burlopen\(|\brequests\.(?:get"
            r"|post|put|request)|\bhttpx\.|\baiohttp\.|\b(?:http\.client|httplib|ftplib|smtplib|telnetlib|paramiko)\.",
        ),
        ("deserialiser", r"\bc?[pP]ickle\.loads?|\bmarshal\.loads?|\byaml\.load\(|\bshelve\.open|\bdill\.loads?"),
    ),
    "markup": (
        ("eval", r"<script\b|\bjavascript:|\bon(?:error|load|click|mouseover)\s*=|\bsrcdoc\s*="),
        ("network", r"<(?:iframe|object|embed|form|link|base)\b[^>]*https?://"),
    ),
    "config": (("deserialiser", r"!!(?:python|ruby|java)/|!ruby/object"),),
    "sql": (
        (
            "shell",
            r"\bxp_cmdshell\b|\bCOPY\b.*\bPROGRAM\b|\bLOAD_FILE\b|\bINTO\s+OUTFILE\b|\bDROP\s+(?:TABLE|DATABASE)\b"
            r"|\bGRANT\s+ALL\b",
        ),
    ),
}
BY_SUFFIX = {
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".vue", ".svelte"), "js"),
    **dict.fromkeys((".sh", ".bash", ".zsh", ".ksh", ".fish", ".bat", ".cmd", ".ps1"), "sh"),
    **dict.fromkeys((".rb", ".erb", ".rake"), "rb"),
    **dict.fromkeys((".java", ".kt", ".kts", ".scala", ".groovy"), "jvm"),
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".m", ".mm", ".swift"), "c"),
    **dict.fromkeys((".py", ".pyi", ".pyw", ".pyx"), "py"),
    **dict.fromkeys((".html", ".htm", ".svg", ".xml", ".jinja", ".jinja2", ".j2", ".xhtml"), "markup"),
    **dict.fromkeys((".yml", ".yaml", ".json", ".toml", ".ini", ".cfg"), "config"),
    ".go": "go",
    ".php": "php",
    ".rs": "rs",
    ".sql": "sql",
}
_COMPILED = {
    name: tuple((rule, Screened(pattern, re.IGNORECASE if name in ("markup", "sql") else 0)) for rule, pattern in rules)
    for name, rules in _LANGUAGES.items()
}


def dangers_by_pattern(change: Change) -> list[Danger]:
    """What stands in more added lines than removed ones."""
    added = without_undoing(change)
    signs = (
        (rule, first_new(pattern, added, change.removed_text)) for rule, pattern in _COMPILED.get(_language(change), ())
    )
    return [Danger(rule, f"It newly has {sign.strip()[:60]!r}.") for rule, sign in signs if sign is not None]


def _language(change: Change) -> str:
    suffix = PurePosixPath(change.path).suffix.lower()
    if not suffix and change.added_text.startswith("#!"):
        return "sh"
    return BY_SUFFIX.get(suffix, "")
