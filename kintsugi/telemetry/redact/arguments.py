"""Secrets that are arguments: of a call, told by what is called, and of any program, told by a flag and their looks.

Each check is a function of (text, start, end of what led to it) to the spans to hide, and looks at a bounded stretch.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.alone import is_open
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.looks import MADE_UP, Look, is_of_a_person, is_of_people, is_strong, looks
from kintsugi.telemetry.redact.values import is_reference, is_secret, looks_random

Span = tuple[int, int]


class Call(NamedTuple):
    """What ends a function's name, in lower case with its bracket, and which argument is a secret by its place alone;
    others have to look random."""

    names: tuple[str, ...]
    place: int = -1
    of_keys: bool = False  # what looks like an id or a digest is a secret, too
    is_typing: bool = False  # there is no name before what is typed


CALLS = (
    Call(
        (
            ".login(", ">login(", ":login(", "ftp_login(", ".authenticate(", ">authenticate(", ".setbasicauth(",
            "networkcredential(",
            "credential]::new(", "usernamepasswordcredentials(", "passwordauthentication(", "basicauth(",
            "wifi.begin(", "digestauth(", "usernamepasswordauthenticationtoken(", ": basic(", "loginwithpassword(",
            "db.auth(", "bind_s(", "validateuserpass(", "checkpassword(", "verifyuser(", "trylogin(", "dologin(",
        ),
        1,
    ),
    Call(
        (
            "pdo->__construct(", "pdo(", "dbi connect(", "odbc_connect(", "ibase_connect(", "mysql_real_connect(",
            "sequelize(", "mysqli_connect(", "mysql_connect(", "mysqli->__construct(", "mysqldb.connect(",
            "pymysql.connect(", "ldap3.connection(", "dbi->connect(", ".getconnection(", "ldap_bind(", "imap_open(",
            "ssh2_auth_password(", "directoryentry(", "set_password(", "setpassword(",
        ),
        2,
    ),
    Call(
        (
            "bcrypt.compare(", "checkpw(", "password_verify(", "verify_password(", "secretstr(", "secretbytes(",
            "changepassword(",
        ),
        0,
    ),
    Call(
        (
            "attempt(", "bindas(",
            "login(", "logon(", "signin(", "sign_in(", "authenticate(", "connect(", "connection(", "_bind(", ".bind(",
            "password(", "passwd(", "hashpw(", "credential(", "credentials(", "authentication(",
            "authorize(", "setauth(", "set_auth(", "withtoken(", "settoken(", "set_token(", "setapikey(",
            "set_api_key(", "createclient(", "client.init(", "configure(",
        )
    ),
    Call((".run(", "send_keys(", ".fill(", ".type(", ".typetext(", ".sendline(", ".send("), is_typing=True),
    Call(
        (
            "hmac(", "hmac.new(", "fernet(", "cipher(", "cipheriv(", "jwt.sign(", "jwt.encode(", "jwt.verify(",
            "jwt.decode(", "secretkeyspec(", "aesgcm(", "encrypt(", "decrypt(", "crypt(",
        ),
        of_keys=True,
    ),
)  # fmt: skip
_MOST_ARGUMENTS, _SHORTEST = 6, 2
_ARGUMENT = re.compile(
    r"\s{0,24}+(?:[bBuUrRfN]{0,2}(?P<quote>\\{0,3}[\"'`])(?P<value>(?:(?!(?P=quote))[^\n]){0,300})(?P=quote)"
    r"|[^\"'`(){}\n,]{0,60}+(?:\([^()\n]{0,40}\)|\{[^{}\n]{0,80}\})?[^\"'`(){}\n,]{0,20}+)\s{0,24}(?P<end>[,)])"
)
_FIELD = re.compile(r"(?i:pass(?:word|wd)?|secret|token)")  # a word for what stands there: a form's field


def called(call: Call, text: str, end: int) -> Iterator[Span]:
    """The secrets among the literal arguments of a call whose bracket ends at `end`."""
    before = ""
    for index in range(_MOST_ARGUMENTS):
        argument = _ARGUMENT.match(text, end)
        if not argument:
            return
        value = argument["value"]
        if value is not None and _is_one(call, index, value, before):
            yield argument.span("value")
        if argument["end"] == ")":
            return
        before, end = value or "", argument.end()


def _is_one(call: Call, index: int, value: str, before: str) -> bool:
    if _is_made_up(value) and (call.of_keys or not is_reference(value)):
        return True
    if (index or call.is_typing) and not call.of_keys and (is_of_a_person(value) or is_of_people(value)):
        return True
    told = grade(before) >= Grade.SECRET and is_strong(value)  # '#password', 'x'
    if (index != call.place and not told) or len(value) < _SHORTEST or _FIELD.fullmatch(value):
        return False
    return (" " not in before or is_strong(value)) and is_secret(value, True, Grade.PASSWORD, prose=False)


def _is_made_up(value: str) -> bool:
    return looks_random(value) and value.isascii() and not _SHAPED.search(value) and grade(value) is Grade.NONE


_SHAPED = re.compile(
    r"[<>{}()\[\]%\\\s]|[?&]\w{1,20}=|:[\w-]{1,40};[a-z_]{2,20}=|:\w{1,12}=\w|\.\w{1,5}$|^[#./]|//|^[A-Za-z]+\d?[A-Z][a-z]+$"
)  # a template, a source of data, a file, a name


# What parts two quoted arguments, and what begins a struct as Go prints one. Nothing else announces these: in 650,000
# lines of logs and samples, a name and a word as people make passwords stood in parentheses three times; one was a
# secret, two were rows of a test. Two words with a slash between them are how people write down a log-in.
_LONGEST_NAME = 42
BETWEEN_ARGUMENTS, STRUCTS, SLASHES = ("', '", "','", '", "', '">>,<<"'), ("&{", "{{"), (" / ",)
_QUOTED = re.compile(r"(?P<secret>[^\s'\",;()=:/]{6,60})(?P<quote>['\"])(?:>>)?\s?[,)\]}]")
_NAME_IN_A_CALL = re.compile(
    r"(?:\(|\{[a-z_]{3,40},(?=<<)|(?:args|arguments|params|parameters|values)\W{0,3}\[)(?:[^()\n]{0,80},\s?)?(?:[bu]?|<<)['\"](?:(?i:cn|uid)=(?=[^'\"\n]{1,80},))?(?P<name>[A-Za-z][\w.@-]{1,40})(?:,[^'\"\n]{1,80})?$"
)
# The names of calls that give access: what follows a user's name in one may look like a name itself.
_OF_CALL, _LETS_IN = (
    re.compile(r"\w{3,42}(?:Error: )?$"),
    re.compile(r"(?i:auth|log_?[io]n|sign_?in|passw|_pw|credential)"),
)
_OF_ACCESS = re.compile(rf"{_LETS_IN.pattern}|(?i:connect|session|account|bind|user|client)")
_BEHIND_SLASH = re.compile(r"(?P<secret>[^\s'\",;()=:/]{6,60})(?=[\s,;)]|$)")
_NAME_BEFORE_SLASH = re.compile(r"(?:(?:^|[\s(:])(?=[a-z])|: )(?P<name>[A-Za-z][\w.@-]{1,40})$")
_BEFORE_STRUCTS = frozenset("=:([ ")
_WORD_OF_STRUCT, _LONGEST_STRUCT = re.compile(r"[^\s{}\[\]:]{8,60}(?=[\s}])"), 200


def handed_over(text: str, start: int, end: int) -> Iterable[Span]:
    """Of `('bob', '…')` the second one, of any call or tuple."""
    given = _QUOTED.match(text, end)
    look = looks(given["secret"]) if given and given["quote"] == text[start] else Look.NOTHING
    if not given or look < Look.NAMED:
        return ()
    named = _NAME_IN_A_CALL.search(text, max(0, start - _FAR), start)
    if not named or not is_open(named["name"]):
        return ()
    if look < Look.LIKELY:
        called = _OF_CALL.search(text, max(0, named.start() - _LONGEST_NAME), named.start())
        if not called or not (_LETS_IN if look is Look.NAMED else _OF_ACCESS).search(called[0]):
            return ()
    return (given.span("secret"),)


def slashed(text: str, start: int, end: int) -> Iterable[Span]:
    """Of `bob / …` the second one, as people write down how to log in."""
    given = _BEHIND_SLASH.match(text, end)
    if not given or looks(given["secret"]) < Look.LIKELY:
        return ()
    named = _NAME_BEFORE_SLASH.search(text, max(0, start - _LONGEST_NAME), start)
    return (given.span("secret"),) if named and is_open(named["name"]) else ()


def in_a_struct(text: str, start: int, end: int) -> Iterator[Span]:
    """The words of `&{bob …}` that look like passwords; where fields have names, the names tell."""
    if text[start] == "{" and text[start - 1 : start] not in _BEFORE_STRUCTS:
        return
    stop = text.find("}", end, end + _LONGEST_STRUCT)
    for word in _WORD_OF_STRUCT.finditer(text, end, max(stop, end)):
        if text[word.start() - 1] in " {" and looks(word[0]) >= Look.LIKELY:
            yield word.span()


# A flag with a value right behind it, where another gives the user's name.
GLUED = (" -p", " -w")
_GLUED = re.compile(r"['\"]?(?P<secret>[^\s'\"=/:.,-][^\s'\"]{5,80})(?=['\"\s]|$)")
# Flags of passwords in many programs; behind those of names and tags a word with a number is one.
FLAGS = (
    "'-p', '", '"-p", "', " -p:", " -pw ", " -a ", " -k ", " -y ", " /p ", " /p:", " /rp ", " -pass ",
)  # fmt: skip
FLAGS_OF_NAMES = (" -n ", " -t ")
USER_FLAGS = (
    " -u ",
    " -A ",
    " -u",
    " --user ",
    "--user=",
    "'-u', '",
    '"-u", "',
    "--userpwd ",
    "--auth ",
    "--auth=",
    "--creds ",
    " auth ",
)
_MADE_UP = (
    r"(?=[^\s'\"]{0,60}\d)(?=[^\s'\"]{0,60}[a-z])(?=[^\s'\"]{0,60}[A-Z])"
    r"[^\s'\"/\\:,;=(){}\[\]<>.]{8,80}={0,2}(?=['\"\s]|$)"
)
_GIVEN, _GIVEN_AS_NAME = re.compile(rf"['\"]?(?P<secret>{MADE_UP})"), re.compile(rf"['\"]?(?P<secret>{_MADE_UP})")
_GIVEN_WITH_USER = re.compile(rf"['\"]?[A-Za-z][^\s:/'\"]{{0,60}}:(?P<secret>{MADE_UP})")
_GIVEN_AS_USER = re.compile(
    r"['\"]?(?P<secret>(?=[^:]{0,60}\d)(?=[^:]{0,60}[A-Z])[0-9A-Za-z_-]{16,80}):[xX]?(?=['\"\s]|$)"
)
# Programs to which such a flag gives a name: of a folder, a test, a tag, a session.
_OF_NAMES = re.compile(
    r"(?:\b(?:mkdir|cp|rsync|cd|touch|compose|pytest|jest|vitest|mocha|go test|cargo (?:test|build|check)|git tag"
    r"|[ef]?grep|kubectl (?:apply|logs)|tmux|screen|ffmpeg|tar|ls|du|sed|jq)|install)\b[^&|;\n]*$"
)


# A user's name given by a flag, and what is given by the next one: a password, even where it could be a name.
_USER_BEFORE = re.compile(
    r" (?:-[uUl]|--?user(?:name)?)[ =:]['\"]?[^\s=/:.'\"-][^\s=/:'\"]{1,40}['\"]?(?: \S{1,60}){0,2}$"
)
_USER_GIVEN = re.compile(r" (?:-[uUl] ?|--?user(?:name)?[ =])['\"]?[A-Za-z][^\s=/:'\"]{1,40}['\"]?(?: \S{1,60}){0,2}$")
_ARGUMENT_OF_FLAG, _FAR = re.compile(r"['\"]?(?P<secret>[^\s'\":/]{6,80})(?=['\"\s]|$)"), 120


def flagged(text: str, start: int, end: int) -> Iterable[Span]:
    """What stands behind `-p` of any program, where no name, folder or port can look like it.

    In 5.6 million lines of logs, data and code a word that people make up stands there twice that is no password.
    """
    is_of_names = text[start:end].lower() in FLAGS_OF_NAMES
    found = (_GIVEN_AS_NAME if is_of_names else _GIVEN).match(text, end)
    by_user = None if found or is_of_names else _USER_BEFORE.search(text, max(0, start - _FAR), start)
    if by_user and " -p" not in by_user[0]:
        found = _ARGUMENT_OF_FLAG.match(text, end)
        found = found if found and is_strong(found["secret"]) else None
    return (found.span("secret"),) if found and not _OF_NAMES.search(text, max(0, start - 60), start) else ()


def glued(text: str, start: int, end: int) -> Iterable[Span]:
    """What stands behind `-p`, or is glued to it, of any program that is given a user's name before."""
    if text[end : end + 1] == " ":
        return flagged(text, start, end + 1)
    found = _GLUED.match(text, end) if _USER_GIVEN.search(text, max(0, start - _FAR), start) else None
    return (found.span("secret"),) if found and looks(found["secret"]) >= Look.LIKELY else ()


def flagged_user(text: str, start: int, end: int) -> Iterable[Span]:
    """The password of `-u name:…` of any program."""
    found = _GIVEN_WITH_USER.match(text, end) or _GIVEN_AS_USER.match(text, end)
    return (found.span("secret"),) if found else ()
