"""Programs, calls and protocols that take a secret by a flag or by its place, so that no name stands before it."""

from typing import NamedTuple


class Command(NamedTuple):
    """What leads to a command, in lower case, and how secrets follow: anywhere on its line, if one of the signs is
    there, and at once where there are no signs."""

    leads: tuple[str, ...]
    secret: str
    signs: tuple[str, ...] = ()


# What begins a flag, and what stands behind it: also as a list of arguments is printed. The sign stands first: so the
# expression is looked for where the sign is, and not everywhere.
_DASH, _SLASH = r"-(?<=[\s'\"]-)", r"/(?<=[\s'\"]/)"
_GAP = r"(?:[ \t=]{1,3}|['\"], ?)"
_STRONG = r"['\"]?(?P<secret>(?=[^\s'\"]{0,80}\d|[a-z]{0,40}[A-Z]{1,40}[a-z]{1,40}[A-Z])[^\s'\"]{4,200})"
_VALUE = r"['\"]?(?P<secret>[^\s'\"]{2,200})"
_NO_PORT = r"['\"]?(?P<secret>(?!\d{1,5}(?:[\s;,)'\"]|$))[^\s'\"]{2,200})"
_USER = r"['\"]?[^\s:/=,;'\"]{1,80}['\"]?\s{1,3}"
_QUOTES = ("'", '"')
_LITERAL = r"\\?(?P<open>['\"])(?P<secret>[^'\"\n\\]{2,200})\\?(?P=open)"
_ARGUMENT = r"(?:[bu]?\\?['\"][^'\"\n]{0,200}['\"]|\w{1,20}(?: id #\d{1,6}|\([^()\n]{0,20}\))?),\s{0,24}"
_STRONG_NEXT = r"(?=[bu]?\\?['\"](?=[^'\"\n]{0,60}\d)(?=[^'\"\n]{0,60}[A-Za-z])[^'\"\s]{6,200}['\"])"
_USER_ARGUMENT = rf"[bu]?\\?['\"](?:[^\s'\"\n]{{1,80}}['\"],\s{{0,24}}|[^'\"\n]{{1,80}}['\"],\s{{0,24}}{_STRONG_NEXT})"
_NO_NAME = r"(?!\\?['\"](?i:pass(?:word|wd)?|secret|token)\\?['\"])"  # a word for what stands there: a form's field

COMMANDS = (
    # By a flag.
    Command(("mysql", "mariadb"), rf"{_DASH}p['\"]?(?P<secret>[^\s'\"]{{3,80}})", ("-p",)),
    Command(("7z ", "7za ", "rar "), rf"{_DASH}h?p{_STRONG}", ("-p", "-hp")),
    Command(
        ("sshpass", "docker login", "podman login", "helm registry login"), rf"{_DASH}p{_GAP}?{_VALUE}", ("-p",)
    ),
    Command(
        ("mongo", "cqlsh ", "useradd ", "usermod ", "twine ", "az login ", "oc login ", "psexec ", "rdesktop ",
         "cypher-shell ", "beeline ", "racadm "),
        rf"{_DASH}p{_GAP}{_NO_PORT}",
        ("-p",),
    ),
    Command(("sqlcmd ", "bcp ", "ipmitool ", "mosquitto_"), rf"{_DASH}P{_GAP}{_NO_PORT}", ("-P",)),
    Command(("zip ",), rf"(?:^|\s|(?<= ))-P\s?{_VALUE}", ("-P",)),
    Command(("plink ", "pscp ", "psftp "), rf"{_DASH}pw{_GAP}{_VALUE}", ("-pw",)),
    Command(
        ("curl",),
        rf"{_DASH}(?:u|-user|U|-proxy-user){_GAP}?['\"]?[^\s:'\"]{{1,80}}:(?P<secret>[^\s'\"]{{2,200}})",
        ("-u", "-U", "-user"),
    ),
    Command(("http ",), r"(?:-a|--auth)[ =]['\"]?[^\s:'\"]{1,80}:(?P<secret>[^\s'\"]{2,200})", ("-a", "--auth")),
    Command(("lftp ",), rf"{_DASH}u{_GAP}?['\"]?[^\s,'\"]{{1,80}},(?P<secret>[^\s'\"]{{2,200}})", ("-u",)),
    Command(
        ("smbclient", "rpcclient", "net ads", "net rpc"),
        r"\s(?:-U|--user)[ =]?['\"]?[^\s%'\"]{1,80}%(?P<secret>[^\s'\"]{2,200})",
        ("%",),
    ),
    Command(("redis-cli",), rf"{_DASH}(?:a|-pass){_GAP}{_VALUE}", ("-a", "--pass")),
    Command(("ldap",), rf"{_DASH}w{_GAP}?{_VALUE}", ("-w",)),
    Command(("openssl",), rf"\s-[kK]\s{{1,3}}{_VALUE}", (" -k ", "-K ")),
    Command(("snmp",), rf"{_DASH}[AXc]{_GAP}{_VALUE}", ("-A", "-X", "-c")),
    Command(("freerdp",), rf"{_SLASH}p:{_VALUE}", ("/p:",)),
    Command(("secret set ",), rf"{_DASH}(?:-value|-body|b){_GAP}{_VALUE}", ("--value", "--body", "-b")),
    Command(("schtasks",), rf"{_SLASH}rp {_VALUE}", ("/rp ",)),
    Command(("codecov",), rf"{_DASH}t{_GAP}{_VALUE}", ("-t",)),
    Command(("nuget push",), rf"{_DASH}k{_GAP}{_VALUE}", ("-k",)),
    Command(
        ("htpasswd",), rf"\s-[a-zA-Z]{{0,6}}b[a-zA-Z]{{0,6}}\s{{1,3}}(?:\S{{1,100}}\s{{1,3}})?{_USER}{_VALUE}", (" -",)
    ),
    # By a place on the line.
    Command(
        ("sqlplus", "expdp", "impdp", "sqlldr", "rman target"),
        r"\s(?:-\w{1,8}\s{1,3}){0,4}(?:userid=)?['\"]?[\w.$-]{1,60}/['\"]?(?P<secret>[^\s@/'\"]{2,200})['\"]?@",
        ("/",),
    ),
    Command(("net user ",), r"[\w.\\-]{1,60} (?P<secret>(?=[^\s\d]{0,80}\d)[^\s/*]\S{3,100})"),
    Command(("net use ",), rf"\s/user:\S{{1,80}}\s{{1,3}}(?!/){_VALUE}", ("/user:",)),
    Command((" -login ", " +login "), rf"(?!-){_USER}(?![-+]){_VALUE}"),
    Command(("rabbitmqctl",), rf"(?:add_user|change_password) {_USER}{_VALUE}", ("add_user", "change_password")),
    Command(("cargo login ", "snyk auth ", "wandb login "), rf"(?!-){_STRONG}"),
    Command(("db2 connect",), rf" using {_VALUE}", (" using ",)),
    Command(("pragma key",), rf" ?= ?{_VALUE}"),
    Command((" on >",), r"(?P<secret>\S{3,200})"),
    Command(("login=",), rf"[\w.@-]{{1,60}}:{_STRONG}"),
    Command(('password "auth" ',), _VALUE),
    Command(("'crypt' =>",), r" ?\[\s{0,12}'key' => '(?P<secret>[^\s']{16,200})"),
    Command(('"username":',), r' ?"[^"\n]{1,60}", ?"key": ?"(?P<secret>[0-9a-f]{32})"'),
    Command(("::add-mask::",), r"(?P<secret>[^\s'\"]{3,400})"),
    Command(("bundle_",), r"[A-Z0-9_]{1,80}(?:: |=)['\"]?[\w.@-]{1,60}:(?!//)(?P<secret>[^\s'\"]{4,200})"),
    Command(("addauth digest ",), rf"[^\s:]{{1,60}}:{_VALUE}"),
    Command(("createuser ",), rf"(?:SHA|MD5|SHA-\d{{3}}) {_VALUE}", ("SHA", "MD5")),
    Command((":identify ",), r"(?:[^\s:]{1,40} )?(?P<secret>\S{4,100})(?=\s{0,4}$)"),
    Command(("mc alias set ",), rf"\S{{1,60}} \S{{1,200}} \S{{1,100}} {_VALUE}"),
    Command(("wpa_passphrase ",), rf"(?:\"[^\"\n]{{1,40}}\"|[^\s=]{{1,40}}) {_VALUE}"),
    Command(("http-basic.",), rf"\S{{1,80}} {_USER}{_VALUE}"),
    Command(("snmp-server community ", "rocommunity ", "rwcommunity "), _VALUE),
    Command(
        (
            "set psksecret ", "set passwd ", "set password ", "enable secret ", "enable password ", "isakmp key ",
            "snmp community ", "option key ", "pre-shared-key ",
        ),
        rf"(?:ENC |ascii-text |\d{{1,2}} )?{_STRONG}",
    ),
    Command(("radius-server ", "tacacs-server "), rf"key (?:\d )?{_VALUE}", ("key ",)),
    Command(("requirepass", "masterauth"), rf" {_VALUE}", (" ",)),
    # In a statement or a call.
    Command(
        ("identified",),
        r" (?:with \S{1,40} )?(?i:by) (?:(?i:password) )?\\?['\"](?P<secret>[^'\"]{2,200})['\"]",
        _QUOTES,
    ),
    Command(("convertto-securestring",), r"\s(?:-String\s)?\\?['\"](?P<secret>[^'\"\n\\]{2,200})", _QUOTES),
    Command(
        (
            ".login(", ">login(", ":login(", "ftp_login(", ".authenticate(", ">authenticate(", ".setbasicauth(",
            "networkcredential(", "usernamepasswordcredentials(", "passwordauthentication(",
        ),
        rf"\s?(?:Resource id #\d{{1,4}}, )?{_USER_ARGUMENT}{_NO_NAME}{_LITERAL}(?=\s?[,)])",
    ),
    Command(
        (
            "pdo->__construct(", "mysqli_connect(", "mysql_connect(", "mysqli->__construct(", "mysqldb.connect(",
            "pymysql.connect(", "ldap3.connection(", "dbi->connect(", ".getconnection(", "ldap_bind(",
            "imap_open(", "ssh2_auth_password(",
        ),
        rf"\s?{_ARGUMENT}{_ARGUMENT}{_NO_NAME}{_LITERAL}",
    ),
    # In a protocol's command, and in what is told of a login.
    Command(
        ("auth plain ", "authenticate plain "),
        r"\s{0,3}(?:[a-z]{1,12}:? (?=[A-Za-z+/]{0,60}[\dA-Z=]))?(?P<secret>[A-Za-z0-9+/]{8,400}={0,2})",
    ),
    Command(
        (
            "verification code", "login code", "security code", "confirmation code", "-time code", "2fa code",
            "sign-in code", "your code",
        ),
        r"(?: for [^\s:]{1,60})?(?: is|:| =| ->) ?['\"]?(?P<secret>\d{4,8})(?![\w.-])",
    ),
    Command((" otp ",), r"(?P<secret>\d{4,8})(?![\w.-])"),
    Command((": eap ", ": xauth "), r"['\"](?P<secret>[^\s'\"]{4,200})"),
    Command(("mechanism='plain'", 'mechanism="plain"'), r"[^>\n]{0,80}>(?P<secret>[A-Za-z0-9+/=]{8,400})<"),
    Command(("label=password", "label=token", "label=secret"), r" c[sn]\d=(?P<secret>\S{3,200})", (" c",)),
    Command(("x-honeycomb-team",), r"['\"]?[:=] ?['\"]?(?P<secret>\w{20,64})"),
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
