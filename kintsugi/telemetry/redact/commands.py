"""Programs, calls and protocols that take a secret by a flag or by its place, so that no name stands before it."""

from typing import NamedTuple

from kintsugi.telemetry.redact.alone import RARE
from kintsugi.telemetry.redact.looks import MADE_UP
from kintsugi.telemetry.redact.vendors import REACH_DIGITS, REACH_DOTS, REACH_LINE


class Command(NamedTuple):
    """What leads to a command, in lower case, and how secrets follow: anywhere on its line, if one of the signs is
    there, and at once where there are no signs."""

    leads: tuple[str, ...]
    secret: str
    signs: tuple[str, ...] = ()


# What begins a flag, and what stands behind it: also as a list of arguments is printed. The sign stands first: so the
# expression is looked for where the sign is, and not everywhere.
_DASH, _SLASH = r"-(?<=[\s'\"]-)", r"/(?<=[\s'\"]/)"
_GAP = r"(?:[ \t=]{1,3}|['\"], ?|['\"] a\d{1,2}=)"
_STRONG = r"['\"]?(?P<secret>(?=[^\s'\"]{0,80}\d|[a-z]{0,40}[A-Z]{1,40}[a-z]{1,40}[A-Z])[^\s'\"]{4,200})"
_LONG = (
    r"['\"]?(?P<secret>(?=[^\s'\"]{0,80}\d)(?=[^\s'\"]{0,80}[a-z])(?=[^\s'\"]{0,80}[A-Z])[\w+/=-]{20,200})(?=['\"\s]|$)"
)
_LONG_OR_HEX = (
    r"['\"]?(?P<secret>[0-9a-f]{32,64}(?!\w)|"
    r"(?=[^\s'\"]{0,80}\d)(?=[^\s'\"]{0,80}[a-z])(?=[^\s'\"]{0,80}[A-Z])[\w+/=-]{20,200}(?=['\"\s]|$))"
)
_LONE = r"['\"]?(?P<secret>(?=[^\s'\"]{0,80}\d)(?=[^\s'\"]{0,80}[a-z])(?=[^\s'\"]{0,80}[A-Z])[^\s'\"|$/\\=:.]{8,200})"
_VALUE = r"['\"]?(?P<secret>[^\s'\"]{2,200})"
_END_OF_LINE = r"(?:\n|\\[nr])"  # as it is, or written out: the source of a program is not folded
_NO_PORT = r"['\"]?(?P<secret>(?!public\b|\d{1,5}(?:[\s;,)'\"]|$))[^\s'\"]{2,200})"
_USER = r"['\"]?[^\s:/=,;'\"]{1,80}['\"]?\s{1,3}"
_IN_FOURS = r"(?:[0-9A-Za-z]{4}(?:[ -][0-9A-Za-z]{4}){3,5}|[a-z]{16})(?![\w-])"
_QUOTES = ("'", '"')

# Flags whose value is a secret, whatever it looks like, and the programs that have them; and flags to which the secret
# is glued. What looks made up is one behind such a flag of any program: see `arguments.FLAGS`.
_BY_FLAG = {
    "p": (
        "sshpass", "docker login", "podman login", "helm registry login", "mongo", "cqlsh ", "useradd ", "usermod ",
        "twine ", "az login ", "oc login ", "psexec ", "psexec.exe ", "rdesktop ",
        "-keychain ", "mcrcon ", "cypher-shell ", "beeline ", "racadm ",
    ),
    "P": ("sqlcmd ", "bcp ", "ipmitool ", "mosquitto_", "ssh-keygen ", "zip ", "knife "),
    "s": ("eyaml encrypt",),
    "pw": ("plink ", "pscp ", "psftp "),
    "a": ("redis-cli",), "-pass": ("redis-cli",), "w": ("ldap",), "t": ("codecov",), "k": ("nuget push", "openssl"),
    "K": ("openssl",),
    "N": ("ssh-keygen ",), "A": ("snmp",), "X": ("snmp",), "c": ("snmp",),
    "-value": ("secret set ",), "-body": ("secret set ",), "b": ("secret set ",),
}  # fmt: skip
_GLUED = {"p": ("mysql", "mariadb", "sshpass"), "P": ("zip ",), "w": ("ldap",)}

COMMANDS = (
    # By a flag.
    *(
        Command(programs, rf"{_DASH}{flag}{_GAP}{_NO_PORT}", (f"-{flag}",))
        for flag, programs in _BY_FLAG.items()
    ),
    *(
        Command(programs, rf"{_DASH}{flag}['\"]?(?P<secret>[^\s'\"]{{3,80}})", (f"-{flag}",))
        for flag, programs in _GLUED.items()
    ),
    Command(("7z ", "7za ", "rar "), rf"{_DASH}h?p{_STRONG}", ("-p", "-hp")),
    Command(
        ("curl",),
        rf"{_DASH}(?:u|-user|U|-proxy-user){_GAP}?['\"]?[^\s:'\"]{{1,80}}:(?P<secret>[^\s'\"]{{2,200}})",
        ("-u", "-U", "-user"),
    ),
    Command(("http ",), r"(?:-a|--auth)[ =]['\"]?[^\s:'\"]{1,80}:(?P<secret>[^\s'\"]{2,200})", ("-a", "--auth")),
    Command(("lftp ",), rf"{_DASH}u{_GAP}?['\"]?[^\s,'\"]{{1,80}},(?P<secret>[^\s'\"]{{2,200}})", ("-u",)),
    Command(
        ("smbclient", "rpcclient", "winexe", "net ads", "net rpc"),
        r"\s(?:-U|--user)[ =]?['\"]?[^\s%'\"]{1,80}%(?P<secret>[^\s'\"]{2,200})",
        ("%",),
    ),
    Command(("freerdp",), rf"{_SLASH}p:{_VALUE}", ("/p:",)),
    Command(("signtool", "schtasks"), rf"{_SLASH}(?i:r?p) {_VALUE}", ("/p ", "/rp ", "/P ", "/RP ")),
    Command(("iwconfig ",), rf"key (?:s:)?{_VALUE}", ("key ",)),
    Command(
        ("htpasswd",), rf"\s-[a-zA-Z]{{0,6}}b[a-zA-Z]{{0,6}}\s{{1,3}}(?:\S{{1,100}}\s{{1,3}})?{_USER}{_VALUE}", (" -",)
    ),
    # By a place on the line.
    Command(
        ("sqlplus", "expdp", "impdp", "sqlldr", "rman target"),
        r"\s(?:-\w{1,8}\s{1,3}){0,4}(?:userid=)?['\"]?[\w.$-]{1,60}/['\"]?(?P<secret>[^\s@/'\"]{2,200})['\"]?"
        r"(?=[@\s]|$)",
        ("/",),
    ),
    Command(("net user ",), r"[\w.\\-]{1,60} (?P<secret>(?=[^\s\d]{0,80}\d)[^\s/*]\S{3,100})"),
    Command(("net use ",), rf"\s/user:\S{{1,80}}\s{{1,3}}(?!/){_VALUE}", ("/user:",)),
    Command(("net use ",), r"(?:[A-Za-z*]:? )?\\\\\S{1,100} (?P<secret>[^\s/*]\S{2,100})"),
    Command(
        (
            " -login ", " +login ", " -passwd ", "auth-pass ", "http-proxy-user-pass ",
            "hello 2 auth ", "hello 3 auth ",
        ),
        rf"(?!-){_USER}(?![-+]){_VALUE}",
    ),
    Command(("-createcredential ", "http-basic."), rf"\S{{1,80}} {_USER}{_VALUE}"),
    Command(("isql ",), rf"(?:-\w )*\S{{1,60}} {_USER}(?P<secret>{MADE_UP})"),
    Command(("mc alias set ",), rf"\S{{1,60}} \S{{1,200}} \S{{1,100}} {_VALUE}"),
    Command(
        ("cargo login ", "snyk auth ", "wandb login ", "vault login ", "authtoken ", "err auth "), rf"(?!-){_STRONG}"
    ),
    Command(
        ("authenticate ",),
        r"(?P<secret>(?=[^\s\d]{0,60}\d)(?=[^\sA-Z]{0,60}[A-Z])(?=[^\sa-z]{0,60}[a-z])[\w+/]{16,400}={0,2})(?=[\s'\"]|$)",
    ),
    Command(("at+cpin=",), r"[\"']?(?P<secret>\d{4,8})(?!\d)"),
    Command((" identify ",), rf"(?:[\w.@-]{{1,40}} )??{_LONE}(?=\s|$)"),
    Command(("rabbitmqctl",), rf"(?:add_user|change_password) {_USER}{_VALUE}", ("add_user", "change_password")),
    Command(
        ("vault kv put ", "vault kv patch ", "secrets set ", "secret generic "),
        r"(?<=[\s=])(?!(?:[A-Za-z_-]{0,30}_)?(?i:user|username|host|port|email|region|url)=)[A-Za-z_][\w.-]{0,60}=['\"]?(?P<secret>(?!-)[^\s@'\"]{4,200})",
        ("=",),
    ),
    Command(
        ("passwd ", "set-password ", "setpass ", "chkpass ", "checkpass "),
        rf"(?:--?[a-z]{{1,20}} )?{_USER}(?P<secret>{MADE_UP})",
    ),
    Command(
        tuple(f"app{kind} pass" for kind in ("", "-specific", "lication", "le")),
        rf"\w{{0,8}}[^\n]{{0,40}}?(?:[:=] ?['\"]?|(?<= is )['\"]?|(?<![\w-])(?={_IN_FOURS})"
        rf"(?=(?:[a-z]{{4}} ?){{0,5}}(?:[a-z]{{0,3}}[0-9A-Z]|[a-z]{{0,2}}(?:{'|'.join(RARE)}))))"
        rf"(?P<secret>{_IN_FOURS})",
    ),
    Command(("connect to ",), rf"\S{{1,40}} (?i:user) \S{{1,40}} (?i:using) {_VALUE}"),
    Command(("connect ",), r"[\w.$-]{1,40}/(?P<secret>[^\s/@\"']{3,80})@(?=[\w.-]{2,80}(?:[:/\s]|$))"),
    Command(('{admins,[{"', '{users,[{"'), r'[^"\n]{1,60}", ?"(?P<secret>[^"\n]{4,200})"'),  # terms of Erlang
    Command(("register =>",), r" ?[\w.-]{1,60}:(?P<secret>[^\s:@/]{3,200})@"),  # of Asterisk
    Command(("prosodyctl ", "ejabberdctl "), rf"[^\n]{{0,60}}?\bregister \S{{1,60}} \S{{1,80}} {_VALUE}"),
    Command(("at+cgauth=",), r'\d{1,2},\d,"[^"\n]{1,60}","(?P<secret>[^"\n]{3,100})"'),
    Command(("credentials ",), r"[\w.@+-]{2,60}:(?P<secret>(?=[^\s\d]{0,60}\d)[^\s:/]{6,200})(?=\s|$)"),
    Command(("stats auth ",), rf"[^\s:]{{1,60}}:{_VALUE}"),
    Command(("bundle config ",), r"(?:set )?(?:--\w{1,10} )?\S{1,80} [\w.@-]{1,60}:(?P<secret>[^\s/'\"]\S{3,200})"),
    Command(("drush user:password ", "drush user-password ", "drush upwd "), rf"{_USER}(?!-){_VALUE}"),
    Command(("authenticate(",), r"(?<=[\s,]Authenticate\()['\"]?(?P<secret>\d{3,10})(?=[,)'\"])"),  # of Asterisk
    Command((" oper ",), rf"{_USER}(?P<secret>{MADE_UP})"),
    Command(("puk ", "puk: ", "combination: ", "combination is "), r"(?P<secret>\d{4,10})(?!\w|[.-]\d)"),
    Command(("pragma key",), rf" ?= ?{_VALUE}"),
    Command((" on >",), r"(?P<secret>\S{3,200})"),
    Command(
        (
            "creds", "credentials", "login: ", "logins: ", "account: ", "zugang: ",
            "sasl plain ", "root / ", "admin / ", "root/",
            "user / ",
        ),
        rf"(?:[^\n:/]{{0,40}}: )?(?:['\"]?[\w.@+-]{{2,60}} ?[:/] ?)?(?P<secret>{MADE_UP})",
    ),
    Command(
        ("/ipk ", "-serial ", "product key"),
        r":?\s?(?P<secret>[A-Z\d]{2,5}(?:-[A-Z\d]{4,5}){3,6})(?!\w)"
    ),
    Command((".login=", "sonarlogin", "sonar.login"), rf"['\"]?(?: ?[=,:] ?)?{_LONG_OR_HEX}"),
    # A user's name and what belongs to it, where no name of a secret stands.
    Command(("addauth digest ",), rf"[^\s:]{{1,60}}:{_VALUE}"),
    Command(("login=",), rf"[\w.@-]{{1,60}}:{_STRONG}"),
    Command(("bundle_",), r"[A-Z0-9_]{1,80}(?:: |=)['\"]?[\w.@-]{1,60}:(?!//)(?P<secret>[^\s'\"]{4,200})"),
    Command(('"username":',), r' ?"[^"\n]{1,60}", ?"key": ?"(?P<secret>[0-9a-f]{32})"'),
    Command(("sp_addlogin ", "sp_password "), r"N?'[^'\n]{1,60}', ?N?'(?P<secret>[^'\n]{2,200})'"),
    Command(("at+cwjap",), r"[^=\n]{0,8}=\"[^\"\n]{1,60}\",\"(?P<secret>[^\"\n]{3,100})\""),
    Command(
        ('"method":"auth', '"method":"login', '"method": "auth', '"method": "login'),
        r'[^"\n]{0,20}", ?"params": ?\[ ?"[^"\n]{1,80}", ?"(?P<secret>[^"\n]{3,200})"',
    ),
    Command((": eap ", ": xauth "), r"['\"](?P<secret>[^\s'\"]{4,200})"),
    Command(("'crypt' =>",), r" ?\[\s{0,12}'key' => '(?P<secret>[^\s']{16,200})"),
    Command(("label=password", "label=token", "label=secret"), r" c[sn]\d=(?P<secret>\S{3,200})", (" c",)),
    Command(("x-honeycomb-team",), r"['\"]?[:=] ?['\"]?(?P<secret>\w{20,64})"),
    Command(("::add-mask::",), r"(?P<secret>[^\s'\"]{3,400})"),
    Command(("echo ", "printf "), rf"(?:-\w{{1,2}} )?\\{{0,3}}{_LONE}\\{{0,3}}{_END_OF_LINE}?['\"]? ?\|"),
    Command(("createuser ",), rf"(?:SHA|MD5|SHA-\d{{3}}|AES|AES-\d{{3}}|DES) {_VALUE}", ("SHA", "MD5", "AES", "DES")),
    Command(tuple(f"{word} {kind} " for word in ("password", "secret", "key") for kind in (0, 5, 7, 8, 9)), _STRONG),
    Command((":identify ",), r"(?:[^\s:]{1,40} )?(?P<secret>[^\s\"'<]{4,100})(?=\s{0,4}(?:$|[\"'<\\]))"),
    Command(("wpa_passphrase ",), rf"(?:\"[^\"\n]{{1,40}}\"|[^\s=]{{1,40}}) {_VALUE}"),
    Command(
        ("snmp-server community ", "rocommunity ", "rwcommunity ", "trapcommunity ", 'password "auth" '),
        rf"(?!public\b){_VALUE}",
    ),
    Command(
        ("rootpw ", "set password ", "isakmp key ", "snmp community ", "option key ", "pre-shared-key "),
        rf"(?:--[a-z]{{1,12}} |ENC |ascii-text |\d{{1,2}} )?{_STRONG}",
    ),
    Command(("trap2sink ", "trapsink ", "informsink "), rf"\S{{1,80}} {_VALUE}"),
    Command(("ssid=",), r"[^\n]{0,60}? key=['\"]?(?P<secret>[^\s'\"]{8,63})"),
    Command(("radius-server ", "tacacs-server "), rf"key (?:\d )?{_VALUE}", ("key ",)),
    Command(
        ("requirepass", "masterauth"),
        rf"['\"]?(?: 2\))?[ \t]{{1,4}}(?:is (?!not |empty|unset))?(?!(?:is|not) ){_VALUE}",
    ),
    # In a statement or a call.
    Command(("identified by ",), _STRONG),
    Command(
        ("identified",),
        r" (?:with \S{1,40} )?(?i:by) (?:(?i:password) )?\\?['\"](?P<secret>[^'\"]{2,200})['\"]",
        _QUOTES,
    ),
    Command(("convertto-securestring",), r"\s(?:-String\s)?\\?['\"](?P<secret>[^'\"\n\\]{2,200})", _QUOTES),
    # In a protocol's command, and in what is told of a login.
    Command(
        ("auth plain ", "authenticate plain "),
        r"\s{0,3}(?:[a-z]{1,12}:? (?=[A-Za-z+/]{0,60}[\dA-Z=]))?"
        r"(?P<secret>(?=[a-z+/]{0,60}[\dA-Z=])[A-Za-z0-9+/]{8,400}={0,2})",
    ),
    Command(
        (
            "passkey", "setup passcode",
             " pin", "one-time password", "otp",
        ),
        r"(?: (?:sent|issued|created|generated))?(?: (?:for|of|to) [^\n:=\d]{1,40}?)?"
        r"(?: is(?: now)?:?|:| =| ->|(?:| was| has been) (?:re)?(?:set|changed) to:?) ?['\"]?"
        r"(?P<secret>\d{4}-\d{4}|\d{3}[ -]\d{3}|\d{4,8})(?!\w|[.-]\d)",
    ),
    *(
        Command(  # and no close code, error code, country code
            leads,
            r"(?:(?:the|a|your|our|new|login|verification|security|sms|2fa|mfa|otp|auth|access|reset|[A-Z]\w{0,20}) )"
            r"{0,3}(?i:code|pin|otp|tan|passcode)(?: you (?:received|got))?(?: is)?:? "
            rf"(?P<secret>\d{{{least},8}}|\d{{3}}[ -]\d{{3}}|[A-Z0-9]{{4}}-[A-Z0-9]{{4}})(?!\w|[.-]\d)",
        )
        for leads, least in ((("your ", "enter the ", "enter "), 4), (("sent ", "sending "), 6))  # 4014 says why
    ),
    Command(("install code",), r"[:= ]{1,3}(?P<secret>[0-9A-Fa-f]{36}|(?:[0-9A-F]{4}[ -]){7,8}[0-9A-F]{4})(?!\w)"),
    Command((" otp ",), r"(?P<secret>\d{4,8})(?!\w|[.-]\d)"),
    Command((" pin ",), r"(?P<secret>\d{6,8})(?!\w|[.-]\d)"),  # boards have fewer
    Command(("pin ",), r"(?<=\b(?i:pin) )(?P<secret>\d{4,8}) (?:was )?(?:entered|typed|accepted|keyed in|verified)\b"),
    Command(
        ("use ", "enter "),
        r"(?P<secret>\d{4,8}) (?:to|as) (?:verify|confirm|log|sign|authenticate|your|the (?:code|pin))",
    ),
    Command(("mechanism='plain'", 'mechanism="plain"'), r"[^>\n]{0,80}>(?P<secret>[A-Za-z0-9+/=]{8,400})<"),
    Command(("auth login ",), r"(?:challenge|response|password): ?['\"]?(?P<secret>[^\s'\"]{4,400})"),
    Command(("login attempt ",), r"\[b?'?[^\s/\]]{1,80}/b?'?(?P<secret>[^\n'\]]{2,200})"),
    Command(
        ("authenticating ", "logging in as "),
        r"(?:[\w.@\\-]{1,60}:){1,2}(?P<secret>(?=[^\s\d]{0,60}\d)[^\s:/]{6,200})(?=\s|$)",
    ),
    Command(
        ("sec-websocket-protocol",),
        r"(?i:bearer)[,. ]{1,3}(?:authorization\.k8s\.io\.)?(?P<secret>[\w.=-]{16,2000})",
        ("earer",),
    ),
)  # fmt: skip

_NO_MECHANISM = (
    r"(?!(?:PLAIN|LOGIN|CRAM|DIGEST|XOAUTH2?|OAUTHBEARER|SCRAM|GSSAPI|NTLM|EXTERNAL|TLS|SSL)\b|[a-z]+(?:\s|$))"
)

# What is told by more than what leads to it: the literal, where the whole begins, and the whole; see `vendors.SHAPES`.
LINES: tuple[tuple[str, int, str], ...] = (
    *(
        (f'"{name}"\n2) ', 0, rf'"{name}"\n2\) "(?P<secret>[^"\n]{{2,200}})')  # as the client of Redis prints settings
        for name in ("requirepass", "masterauth")
    ),
    *(
        (f'"{name}"\n2) ', 0, rf'"{name}"\n2\) "(?P<secret>[^"\n]{{2,200}})')  # as the client of Redis prints settings
        for name in ("requirepass", "masterauth")
    ),
    ("password from ", 0, r"password from ['\"]?(?P<secret>(?=\D{0,60}\d)[^\s'\"]{6,60})['\"]? to \S"),
    ("server command: /", 0, r"[^/]{16}/(?:l|login|reg|register|changepassword) (?P<secret>[^\s/]\S*(?: \S+)?)"),
    (
        "pass ",
        REACH_LINE,
        r"(?:[^\n]{0,60}[>:\]*,] ?b?['\"]?(?:quote )?|\d+ )?PASS (?!\S*/|[tT]est|\S+\.\w{1,5}\b)"
        r"(?P<secret>[^\s\\]{3,200}?)(?=['\"]?[,)\]}]{0,2}(?:\s{0,4}(?:\n|$|\d{3} )|\\))",
    ),
    (
        " login ",
        REACH_LINE,
        r"(?:[^\n]{0,60}[>:] ?)?(?:b['\"])?[A-Za-z]{0,5}\d{1,6} LOGIN \S{1,100} \"?(?P<secret>[^\s\"]{3,200})",
    ),
    (
        "auth ",
        REACH_LINE,
        rf"(?:\S{{0,40}}> ?AUTH |AUTH {_NO_MECHANISM})(?:[\w-]{{1,40}} )?(?P<secret>\S{{3,200}})(?=\r?\n|$)",
    ),
    ('auth\" ', -1, r"\"(?i:auth)\" (?:\"[\w-]{1,40}\" )?\"(?P<secret>[^\"\s]{3,200})\""),
    (
        "auth\\r\\n$",
        0,
        r"(?i:auth)(?:\\r\\n\$\d+\\r\\n[\w-]{1,40})?\\r\\n\$\d+\\r\\n(?P<secret>[^\\\s]{3,200})",
    ),
    (
        "auth\n$",
        0,
        r"(?i:auth)(?:\n\$\d+\n[\w-]{1,40})?\n\$\d+\n(?P<secret>[^\s]{3,200})",
    ),
    (  # `Password:` of AUTH LOGIN, and what is sent next
        "ugfzc3dvcmq6",
        0,
        r"UGFzc3dvcmQ6(?:\\r\\n)?['\"]?\s{1,4}(?:[^\n]{0,60}?(?:[<>»]{1,3}|\b(?:[CS]|send|sent|client):|->) ?)?b?['\"]?"
        r"(?P<secret>(?=[a-z+/]{0,60}[\dA-Z=])(?:[A-Za-z0-9+/]{4}){1,100}(?:[A-Za-z0-9+/]{2,3}={1,2})?)"
        r"(?=\s|$|\\r|['\"])(?! ?[<>:])",
    ),
    (
        "chpasswd",
        REACH_LINE,
        r"[^\n]{0,60}?\becho (?:-\w )?['\"]?[\w.@-]{1,60}:(?P<secret>[^\s'\"]{3,200})['\"]? ?"
        r"\| ?(?:sudo )?(?:\S{1,40}/)?chpasswd",
    ),
    *(
        (port, REACH_DOTS, rf"[\w.*-]{{1,80}}{port}[^\s:]{{1,60}}:[^\s:]{{1,60}}:(?P<secret>\S{{3,200}})(?=\s|$)")
        for port in (":5432:", ":5433:", ":6432:")
    ),
    (" is your ", REACH_DIGITS, r"(?P<secret>\d{4,8}) is your (?:[\w-]{1,20} ){0,3}(?:code|OTP|PIN|passcode)\b"),
    *((port, 0, rf"\{port}\s{{0,12}}[^\s:]{{1,60}}:(?P<secret>\S{{3,200}})") for port in ("]:587 ", "]:465 ", "]:25 ")),
    ('"auth ', 0, rf'"AUTH {_NO_MECHANISM}(?:[\w-]{{1,40}} )?(?P<secret>[^\s"\\]{{4,200}}){_END_OF_LINE}'),
    ("<auth-user-pass>", 0, r"<auth-user-pass>\s{1,4}\S{1,80}\r?\n(?P<secret>\S{3,200})(?=\s{1,4}</)"),
    (
        "&p=",
        REACH_LINE,
        r"[^\n]{0,100}?\b(?:u|user|usr|uid|login|name|uname|username|email|account)=[^&\s]{1,60}"
        r"&p=(?P<secret>[^\s&'\"]{3,100})",
    ),
    (
        "chpasswd:",
        0,
        r"chpasswd:\s{1,8}(?:expire: \w{1,8}\s{1,8})?\w{1,8}: \|?\s{1,12}[\w.-]{1,40}:(?P<secret>\S{3,200})",
    ),
    ("password ", 0, r"PASSWORD [\w.-]{2,30} = (?P<secret>[^\s'\"]{6,100})(?=\s|$)"),
    *(
        (name, 0, rf"{name}\w{{1,40}}=(?P<secret>[^\s;\"']{{16,400}})")
        for name in ("wordpress_logged_in_", "wordpress_sec_")
    ),
    (  # of Oracle
        "@//",
        REACH_LINE,
        r"[^\n]{0,100}?(?<![\w./])[A-Za-z][\w.$-]{0,40}/(?P<secret>[^\s/@'\"]{3,80})@//[\w.-]{2,80}[:/]",
    ),
    (
        ":::",
        REACH_LINE,
        # As Windows keeps passwords; the first is the digest of none.
        r"[^\n]{0,60}?(?:(?:aad3b435b51404ee){2}:)?(?P<secret>[0-9a-fA-F]{32}(?::[0-9a-fA-F]{32})?):::",
    ),
    ("wifi:", 0, r"WIFI:(?:[TSHR]:[^;\n]{0,60};){0,4}P:(?P<secret>[^;\n]{4,100})"),
    ("following password", 0, r"following password[^\n]{0,60}:\s{1,6}(?P<secret>\S{6,100})"),
    ("new value: ", REACH_LINE, r"New value: (?P<secret>(?=[A-Za-z*+_=-]{0,20}\d)[A-Za-z0-9*+_=-]{20})(?=\s|$)"),
    *((words, 0, rf"{words}\W{{1,4}}(?P<secret>(?:(?!the |and )[a-z]{{3,8}} ){{11,23}}[a-z]{{3,8}})(?=['\"\s.]|$)")
      for words in ("seed", "seed words", "code words", "recovery words", "phrase", "wallet words")),
    (
        "<<<",
        REACH_LINE,
        r"[^\n]{0,80}?\b(?:[\w-]{0,20}passwd[\w-]{0,20}|sudo|login|kinit|cryptsetup|gpg|su)\b[^\n<]{0,60}<<< ?['\"]?"
        r"(?:[\w.@-]{1,40}:)?"
        r"(?P<secret>[^\s'\"$][^\s'\"]{2,200})",
    ),
    *((codes, 0, r"(?i:recovery|backup|scratch) codes:?\s{1,6}(?P<secret>"
      r"(?=(?:[A-Za-z]{8}[\s,]{1,4})?[A-Za-z]{0,19}\d)"
      r"(?:(?:(?=[A-Za-z]{0,19}\d)[0-9A-Za-z]{6,20}|[a-z]{8})[\s,]{1,4}){0,19}"
      r"(?:(?=[A-Za-z]{0,19}\d)[0-9A-Za-z]{6,20}|[a-z]{8})(?!\w))")
      for codes in ("recovery codes", "backup codes", "scratch codes")),
    *((codes, 0, r"(?i:recovery|backup) codes:?\s{1,6}(?P<secret>"
      r"(?:(?=[a-z-]{0,40}\d)[0-9a-z]{4,10}(?:-[0-9a-z]{4,10}){1,3}[\s,]{1,4}){0,19}"
      r"(?=[a-z-]{0,40}\d)[0-9a-z]{4,10}(?:-[0-9a-z]{4,10}){1,3})(?![\w-])")
      for codes in ("recovery codes", "backup codes")),
    *((where, REACH_LINE, r"[^\n]{0,80}?\b[\w.-]{1,40}:(?P<secret>[^\s:@/]{3,100})@(?:tcp|unix)\(")
      for where in ("@tcp(", "@unix(")),
    *((sent, 0, r"(?i:send(?:ing)?|write)[\w ]{0,12}(?: --)?[ (:]{1,3}b?\\{0,7}[\"'](?:[a-z]{2,12}(?:\n|\\[nr]))?"
       rf"(?P<secret>(?=[^\"'\s\d]{{0,60}}\d)[^\"'\s\\]{{6,60}}){_END_OF_LINE}")
      for sent in ('send "', 'send -- "', 'send \\', 'send -- \\', 'sending "', "send b'",
                   "send(b'", "write_channel: b'", "write(b'")),
    *((reader, REACH_LINE,
      r"[^\n]{0,60}?\b(?:echo|printf) (?:-\w{1,2} )?['\"]?(?P<secret>(?![$<{])[^\n|'\"]{3,200}?)\n?['\")]{0,2} ?\| ?"
      r"(?:sudo [^\n]{0,20}-S|docker login|podman login|kinit|smbpasswd|docker secret|gcloud secrets|"
      r"passwd|pass insert|cryptsetup|gh auth login|realm join)")
      for reader in ("sudo -s", "docker login", "podman login", "| kinit", "docker secret",
                     "| smbpasswd", "| gcloud secrets", "| passwd", "| pass insert",
                     "| cryptsetup", "gh auth login", "| realm join")),
)  # fmt: skip
