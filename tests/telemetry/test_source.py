"""Source code on its way out: literals and comments may be hidden, nothing else, and every line stays in its place."""

import io
import random
import sysconfig
import tokenize
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments.lexers.go import GoLexer
from pygments.lexers.javascript import JavascriptLexer
from pygments.token import Token

from kintsugi.telemetry.redact import UNREADABLE, Redactor, redact, redact_diff, redact_source
from tests.telemetry.made_up import ALNUM, TOKENS, drawn, vendor_token

OPAQUE = drawn(random.Random(7), ALNUM, 14) + "q7W" + drawn(random.Random(8), ALNUM, 15)
PHRASE = "sun" + "flower77"

CODE = (
    ("py", "self.user, self.password = user, password"),
    ("py", "token = b64encode(pair).decode()"),
    ("py", "authorization: str | None = None"),
    ("py", 'request.headers["Authorization"] = build(user)'),
    ("py", 'user = passwd = host = ""'),
    ("py", 'ENV_KEY = "SHOP_API_KEY"'),
    ("py", "words = ['user ', 'pass '\n         'word ', 'host']"),
    ("py", 'header = f"Authorization: Bearer {token}"'),
    ("py", "def login(user, password='', token=None): ..."),
    ("py", 'PASSWORD_LABEL = "Password"\nkey = f"user:{user_id}:token"'),
    ("py", 'raise ValueError("The password is wrong, or the token has expired")'),
    ("py", '"""Pass `message` to the handler. The password: a string of any length."""'),
    ("py", 'pattern = re.compile(r"password=[^&]+|(?P<token>[0-9A-Za-z]{1,13})")'),
    ("py", 'password = password.encode("latin-1")'),
    ("py", 'TOTP = "totp", _("TOTP")'),
    ("py", 'URLS = ("file:///etc/passwd", "magnet:?xt=urn:btih:be08f00302bc2d1d3cfa3af02024fa647a271431")'),
    ("py", 'assert strips_auth("http://example.com/foo", "https://example.com:8443/bar")'),
    ("py", 'LIMITS = {"change_password": "5/m/user", "reset_password": "20/m/ip,5/m/key"}'),
    (
        "py",
        '__all__ = ["client_auth", "OAuth2Auth", "DjangoOAuth1App"]\nKINDS = {Ed25519Key,\n"ssh-ed25519-cert-v01": 1}',
    ),
    ("py", 'PARAMS = [("oauth_token", "valid-token"), ("oauth_signature_method", "HMAC-SHA1")]'),
    ("py", "@patch.object(User, 'user_password')\n@patch.object(Fake, 'result3')\ndef f(): ..."),
    ("py", 'REQUEST_TOKEN = "OS-OAUTH1:request_token"\npassword = "not-" + password'),
    ("yml", "  'plugin-computed-class-key': 7.25.3(@babel/core@7.25.2)"),
    ("js", "const { password, token } = req.body; this.token = await sign(user.id, secret());"),
    ("js", 'fetch(url, { credentials: "same-origin", headers: { authorization: `Bearer ${token}` } })'),
    ("js", "const pattern = /['\"]password['\"]\\s*:/; const t = a / b / token;"),
    ("ts", "function login(password: string, token?: Token<string>): Promise<Session | null> {}"),
    ("go", 'token := r.Header.Get("Authorization")\nvar password *string = nil'),
    ("go", 'type Login struct {\n\tPassword string `json:"password"`\n}'),
    ("yml", "password: ${{ secrets.DB_PASSWORD }}\ntoken:\n  valueFrom: {secretKeyRef: {name: db, key: password}}"),
)


@pytest.mark.parametrize(("suffix", "code"), CODE)
def test_code_about_secrets_is_shown_as_it_is(suffix, code):
    assert redact_source(code, f"shop/login.{suffix}") == code


LITERALS = (
    ("py", 'API_KEY = "{}"', OPAQUE),
    ("py", 'password: str = "{}"', PHRASE),
    ("py", 'os.environ["DB_PASSWORD"] = "{}"', PHRASE),
    ("py", 'headers = {{"X-Api-Key": "{}", "Accept": "*/*"}}', OPAQUE),
    ("py", 'connect(user="bob", password="{}", timeout=5)', PHRASE),
    ("py", 'requests.get(url, auth=("bob", "{}"))', PHRASE),
    ("txt", 'send -- "{}\\r"', "lantern7262"),
    ("txt", "write_channel: b'enable\\n{}\\n'", "lantern7262"),
    ("py", 'key = os.getenv("API_TOKEN", "{}")', OPAQUE),
    ("py", 'secret = SecretStr("{}")', OPAQUE),
    ("py", 'dsn = "postgres://app:{}@db.example.com/shop"', PHRASE),
    ("py", 'url = f"https://api.example.com/{{path}}?page=2&token={}"', OPAQUE),
    ("py", "client = Client()  # the old token: {}", OPAQUE),
    ("py", "secret_key = (\n    '{}'\n    'x{}'\n)", OPAQUE),
    ("py", "rows = dict(zip(['user', 'password'], ['bob', '{}']))", PHRASE),
    ("js", "const token = process.env.TOKEN || '{}';", OPAQUE),
    ("ts", 'const password: string = "{}";', PHRASE),
    ("js", "login({{ user: 'bob', password: `{}` }});", PHRASE),
    ("go", 'const apiToken string = "{}"', OPAQUE),
    ("go", 'password := "{}"', PHRASE),
    ("rs", 'let password: &str = "{}";', PHRASE),
    ("java", 'private static final String API_KEY = "{}";', OPAQUE),
    ("yml", "db:\n  password: {}\n  user: bob", PHRASE),
    ("yml", "env:\n  - name: DB_PASSWORD\n    value: {}", PHRASE),
    ("yml", "password: |\n  {}\nuser: bob", PHRASE),
    ("env", "export DB_PASSWORD={}\nUSER=bob", PHRASE),
)


@pytest.mark.parametrize(("suffix", "code", "secret"), LITERALS)
def test_a_literal_that_is_a_secret_is_hidden_and_the_line_keeps_its_shape(suffix, code, secret):
    written = code.format(secret, secret)

    shown = redact_source(written, f"shop/settings.{suffix}")

    assert secret not in shown
    assert shown in (code.format("***", "***").replace("x***", "***"), code.format('"***"', ""))


def test_tokens_of_vendors_are_found_within_literals_and_comments():
    rnd = random.Random(21)

    for kind in TOKENS:
        token = vendor_token(rnd, kind)
        shown = redact_source(f'client = Client("{token}")  # {token}\n', "shop/client.py")
        assert token not in shown, kind
        assert shown.startswith('client = Client("') and shown.count("\n") == 1


def test_a_key_of_many_lines_is_hidden_line_by_line():
    rnd = random.Random(3)
    body = "\n".join(drawn(rnd, ALNUM, 64) for _ in range(6))
    kind = "RSA PRIVATE" + " KEY"
    code = f'KEY = """-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"""\nlast = 1\n'

    shown = redact_source(code, "shop/keys.py").split("\n")

    assert shown[1:7] == ["***"] * 6
    assert shown[7:] == [f'-----END {kind}-----"""', "last = 1", ""]


def test_a_scalar_of_yaml_stays_a_scalar():
    text = f"password: {PHRASE}\nurl: mysql://root:{PHRASE}@db/shop\nlist: [{{token: {OPAQUE}}}]\n"

    shown = yaml.safe_load(redact_source(text, "compose.yml"))

    assert shown == {"password": "***", "url": "mysql://root:***@db/shop", "list": [{"token": "***"}]}


def _python(text):
    kinds = (tokenize.STRING, tokenize.COMMENT)
    return [
        (token.type, token.string)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in kinds
    ]


def _others(lexer):
    def outside_of_literals(text):
        hidden = (Token.Literal.String, Token.Comment)
        return "".join(part for kind, part in lexer.get_tokens(text) if not any(kind in one for one in hidden))

    return outside_of_literals


def test_the_code_of_the_standard_library_about_logging_in_keeps_its_tokens_and_its_lines():
    library = Path(sysconfig.get_path("stdlib"))
    changed = 0
    for name in ("imaplib", "smtplib", "netrc", "getpass", "ftplib", "poplib", "secrets", "hmac", "nntplib", "telnetlib",
                 "urllib/request", "http/cookiejar", "http/cookies", "http/client", "email/message", "ssl"):  # fmt: skip
        path = library / f"{name}.py"
        text = path.read_text("utf-8") if path.is_file() else ""
        shown = redact_source(text, str(path))
        assert _python(shown) == _python(text)
        changed += sum(one != other for one, other in zip(shown.split("\n"), text.split("\n"), strict=True))

    assert changed <= 2


SCRIPT = """
const a = `x${f("password=1") + `in${token}`}w`; // don't
if (/['"`]/.test(password)) { x = token / 2; y = "it's" }
/* 'token' */ const secret = key ? `a${`b${c}`}` : 'd';
"""
PIECES = st.lists(
    st.sampled_from(
        ["password", "token", " = ", ": ", '"', "'", "`", "\\", "\n", "//", "/*", "*/", "#", "${", "}", "{", "(", ")", ",",
         '"""', "'''", "f", "/", "x", PHRASE, OPAQUE, "Authorization", "Bearer ", "-----BEGIN PRIVATE KEY-----", "- ", "| ",
         "***", "é", "\t", "https://a:b1c2d3e4f5@c/"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


def test_templates_within_templates_and_patterns_are_read_as_such():
    tokens = _others(JavascriptLexer())

    assert tokens(redact_source(SCRIPT, "a.js")) == tokens(SCRIPT)
    assert redact_source(SCRIPT.replace("'d'", f"'d'; token = '{OPAQUE}'"), "a.js").count(OPAQUE) == 0


def test_the_raw_text_of_go_ends_where_it_ends():
    code = 'x := `a"`\npassword := y + "b"\n// don\'t\ntoken := get("' + "c" + '")\n'

    assert redact_source(code, "a.go") == code
    assert _others(GoLexer())(redact_source(code, "a.go")) == _others(GoLexer())(code)


@settings(max_examples=300)
@given(PIECES, st.sampled_from(("a.py", "a.js", "a.go", "a.yml", "a.rs", "a.env", "a", "a.rb", "a.php")))
def test_any_text_keeps_its_lines_and_twice_is_once(text, path):
    shown = redact_source(text, path)

    assert UNREADABLE not in shown
    assert shown.count("\n") == text.count("\n")
    assert redact_source(shown, path) == shown


def test_a_secret_of_this_process_is_hidden_in_literals_and_the_code_around_it_stays():
    redactor = Redactor(["postgres"])

    assert redactor.redact_source('import postgres\nrole = "postgres"', "a.py") == 'import postgres\nrole = "***"'


def test_a_diff_is_read_as_the_code_it_is_of():
    diff = (
        "diff --git a/shop/login.py b/shop/login.py\n--- a/shop/login.py\n+++ b/shop/login.py\n"
        "@@ -1,3 +1,3 @@ def login(user, password):\n     token = b64encode(pair).decode()\n"
        f'-    self.user, self.password = user, password\n+    self.password = "{PHRASE}"\n     return token\n'
    )

    assert redact_diff(diff) == diff.replace(PHRASE, "***")


def test_the_code_in_a_traceback_stays_and_its_literals_do_not():
    text = (
        "Traceback (most recent call last):\n"
        '  File "/app/login.py", line 3, in login\n    token = b64encode(pair).decode()\n'
        f'  File "/app/login.py", line 9, in f\n    self.session = connect(auth=make1token(x), password="{PHRASE}")\n'
        f"ValueError: token={OPAQUE}\n"
    )

    assert redact(text) == text.replace(OPAQUE, "***").replace(PHRASE, "***")
