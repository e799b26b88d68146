"""What stands between a key and its value in any notation, and what the key tells of the value there."""

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.keys import OF_DATA, Grade, grade
from kintsugi.telemetry.redact.looks import MADE_UP_WORD, Look, looks
from kintsugi.telemetry.redact.values import STANDS_FOR_ONE, is_file, looks_random

AFTER = re.compile(
    r"""
    (?P<tail>(?>\w{0,40}(?:[.-]\w{1,30}){0,4})
        (?:\ (?i:key|token|secret|value|code|phrase|string|word|header|id|seed)(?!\w))?(?:\ \d{1,2}(?=:)|\(s\)(?=:))?)
        (?P<whose>\ (?:for|of|FOR|para|pour|für|для|voor|dla)\ (?:(?:user|usuario|utilisateur|пользователя)\ (?!%))?
            (?!(?i:user(?:name)?|login|account|host|server|email|address|ip|role|profile|realm|client|cn|uid|ou|dc|dn)[:=])
            [^\s:=]{1,60}(?:(?:\ ["'][^"'\n]{1,80}["'])?(?=\ ?[:=])
            |(?:\ [^\s:=]{1,60}){0,3}?(?=\ (?:is|was|has\ been|set|changed|reset|to)\ ))
            |\ to\ (?:use|connect|log\ in)(?=\ is\ ))?
        (?P<where>\ (?:from|for|of)(?:\ [\w./'-]{1,40}){2,4}(?=:\ ))?
    (?P<close>(?:\\{0,15}["'`](?:'')?|&quot;|&\#3[49];|%22|%27|\\{1,8}u002[27])?(?::(?:protected|private))?\]?(?:\*\*|__)?)
    (?:[ ]\([a-z][a-z0-9 .\[\]-]{1,60}\)(?=:))?
    (?:
        [ \t]{0,40}(?P<sign>=>|->|:=|={1,3}(?!=)|!==?|::?(?!//)(?:[ ]""[ ]=>)?|%3[DdAa]
                |\\{1,8}u003[dDaA]|\.{8,80}(?=[^\s.]))
            (?:\*{1,2}(?!\*)|__)?(?:[ \t]|%20|\+(?=[\w%])){0,24}
            (?:\[\]string\{|(?<=:)\[(?=(?:Bearer|Basic|Token)?\ ?(?:[\w.+/=-]{12}|\*\*\*\]))|Optional\[|<<(?=\\{0,7}")
                |&\w{1,20}[ ]|![\w!/-]{1,24}[ ]|\{\s{0,24}\\{0,7}"value\\{0,7}"[ ]?:[ ]?(?=\\{0,7}")
                |0x[0-9a-f]{1,16}[ ](?=\\{0,7}")|chr[ ](?=\\{0,7}"))?
            (?P<below>(?:[|>][+-]?)?\r?\n(?:[ \t]{1,12}|[ \t]{0,12}(?P<item>-[ \t]{1,3}))(?!string\()(?=[^\s"'-])
                | <<[-~]?["']?[A-Z]{2,12}["']?\r?\n[ \t]{0,12}(?=[^\s"'-])
                | `{3}[a-z]{0,10}\r?\n(?=[^\s"'`]))?
            (?:\r?\n[ \t]{0,12}(?=\\{0,7}["']))?(?:\s{1,24}string\(\d{1,5}\)[ ])?(?:\([\w.*=]{2,24}\)[ ]){0,2}
      | (?P<default>[ \t]{1,4}\{\s{1,24}(?:(?!default)[a-z]{3,12}[ \t]{0,12}=[^\n]{0,120}\n\s{0,24}){0,4}
            default[ \t]{0,12}=[ \t]{0,4})
      | (?P<setting>[ \t]{0,2}(?:>\s{0,24}<[\w:]{0,24}(?:[vV]alue|[sS]tring|Prop)(?:[ ][^<>]{0,80})?>
            |</key>\s{0,24}<string>
            |</(?:name|string)>\s{0,24}<(?:value|string)>
            |</(?:td|th|dt|b|strong|label)>:?\s{0,24}<(?:td|dd|span|code|b)(?:[ ][^<>]{0,80})?>
                (?=[^\s<>]{0,60}[\d!\#$%&*@?])|;s:\d{1,5}:(?=\\{0,7}")))
      | (?P<attribute>[ \t,]{0,4}(?:,?(?:\s|\\n){1,24}(?:-[ ]{1,3})?)?(?:["'][tT]ype["']:[ ]?["']\w{1,20}["'],\s{0,24})?
            \\{0,7}[bu]?["']?(?:[vV]alue|content|ParameterValue)\\{0,7}["']?
            (?:[ \t]{0,2}[=:][ \t]{0,2}(?:\{(?=Bearer|Basic))?|[ ](?=["']))
            |[ ]--value[= ](?=[^\s-]))
      | (?P<part>(?:;[^\n]{0,100})?(?:\r?\n|\\r\\n){2})(?=\S)
      | (?P<pair>[ \t]{0,2},[ \t]{0,24}(?:<<)?|[ ]\.[ ])
            (?:(?=\\{0,7}[bBrRuU]?\\{0,7}["'])|(?<=,)(?=[^\s,()\[\]{}"'=]{6,80}[)\]])|(?=[$:]\w{1,20}[,)]|\?[,)]))
      | (?P<told>[ \t](?:(?:was|is|has\ been|is\ now)[ \t])?(?:(?:re)?(?:set|changed)[ \t]to(?:[ \t]|:[ \t]){1,2}
            |(?:generated|created)(?:[ ]for[ ][^\s:]{1,60})?:[ ]))
      | (?P<set>[ \t]to[ \t])(?=\S)
      | (?P<cell>[ \t]{0,40}[|│┃║][ \t]{0,8})(?=[^\s|│┃║])
      | (?P<prose>[ \t](?:is(?:[ \t]now)?|was|are|lautet|ist|est|es|jest|är|er|é|è)(?:[ \t]|:[ \t]){1,2})
      | (?P<element>>|&gt;|\ [\w:]{1,20}=\\?"[^"<>\n]{1,120}">)(?:<!\[CDATA\[)?(?=[^\s<>])
      | (?P<call>\((?:value[ ]?=[ ]?)?)(?=[bu]?\\{0,7}["'])
      | (?P<gap>[ \t]{1,4}(?=\S)|[ \t]{5,30}(?=[\w+/]{20}))
      | (?P<shouted>\r?\n[ \t]{0,4}(?:Out\[\d{1,4}\]:[ ]|=>[ ]|\[1\][ ])?)(?=\\{0,7}["'])
    )
    """,
    re.VERBOSE,
)
_KINDS_OF_KEYS = (
    "api", "access", "secret", "private", "auth", "client", "app", "application", "service", "account", "signing",
    "encryption", "license", "bot", "master", "shared", "storage", "security", "webhook", "deploy", "refresh",
    "session", "bearer", "unseal", "recovery", "network", "link", "wifi", "wi-fi", "wlan", "wpa",
)  # fmt: skip
_WORD_BEFORE = re.compile(rf"(?:^|[^A-Za-z0-9-])((?:{'|'.join(_KINDS_OF_KEYS)})(?: access)?) $", re.IGNORECASE)
KINDS_OF_KEYS = tuple(f"{word} " for word in _KINDS_OF_KEYS)
# What a parser did not expect is a word or a sign; a server, a token.
_A_WHOLE_TOKEN = re.compile(r"[^\w\n]{0,4}(?:(?:got|received|from)[^\w\n]{0,4})?(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{16,}")
_SETS = re.compile(
    r"\b(?:re)?(?:set|chang(?:e|ed)|updated?|rotated?|switch(?:ed)?)(?: (?:the|my|your|its|new))? $", re.I
)
_COLUMN_OF_TOKENS = ('token"."', "token`.`", 'tokens"."', "tokens`.`", "token.", "tokens.")
_OF_A_CACHE = re.compile(r"\bcache\b[\w ]{0,30} (?:from|with|for) $", re.IGNORECASE)  # restored from key: …
_BARS = "|│┃║"
_BEFORE_RANDOM = ("token", "key", "jwt", "pat")
_RANDOM_WORD = re.compile(r"(?=[A-Za-z_.+/-]{0,60}\d)(?=[\d_.+/-]{0,60}[A-Za-z])[\w.+/-]{16,400}={0,2}(?![\w(\[{=])")
_STRONG_CELL = re.compile(r"[^\s\"'`,;(){}\[\]|<>\\]{6,60}(?=\s|$)")
_OF_SEARCHES = ("palabra ", "palabras ")  # palabras clave: what is searched for
_OURS = (" my ", " our ", " your ")
_PROMPT = re.compile(r"\(?[A-Za-z]{0,8}(?:\[\d{1,4}\]|\([\w:]{1,20}\)[\d:]{0,8}|db\)?)?[>:*)]{1,3} |In \[\d{1,4}\]: ")
_LOGIN_BEFORE = re.compile(r"\blogin[ \t]{1,4}\S{1,80}\s{1,4}$")  # of a .netrc
_USER_BEFORE = re.compile(r"\buser(?:name)?[ \t]{1,4}\S{1,80}\s{1,12}(?:with )?$")  # of a .fetchmailrc
_LONGEST_LITERAL, _SHORTEST_LITERAL = 300, 8
_FLAG = re.compile(r"--[a-z][a-z-]{1,40}(?=[\s=]|$)")
_LINE_BEGINS = ("", "\n", '"', "'")  # or the text begins that stands in a string
_NO_FLAGS = ("--no-", "--skip-", "--without-")


def level_behind(text: str, at: int, stem: str, name: str, after: re.Match[str]) -> Grade:
    """The grade of a key where `after` was found behind it; none where that does not lead to its value."""
    match after.lastgroup:
        case "gap" if name[:1] == "-" and (name.startswith(_NO_FLAGS) or _FLAG.match(text, after.end())):
            return Grade.NONE  # a flag that takes no value
        case "gap" if name[:1] != "-" and not _gap_counts(text, at, stem, name, after):
            return Grade.NONE
        case "pair" if name[:1] != "-" and text[max(0, at - 4) : at].rstrip("\\\"'bu :")[-1:] not in ("(", "[", "{"):
            return Grade.NONE
        case "set" if not _SETS.search(text, max(0, at - 24), at):
            return Grade.NONE
        case "cell" if not (is_first_cell(text, at) or MADE_UP_WORD.match(text, after.end())):
            return Grade.NONE
        case "shouted" if not (name.isupper() and text[at - 1 : at] in _LINE_BEGINS) and not (
            name[:1] == "$" or _is_asked(text, at)
        ):
            return Grade.NONE
        case "call" if not (
            name[:1].isupper() or _is_made_up(text, after.end()) or MADE_UP_WORD.match(text, after.end() + 1)
        ):
            return Grade.NONE
        case "part" if "name=" not in text[max(0, at - 13) : at]:
            return Grade.NONE
        case "element" if text[at - 1 : at] == "<" and _stands_for_one(text, at - 1):
            return Grade.NONE
        case "element" if text[at - 1 : at] not in ("<", ";", ":", "*", "_", " ", '"', "'"):
            return Grade.NONE
    return grade_in_place(text, at, stem, name)


def _stands_for_one(text: str, at: int) -> bool:
    """Whether it is no tag that begins at `at` but what stands in the place of a value: `DBPASS=<password>`."""
    return text[max(0, at - 3) : at].rstrip()[-1:] in ("=", ":") and STANDS_FOR_ONE.match(text, at) is not None


def is_first_cell(text: str, at: int) -> bool:
    """Whether a cell of a table that begins at `at` is the first of its row."""
    return text[max(0, at - 4) : at].rstrip(" '\"").rstrip(_BARS)[-1:] in ("", "\n")


def _is_made_up(text: str, at: int) -> bool:
    """Whether the literal that begins at `at` can be no word or name."""
    inside = text.find(text[at : at + 1], at + 1, at + _LONGEST_LITERAL) if text[at : at + 1] in ("'", '"') else -1
    literal = text[at + 1 : inside]
    return inside > at + _SHORTEST_LITERAL and "$" not in literal and "/." not in literal and looks_random(literal)


def _is_asked(text: str, at: int) -> bool:
    """Whether the line is typed at the prompt of an interpreter or a debugger, which answers below."""
    line = text.rfind("\n", max(0, at - 120), at) + 1
    line = max(line, text.rfind('"', line, at) + 1, text.rfind("'", line, at) + 1)
    return _PROMPT.match(text, line, at) is not None


def grade_in_place(text: str, at: int, stem: str, name: str) -> Grade:
    """The grade of the key that begins at `at` with its `stem`, with what stands before it in view."""
    mark = text[at - 1 : at]
    level = grade(name.strip("$.-"), mark in ("?", "&", "#"))
    if name == "clave" and text.endswith(_OF_SEARCHES, max(0, at - 9), at):
        return Grade.NONE
    if level is Grade.WEAK and text.endswith(_COLUMN_OF_TOKENS, max(0, at - 12), at):
        return Grade.TOKEN  # "authtoken_token"."key"
    if level in (Grade.WEAK, Grade.TOKEN) and mark == " " and _is_of_data(text[max(0, at - 40) : at], name):
        if level is Grade.TOKEN and _A_WHOLE_TOKEN.match(text, at + len(name)):
            return level
        return Grade.NONE
    if level < Grade.SECRET and mark == " " and not stem:
        before = text[max(0, at - 28) : at]
        is_one = before.lower().endswith(KINDS_OF_KEYS) or not before.isascii()  # most are none: a tenth of the search
        word = _WORD_BEFORE.search(before) if is_one else None
        level = max(level, grade(f"{word[1]} {name}")) if word else level
    if level is Grade.WEAK and (mark in ("?", "&") or (stem[:2] == "--" and name.endswith("key"))):
        return Grade.TOKEN
    return level


def _is_of_data(before: str, name: str) -> bool:
    """Whether the words before a `key` or a `token` tell that it is one of data, and no secret."""
    return f"{before}{name}".lower().endswith(OF_DATA) or (name == "key" and _OF_A_CACHE.search(before) is not None)


def _gap_counts(text: str, at: int, stem: str, name: str, after: re.Match[str]) -> bool:
    """A bare blank separates key from value in SQL, in netrc and Docker files and where the value stands in quotes.

    In a sentence it does so too where the value can be no word of it.
    """
    following = text[after.end() : after.end() + 2]
    if _LOGIN_BEFORE.search(text, max(0, at - 100), at) or "identified by" in text[max(0, at - 16) : at].lower():
        return True
    random = _RANDOM_WORD.match(text, after.end())
    if after["close"] and following[:1] in ("'", '"'):
        return _is_made_up(text, after.end()) and grade_in_place(text, at, stem, name) >= Grade.TOKEN
    if after["close"] and (not random or "/" in random[0]):
        return False
    if "\t" in text[after.end() - 1 : after.end()] and random is None:  # two columns
        strong = _STRONG_CELL.match(text, after.end())
        level = grade_in_place(text, at, stem, name) if strong else Grade.NONE
        return strong is not None and looks(strong[0]) >= Look.FAINT and level is Grade.PASSWORD
    is_to_hand_over = name.lower() == "pass" and not _USER_BEFORE.search(text, max(0, at - 100), at)
    if following[:1] in ("`", "'", '"') and is_to_hand_over:  # as in "pass `--yes`"
        inside = text[after.end() + 1 : after.end() + _LONGEST_LITERAL].partition(following[:1])[0]
        return looks_random(inside) or MADE_UP_WORD.fullmatch(inside) is not None
    if following[:1] in ("'", '"', "`", "\\", "|"):
        level = grade_in_place(text, at, stem, name)
        return level >= Grade.SECRET or (level is Grade.TOKEN and name.lower().endswith(_BEFORE_RANDOM))
    if text[max(0, at - 4) : at].lstrip("\n") in ("ENV ", "ARG "):
        return True
    level = grade_in_place(text, at, stem, name)
    if level is Grade.WEAK and text.endswith(_OURS, max(0, at - 6), at):
        level = Grade.SECRET  # here is my key …
    if not random or is_file(random[0]):
        return False
    return level >= Grade.SECRET or (level is Grade.TOKEN and name.lower().endswith(_BEFORE_RANDOM))
