"""What is called as secrets are and is none: names of things, flags, modules, kinds of credentials, counts."""

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.between import KINDS_OF_KEYS
from kintsugi.telemetry.redact.looks import is_folder
from kintsugi.telemetry.redact.values import Value, is_file, is_too_brief

_QUOTES = ('"', "'", "`", "\\")
_ABOUT_A_NAME = re.compile(
    r"\\{0,7}[\"'`] (?:not found|already exists|does not exist|is (?:forbidden|invalid|immutable)"
    r"|(?:created|configured|deleted|patched|edited|labeled|annotated|replaced|unchanged)(?:[\s,;.]|$))"
)
# What follows a sign and is no value: `created secret: --from-literal=…`, `$password = ConvertTo-SecureString -…`
_A_FLAG = re.compile(
    r"--[a-z]{2,20}(?:-[a-z]{2,20}){0,4}(?=[=\s]|$)|[A-Z][A-Za-z]{2,14}-[A-Z][A-Za-z]{3,30}(?=\ [-$\"'(])"
)
_ARN = re.compile(r"arn:aws[a-z-]{0,10}:secretsmanager:[a-z0-9-]{0,24}:\d{0,12}:secret:$")
_PROGRESS = re.compile(
    r"(?:Still )?[A-Za-z][a-z]{2,14}ing(?: state| complete)?\.\.\.|[A-Z][a-z]{2,14} complete(?: after \d|$)"
    r"|Need(?= ')|(?:ERROR|WARN(?:ING)?|INFO|DEBUG|FATAL)(?::| |: )[A-Z]?[a-z]+(?: [a-z]+){2}"
)
_OF_CREDENTIALS = ("credential", "credentials", "creds")
_KIND_OF_CREDENTIAL = re.compile(
    r"[A-Za-z]{2,14}\d?(?:[+_-][A-Za-z]{2,14}\d?){0,4}|[\w.+-]{1,60}@[\w-]{1,60}\.[\w.]{2,30}"
)
# A digest that was cut, so that nobody can try words against it.
_DIGEST_OF_ONE, _CUT = (
    re.compile(r"(?i:sha-?\d{0,3}|md5|hash|digest) of (?:\w{1,10} ){0,2}\w{1,20}: ?$"),
    re.compile(r"[0-9a-f]{4,12}"),
)
# A test and what it says: `PASS: App Master: …`.
_RESULT_OF_TEST = re.compile(r"PASS: [A-Z][a-z]{1,20}(?: [A-Z][a-z]{1,20}){0,3}: ")
# The name of a secret, as clusters and vaults have them: small words, numbers and what a cluster adds (`-x7k2p`). It
# stands right behind the word (`secret "db-credentials-v2"`), where that is not the kind of a secret (`client secret`),
# and behind a sign beside what tells of a cluster: `secret: db-credentials in namespace …`.
_NAME_OF_SECRET = re.compile(
    r"[a-z]{1,20}(?:\d{0,2}[-_/](?:[a-z]{1,20}|\d{1,4}|[a-z]{1,20}\d{1,2}|[bcdfghjklmnpqrstvwxz2456789]{5,10})"
    r"|\.(?:[a-z]{1,20}|v\d{1,3})(?=[.]|$)){0,8}"
)
_OF_A_CLUSTER = re.compile(r"(?i:\b(?:namespace|pod|service ?account|configmap|volume)\b)")
_NAME_OF_CONSTANT = re.compile(r"[A-Z]{2,}(?:_[A-Z]{2,})+")
_AROUND, _LEAD, _SIGNS_OF_QUOTES = 80, 40, "\"'`\\"
_OF_A_MANAGER = re.compile(r"[a-z]{3,12} (?:password|passphrase|key|database|file|entry)\b")  # keepass: master key
_OF_PAM = ("chauthtok", "session", "auth", "account", "gkr-pam")
_ASKED_BY_PAM = ("passwd", "gdm-password")
_NAMES_OF_SECRETS = ("existingsecret", "pullsecret", "pullsecrets")  # whose value is such a name, or a secret itself
# What tells that a name is meant: a part of it, what is done with a secret of a cluster, and what is said of one.
_KIND_IN_A_NAME = re.compile(
    r"(?:^|[-_/.])(?:credential|cred|secret|token|key|tls|cert|auth|password|config|db)s?\d{0,2}(?![a-z])"
)
_HANDLED = re.compile(
    r"(?:creat|updat|delet|patch|read|fetch|load|mount|sync|list|describ|copy|appl)(?:e|es|ed|y|ied|ing)?|get|"
    r"find|found|kubernetes|k8s|cluster|vault|kv|generic|opaque|tls|pull|managed|sealed|external"
)
_SAID_OF_ONE = re.compile(
    r"\\{0,7}[\"'`]? (?:(?:is |was )?not (?:a|found|defined)|(?:already|does not) exist|"
    r"(?:successfully |was |has been )?(?:created|updated|deleted|patched|configured|mounted)|values?\b|version|"
    r"in (?:namespace|project|vault|cluster))"
)
_WRONG = ("enable", "wrong", "bad", "invalid", "incorrect", "new", "old")  # of a secret itself, not of its name


def is_something_else(name: str, text: str, value: Value) -> bool:
    """Things called by such a name are told of (`secret "db" not found`, `db_password: Creating...`), and some names
    are those of other things, too."""
    if _PROGRESS.match(text, value.start) or (
        text[value.end : value.end + 1] in _QUOTES and _ABOUT_A_NAME.match(text, value.end)
    ):
        return True
    if not value.quoted and text[value.end : value.end + 1] in (" ", "=", "") and _A_FLAG.match(text, value.start):
        return True
    if _CUT.fullmatch(text, value.start, value.end) and _DIGEST_OF_ONE.search(
        text, max(0, value.start - 60), value.start
    ):
        return True
    lowered = name.lower()
    return lowered.endswith(_OF_OTHER_THINGS) and _is_other_thing(lowered, text, value)


_OF_OTHER_THINGS = (
    "session", "secret", "secrets", "passwd", "gdm-password", "pw", "pin", "pwd", "pass", "credential", "credentials",
    "creds",
)  # fmt: skip


def _is_other_thing(name: str, text: str, value: Value) -> bool:
    """An ARN; a module of PAM (`passwd:session`); a kind of credentials (`include_credential=oidc`); a scope
    (`DEBUG=pw:webserver`); the shell's folder; a count, and the result of a test (`pass: 12`, `PASS src/a.ts`)."""
    plain = text[value.start : value.end]
    match name:
        case "session":
            return plain[:1] == "<" and "user=<" in text[max(0, value.start - 200) : value.start]  # of a mail server
        case "pw" if text[value.start - 1] == ":" and plain.isalpha():
            return True
        case "pw" | "pin":
            return is_too_brief(name, plain)
        case "pass":
            return plain.isdigit() or is_file(plain) or _is_result_of_test(text, value.start)
        case "keepass" | "lastpass" | "enpass" if _OF_A_MANAGER.match(text, value.start):
            return True
        case _ if name.endswith("secret") and _ARN.search(text, max(0, value.start - 90), value.start):
            return True
        case _ if name.replace("_", "").replace("-", "").endswith(_NAMES_OF_SECRETS):
            return _NAME_OF_SECRET.fullmatch(plain) is not None
        case "secret" if _NAME_OF_CONSTANT.fullmatch(plain):
            lead = text[max(0, value.start - _LEAD) : value.start].lower()
            return lead.endswith("secret: ") and not lead.removesuffix("secret: ").endswith(KINDS_OF_KEYS)
        case "secret" | "secrets" if _NAME_OF_SECRET.fullmatch(plain):
            lead = text[max(0, value.start - _LEAD) : value.start].rstrip(_SIGNS_OF_QUOTES).lower()
            if lead.endswith((" secret ", " secrets ")) or lead in ("secret ", "secrets "):
                return _is_a_name(lead.rstrip().rpartition(" ")[0], text, value)
            near = max(0, value.start - _AROUND), value.end + _AROUND
            return not value.quoted and _OF_A_CLUSTER.search(text, *near) is not None
    if name.endswith("pwd"):
        return is_folder(name.upper(), plain)  # as text it is the shell's in small letters, too
    if name.endswith(_ASKED_BY_PAM):
        return plain.rstrip("):") in _OF_PAM
    return name.endswith(_OF_CREDENTIALS) and _KIND_OF_CREDENTIAL.fullmatch(plain) is not None


def _is_a_name(lead: str, text: str, value: Value) -> bool:
    """Whether what follows `secret ` is its name, and not itself: `client secret …`, `wrong secret …`."""
    word = lead.rpartition(" ")[2].strip("\"'`([{:,;")
    if f" {lead} ".endswith(KINDS_OF_KEYS) or word in _WRONG:
        return False
    return bool(
        _KIND_IN_A_NAME.search(text, value.start, value.end)
        or _HANDLED.fullmatch(word)
        or _SAID_OF_ONE.match(text, value.end)
    )


def _is_result_of_test(text: str, start: int) -> bool:
    """Whether `PASS: ` begins a line, and what stands behind it, at `start`, begins with the name of a test."""
    begin = max(0, start - len("PASS: "))
    return text[begin - 1 : begin] in ("", "\n") and _RESULT_OF_TEST.match(text, begin) is not None
