"""Made-up secrets of many kinds in many surroundings, and texts that hold none. Drawn from a seeded generator."""

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote

UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
ALNUM, HEX = UPPER + LOWER + DIGITS, "0123456789abcdef"
DASH, BASE64 = ALNUM + "-_", ALNUM + "+/"
Draw = random.Random


class Case(NamedTuple):
    """`text` holds `secret`; `kept` are parts of it that must stay."""

    kind: str
    text: str
    secret: str
    kept: tuple[str, ...] = ()

    def leaks_in(self, redacted: str) -> bool:
        """Whether a run of 10 characters of the secret is left (8 of a short one)."""
        run = 10 if len(self.secret) >= 16 else min(8, len(self.secret))
        return any(self.secret[at : at + run] in redacted for at in range(len(self.secret) - run + 1))


def drawn(rnd: Draw, alphabet: str, length: int) -> str:
    return "".join(rnd.choices(alphabet, k=length))


# (begins with, alphabet, length of the rest, ends with), each prefix in two pieces so that no scanner takes it for real
TOKENS: dict[str, tuple[str, str, int, str]] = {
    "github_classic": ("gh" + "p_", ALNUM, 36, ""),
    "github_fine_grained": ("github" + "_pat_", ALNUM + "_", 82, ""),
    "github_server": ("gh" + "s_", ALNUM, 36, ""),
    "gitlab": ("gl" + "pat-", DASH, 20, ""),
    "gitlab_runner": ("gl" + "rt-", DASH, 20, ""),
    "openai_project": ("sk-" + "proj-", DASH, 120, ""),
    "openai_old": ("sk" + "-", ALNUM, 48, ""),
    "anthropic_api": ("sk-" + "ant-api03-", DASH, 93, "AA"),
    "openrouter": ("sk-" + "or-v1-", HEX, 64, ""),
    "groq": ("gs" + "k_", ALNUM, 52, ""),
    "xai": ("xa" + "i-", ALNUM, 80, ""),
    "perplexity": ("ppl" + "x-", ALNUM, 48, ""),
    "huggingface": ("h" + "f_", UPPER + LOWER, 34, ""),
    "replicate": ("r" + "8_", ALNUM, 37, ""),
    "pinecone": ("pcs" + "k_", ALNUM + "_", 60, ""),
    "langsmith": ("lsv2" + "_pt_", HEX, 32, "_0123456789"),
    "tavily": ("tv" + "ly-", ALNUM, 32, ""),
    "aws_id": ("AK" + "IA", UPPER + "234567", 16, ""),
    "google_api": ("AI" + "za", DASH, 35, ""),
    "google_oauth": ("ya" + "29.", DASH, 120, ""),
    "google_client": ("GOC" + "SPX-", DASH, 28, ""),
    "digitalocean": ("dop" + "_v1_", HEX, 64, ""),
    "slack_bot": ("xox" + "b-", DIGITS, 12, "-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx"),
    "slack_app": ("xap" + "p-1-", UPPER + DIGITS, 11, "-1234567890123-" + "0a1b2c3d" * 8),
    "stripe_secret": ("sk_" + "live_", ALNUM, 24, ""),
    "stripe_restricted": ("rk_" + "live_", ALNUM, 99, ""),
    "stripe_webhook": ("whs" + "ec_", ALNUM, 32, ""),
    "npm": ("np" + "m_", ALNUM, 36, ""),
    "pypi": ("pypi-" + "AgEIcHlwaS5vcmc", DASH, 150, ""),
    "rubygems": ("rubygems" + "_", HEX, 48, ""),
    "docker": ("dckr" + "_pat_", DASH, 27, ""),
    "sendgrid": ("S" + "G.", DASH, 22, "." + "aB3" * 14 + "x"),
    "twilio": ("S" + "K", HEX, 32, ""),
    "mailgun": ("ke" + "y-", HEX, 32, ""),
    "mailchimp": ("", HEX, 32, "-us" + "14"),
    "telegram": ("123456789:" + "AA", DASH, 33, ""),
    "shopify": ("shp" + "at_", HEX, 32, ""),
    "square": ("sq0" + "csp-", DASH, 43, ""),
    "linear": ("lin" + "_api_", ALNUM, 40, ""),
    "notion": ("nt" + "n_", DIGITS, 11, "aB3dE" * 7),
    "figma": ("fig" + "d_", DASH, 40, ""),
    "atlassian": ("ATA" + "TT3xFfGF0", DASH, 180, "=0A1B2C3D"),
    "databricks": ("da" + "pi", HEX, 32, ""),
    "vault": ("hv" + "s.", DASH, 95, ""),
    "terraform": ("", ALNUM, 14, ".atlas" + "v1." + "aB3dE_" * 11),
    "doppler": ("dp." + "pt.", ALNUM, 43, ""),
    "grafana": ("gls" + "a_", ALNUM, 32, "_0a1b2c3d"),
    "sentry_user": ("sntr" + "yu_", HEX, 64, ""),
    "newrelic": ("NRA" + "K-", UPPER + DIGITS, 27, ""),
    "supabase": ("sb" + "p_", HEX, 40, ""),
    "planetscale": ("pscale" + "_tkn_", DASH, 43, ""),
    "tailscale": ("tsk" + "ey-auth-", ALNUM, 12, "CNTRL-" + "aB3dE" * 6),
    "netlify": ("nf" + "p_", ALNUM, 36, ""),
    "postman": ("PMA" + "K-", HEX, 24, "-" + "0a1b2c" * 5 + "abcd"),
    "airtable": ("pat", ALNUM, 14, "." + "0a1b2c3d" * 8),
    "hubspot": ("pat" + "-na1-", HEX, 8, "-0a1b-2c3d-4e5f-0123456789ab"),
    "dropbox": ("s" + "l.", DASH, 135, ""),
    "brevo": ("xkey" + "sib-", HEX, 64, "-aB3dE0a1B2c3D4e5"),
    "resend": ("r" + "e_", ALNUM, 8, "_" + "aB3dE0" * 4),
    "pulumi": ("pu" + "l-", HEX, 40, ""),
    "circleci": ("CCI" + "PAT_", ALNUM, 22, "_" + "0a1b2c3d4e" * 4),
    "buildkite": ("bk" + "ua_", HEX, 40, ""),
    "adafruit": ("ai" + "o_", ALNUM, 28, ""),
    "duffel": ("duffel" + "_live_", DASH, 43, ""),
    "age_key": ("AGE-SECRET" + "-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, ""),
    "azure_client": ("aB3", DIGITS, 1, "Q~" + "aB3dE_" * 5 + "xyzw"),
    "discord_mfa": ("mf" + "a.", DASH, 84, ""),
    "aws_session": ("IQoJb3" + "JpZ2lu", BASE64, 500, ""),
    "amazon_login": ("Atz" + "a|", DASH, 200, ""),
    "azure_storage": ("", ALNUM, 76, "+A" + "St" + "aB3dE0a="),
    "azure_cosmos": ("", ALNUM, 76, "AC" + "Db" + "aB3dE0=="),
    "azure_bus": ("", ALNUM, 33, "+A" + "Sb" + "aB3dE0a="),
    "databricks_other": ("do" + "se", HEX, 32, ""),
    "okta": ("00", DASH, 40, ""),
    "ory": ("ory" + "_at_", DASH, 43, "." + "aB3dE" * 8),
    "braintree": ("access_token$" + "production$", LOWER + DIGITS, 16, "$" + "0a1b2c3d" * 4),
    "authress": ("sc" + "_", LOWER + DIGITS, 10, ".a1b2.acc_" + "0a1b2c3d4e5f." + "aB3dE+" * 8),
    "laravel": ("eyJ" + "pdiI6", BASE64, 180, ""),
    "standard_webhook": ("whs" + "ec_", BASE64, 40, ""),
    "newrelic_license": ("", HEX, 36, "NR" + "AL"),
    "paseto": ("v4" + ".local.", DASH, 120, ""),
    "supabase_secret": ("sb" + "_secret_", DASH, 30, ""),
    "liveblocks": ("sk" + "_prod_", DASH, 64, ""),
    "infisical": ("st" + ".", HEX, 24, "." + "0a1b2c3d" * 4 + "." + "4e5f6a7b" * 4),
    "axiom": ("xa" + "at-", HEX, 8, "-0a1b-4c3d-8e5f-0123456789ab"),
    "instagram": ("IG" + "QV", DASH, 120, ""),
    "brex": ("bx" + "t_", ALNUM, 40, ""),
    "launchdarkly": ("sd" + "k-", HEX, 4, "a1b2-0a1b-4c3d-8e5f-0123456789ab"),
    "rootly": ("root" + "ly_", HEX, 64, ""),
    "salesforce_consumer": ("3MV" + "G9", ALNUM + "._", 80, ""),
    "telnyx": ("KE" + "Y", ALNUM, 55, ""),
    "photoroom": ("sk" + "_pr_", ALNUM, 6, "_" + "0a1b2c3d4e" * 4),
    "square_app": ("sq0" + "iwp-", DASH, 22, ""),
    "pubnub": ("pub" + "-c-", HEX, 8, "-0a1b-4c3d-8e5f-0123456789ab"),
    "stripe_client_secret": ("pi_aB3dE6gH9jK2mN5p", ALNUM, 8, "_sec" + "ret_" + "aB3dE" * 5),
    "storyblok": ("", ALNUM, 22, "t" + "t-" + "123456-" + "aB3dE" * 4),
    "tableau": ("", ALNUM, 22, "=" + "=:" + "aB3dE6gH" * 4),
    "cisco_hash": ("$" + "8$", ALNUM, 14, "$" + "aB3dE6gH9." * 4 + "xyz"),
    "kerberos_ticket": ("$krb5" + "tgs$23$", HEX, 120, ""),
    "unknown_vendor_live": ("acme" + "_live_", ALNUM, 32, ""),
    "unknown_vendor_pat": ("frobnic" + "_pat_", ALNUM, 40, ""),
}


def discord_token(rnd: Draw) -> str:
    stem = base64.b64encode(str(rnd.randint(10**17, 10**18 - 1)).encode()).decode().rstrip("=")
    return f"{stem}.{drawn(rnd, DASH, 6)}.{drawn(rnd, DASH, 38)}"


def jwt(rnd: Draw) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"sub": drawn(rnd, DIGITS, 12)}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{drawn(rnd, DASH, 43)}"


def vendor_token(rnd: Draw, kind: str) -> str:
    if kind == "discord_bot_token":
        return discord_token(rnd)
    if kind == "jwt_bare":
        return jwt(rnd)
    if kind == "github_app_server_jwt":
        return f"ghs_{rnd.randint(100_000, 999_999)}_{jwt(rnd)}{drawn(rnd, DASH, 350)}"
    begin, alphabet, length, end = TOKENS[kind]
    while True:
        body = drawn(rnd, alphabet, length)
        is_mixed = any(c.isdigit() for c in body[:20]) or not any(c.isdigit() for c in alphabet)
        if is_mixed and not (alphabet.isalpha() and (body.islower() or body.isupper())):
            return begin + body + end


# Cut short, these are like any other run of letters and digits.
KNOWN_BY_THEIR_END = (
    "mailchimp", "azure_storage", "azure_cosmos", "azure_bus", "okta", "authress", "newrelic_license", "launchdarkly",
    "telnyx", "photoroom", "pubnub", "stripe_client_secret", "storyblok", "tableau", "cisco_hash",
)  # fmt: skip
VENDOR_KINDS = (*TOKENS, "discord_bot_token", "jwt_bare", "github_app_server_jwt")

SURROUNDINGS: tuple[str, ...] = (
    "request with {} was refused by upstream",
    'the value is "{}", try again',
    "got '{}' instead",
    "({})",
    "first {}, then nothing",
    '{{"level": "info", "value": "{}", "n": 3}}',
    "{{'value': '{}', 'n': 3}}",
    "Config(name='x', value=b'{}', n=3)",
    "GET https://api.example.com/v1/things?x=1&value={}&page=2 -> 403",
    "    value = '{}'\n    count = 3",
    "```\n{}\n```",
    "||{}||",
    "**{}**",
    "`{}` <@81384788765712384>",
    "left\\n{}\\nright",
    "a\t{}\tb",
    '{{\\"value\\": \\"{}\\"}}',
    "{}",
    "x={};y=2",
    "{}|200|ok",
    "<b>{}</b>",
    "Bad credentials: {}.",
)


def vendor_cases(rnd: Draw, rounds: int = 1) -> Iterator[Case]:
    for kind in VENDOR_KINDS:
        for surrounding in rnd.sample(SURROUNDINGS, 6) * rounds:
            token = vendor_token(rnd, kind)
            yield Case(kind, surrounding.format(token), token)
        token = vendor_token(rnd, kind)
        if kind not in KNOWN_BY_THEIR_END:
            short = token[: max(26, len(token) // 2)]
            yield Case(f"{kind}:cut", f"the line was cut at {short}", short)
        middle = len(token) // 2
        yield Case(f"{kind}:ansi", f"saw {token[:middle]}\x1b[1;31m{token[middle:]}\x1b[0m there", token)


PASSWORD_NAMES = (
    "password", "DB_PASSWORD", "dbPassword", "passwd", "user.password", "PGPASSWORD", "MYSQL_ROOT_PASSWORD", "smtp_pass",
    "passphrase", "admin-password", "pwd", "REDIS_PASSWORD", "newPassword", "spring.datasource.password", "Password",
)  # fmt: skip
SECRET_NAMES = (
    "client_secret", "clientSecret", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "secret", "app.secret", "signing_key",
    "DJANGO_SECRET_KEY", "webhook_secret", "private_key", "encryptionKey", "JWT_SECRET", "consumer-secret",
)  # fmt: skip
TOKEN_NAMES = (
    "token", "access_token", "refreshToken", "API_KEY", "apiKey", "x-api-key", "auth_token", "DISCORD_TOKEN", "api-token",
    "RAILWAY_TOKEN", "bot_token", "HEROKU_API_KEY", "X-Auth-Token", "id_token", "csrf_token", "session_token",
)  # fmt: skip
NOTATIONS: tuple[str, ...] = (
    "{k}={v}",
    "{k}={v} host=db.example.com retries=3",
    'export {k}="{v}"',
    "{k}: {v}",
    '{{"{k}": "{v}", "host": "db.example.com"}}',
    "{{'{k}': '{v}', 'host': 'db.example.com'}}",
    "{k} = '{v}'",
    "Settings(host='db.example.com', {k}='{v}', port=5432)",
    "{{'a': {{'{k}': b'{v}'}}}}",
    "--{k}={v} --verbose",
    "--{k} {v} --verbose",
    "['run', '--{k}', '{v}', '--verbose']",
    '{{\\"{k}\\": \\"{v}\\"}}',
    '"{{\\\\\\"{k}\\\\\\": \\\\\\"{v}\\\\\\"}}"',
    "{k} => {v}",
    "{k}:={v}",
    "https://api.example.com/login?user=bob&{k}={v}&page=2",
    "<{k}>{v}</{k}>",
    "{k}\uff1a{v}",
    "{k}\u00a0=\u00a0{v}",
    "\x1b[36m{k}\x1b[0m=\x1b[33m{v}\x1b[0m",
    "    {k} = '{v}'\n    attempts = 3",
    "**{k}:** `{v}`",
    "{k}: ||{v}||",
    '{{"name": "{k}", "value": "{v}"}}',
    "&quot;{k}&quot;:&quot;{v}&quot;",
    "{k}%3D{v}%26page%3D2",
    "{k} is '{v}'",
)


def keyed_cases(rnd: Draw, rounds: int = 1) -> Iterator[Case]:
    for _ in range(rounds):
        for notation in NOTATIONS:
            for names, value in (
                (PASSWORD_NAMES, drawn(rnd, LOWER, 5) + drawn(rnd, ALNUM + "!$*-_~", 8) + rnd.choice(ALNUM)),
                (PASSWORD_NAMES, drawn(rnd, LOWER, 10)),
                (SECRET_NAMES, drawn(rnd, ALNUM, 1) + drawn(rnd, BASE64, 38) + drawn(rnd, ALNUM, 1)),
                (SECRET_NAMES, drawn(rnd, LOWER, 8) + drawn(rnd, DIGITS, 8)),
                (TOKEN_NAMES, drawn(rnd, ALNUM, 32)),
                (TOKEN_NAMES, str(uuid.UUID(int=rnd.getrandbits(128), version=4))),
                (TOKEN_NAMES, drawn(rnd, HEX, 40)),
            ):
                if (" is '" in notation and value.isalpha()) or ("%" in notation and not value.isalnum()):
                    continue
                name = rnd.choice(names)
                kept = tuple(part for part in ("db.example.com", "page=2", "--verbose") if part in notation)
                yield Case(f"keyed {notation!r}", notation.format(k=name, v=value), value, kept)


def special_cases(rnd: Draw) -> Iterator[Case]:
    value = drawn(rnd, ALNUM, 24)
    awkward = drawn(rnd, ALNUM, 5) + '"' + drawn(rnd, ALNUM, 5) + "\\" + drawn(rnd, ALNUM, 6)
    for depth in range(1, 4):
        text = json.dumps({"password": awkward, "host": "db"})
        for _ in range(depth - 1):
            text = json.dumps({"body": text})
        yield Case(f"json_password_special:{depth}", text, awkward[6:11], ("host",))
    yield Case("repr_special", repr({"password": awkward + "'", "host": "db"}), awkward[6:11], ("host",))
    for scheme in ("postgres", "postgresql+asyncpg", "mysql", "amqp", "mongodb+srv", "redis", "https", "ftp", "smtp"):
        yield Case("url_user", f"connect {scheme}://app:{value}@db.example.com:5432/x?y=1 failed", value,
                   ("db.example.com:5432/x?y=1", "app"))  # fmt: skip
        yield Case("url_no_user", f"'{scheme}://:{value}@db.example.com/0'", value, ("db.example.com/0",))
    for odd in ("p@ss", "p#ss", "p/ss", "p%40ss", "p?ss", "p:ss"):
        yield Case(f"url_odd:{odd}", f"postgres://u:{odd}{value}@db.example.com/x", value, ("db.example.com/x",))
    yield Case("url_token_user", f"git clone https://{value}1a@github.com/o/r.git", value, ("github.com/o/r.git",))
    for name in ("token", "access_token", "api_key", "sig", "key", "code", "X-Amz-Signature", "auth", "client_secret"):
        yield Case("url_query_token", f"GET https://h.example.com/p?a=1&{name}={value}&b=2 404", value,
                   ("https://h.example.com/p?a=1", "b=2 404"))  # fmt: skip
    token, app = drawn(rnd, DASH, 68), rnd.randint(10**17, 10**18)
    for path in (f"webhooks/{app}/", f"v10/webhooks/{app}/", f"v10/interactions/{app}/"):
        yield Case("discord_url", f"POST https://discord.com/api/{path}{token}/callback 404", token, (str(app),))
    yield Case(
        "slack_webhook_url",
        "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/" + value,
        value,
        ("hooks.slack.com",),
    )
    yield Case("telegram_url", f"https://api.telegram.org/bot123456789:AA{drawn(rnd, DASH, 33)}/getMe", "", ("getMe",))
    yield from _headers(rnd, value)
    yield from _keys_in_armour(rnd)
    yield from _command_lines(value)


def _headers(rnd: Draw, value: str) -> Iterator[Case]:
    basic = base64.b64encode(f"user:{value}".encode()).decode()
    project = str(uuid.UUID(int=rnd.getrandbits(128), version=4))
    other = str(uuid.UUID(int=rnd.getrandbits(128), version=4))
    yield Case("railway_project_header", f"{other} Project-Access-Token: {project} {other}", project, (other,))
    yield Case("railway_env_uuid", f"RAILWAY_PROJECT_ID={other} RAILWAY_TOKEN={project}", project, (other,))
    for scheme, secret in (
        ("Bearer", value),
        ("Bot", discord_token(rnd)),
        ("Basic", basic),
        ("Token", value),
        ("", value),
    ):
        line = f"{scheme} {secret}".strip()
        yield Case("header", f"> Authorization: {line}\n> Accept: */*", secret, ("Accept: */*",))
        yield Case("header_dict", f"{{'Authorization': '{line}', 'Accept': '*/*'}}", secret, ("Accept",))
        yield Case("header_json", json.dumps({"authorization": line, "accept": "*/*"}), secret, ("accept",))
        yield Case("header_bytes", f"[(b'authorization', b'{line}'), (b'accept', b'*/*')]", secret, ("accept",))
        yield Case(
            "header_curl", f"curl -H 'Authorization: {line}' https://example.com", secret, ("https://example.com",)
        )
        if scheme in ("Bearer", "Basic"):
            yield Case("scheme_bare", f"sent {line} upstream", secret, ("upstream",))
    yield Case("cookie", f"Cookie: sid={value}; theme=dark", value, ("theme=dark",))
    yield Case("set_cookie", f"Set-Cookie: sid={value}; Path=/; HttpOnly; SameSite=Lax", value, ("Path=/; HttpOnly",))
    yield Case("cookie_dict", f"{{'Cookie': 'a={value}; b={value[::-1]}', 'Host': 'h'}}", value[::-1], ("Host",))
    yield Case("cookie_first", f"{{'Cookie': 'a={value}; b=1', 'Host': 'h'}}", value, ("Host",))
    for name in ("X-Api-Key", "X-Vault-Token", "PRIVATE-TOKEN", "X-Auth-Token", "X-Amz-Security-Token", "api-key"):
        yield Case("header_key", f"{name}: {value}\nHost: h", value, ("Host: h",))


def _keys_in_armour(rnd: Draw) -> Iterator[Case]:
    for label in ("RSA ", "", "EC ", "OPENSSH ", "ENCRYPTED "):
        begin, end = f"-----BEGIN {label}PRIVATE KEY-----", f"-----END {label}PRIVATE KEY-----"
        lines = [drawn(rnd, BASE64, 64) for _ in range(12)] + [drawn(rnd, BASE64, 22) + "=="]
        whole = "\n".join((begin, *lines, end))
        for secret in (lines[0], lines[6], lines[12]):
            yield Case("pem", f"loaded {whole} ok", secret, ("loaded", "ok"))
            yield Case("pem_json", json.dumps({"key": whole, "x": 1}), secret, ('"x": 1',))
            yield Case("pem_json_twice", json.dumps(json.dumps({"pem": whole})), secret)
            yield Case("pem_repr", repr(whole.encode()), secret)
        yield Case("pem_cut_head_only", f"{begin}\n" + "\n".join(lines[:5]), lines[3])
        yield Case("pem_cut_tail_only", "\n".join(lines[5:]) + f"\n{end}", lines[7])
        yield Case("pem_indented", "\n".join("    " + line for line in (begin, *lines, end)), lines[4])
        yield Case("pem_cut_escaped", f"{begin}\\n" + "\\n".join(lines[:5]), lines[3])


def _command_lines(value: str) -> Iterator[Case]:
    for line in (
        "mysql -u root -p{} shop",
        "curl -u admin:{} https://example.com/x",
        "sshpass -p {} ssh host",
        "redis-cli -h cache -a {} ping",
        "machine example.com login bob password {}",
        "ALTER ROLE app WITH PASSWORD '{}'",
        "CREATE USER 'a'@'%' IDENTIFIED BY '{}'",
        "Server=db;User Id=app;Password={};Encrypt=true",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
        'docker run -e "API_TOKEN={}" image',
        "invalid password: {}",
        "login(user='bob', password='{}')",
        "('password', '{}')",
        "password = SecretStr('{}')",
        'config["password"] = "{}"',
        "my password is {}",
        "password_hash=$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ${}",
    ):
        yield Case(f"command:{line[:20]}", line.format(value), value)


def harmless(rnd: Draw) -> Iterator[str]:
    """Texts without a secret, many of which look as if they had one."""
    sha, short, digest = drawn(rnd, HEX, 40), drawn(rnd, HEX, 7), drawn(rnd, HEX, 64)
    identity, flake = str(uuid.UUID(int=rnd.getrandbits(128), version=4)), str(rnd.randint(10**17, 10**18))
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + rnd.randbytes(300)).decode()
    alnum = drawn(rnd, ALNUM, 14)
    public = "\n".join(drawn(rnd, BASE64, 64) for _ in range(5))
    templates: tuple[str, ...] = (
        f"deployed {sha} to production", f"HEAD is now at {short} Fix the token refresh", f"request {identity} done",
        f"<@{flake}> joined <#{flake}> in guild {flake}", f"sha256:{digest}", f"integrity sha512-{image[:86]}==",
        f'  File "/app/cogs/auth/token.py", line {rnd.randint(1, 900)}, in refresh_token', f"trace_id={digest[:32]}",
        "    token = self.tokens.get(key)\n    password = getpass()", f"data:image/png;base64,{image}",
        f"-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----",
        f"-----BEGIN CERTIFICATE-----\n{public}\n-----END CERTIFICATE-----",
        f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{drawn(rnd, BASE64, 43)} bob@host", f"used {rnd.randint(1, 9999)} tokens",
        f"prompt_tokens={rnd.randint(1, 9999)} completion_tokens={rnd.randint(1, 999)} max_tokens=4096",
        "password=${DB_PASSWORD}", "password: ***", "token=<your-token>", "PASSWORD=$DB_PASSWORD", "api_key={api_key}",
        "password=[redacted]", "Authorization: Bearer ${TOKEN}", "Authorization: ***", "postgres://user:***@host/db",
        f"customer cus_{alnum} event evt_1{alnum}abcdefghi request req_{alnum}", "your password has expired",
        "The token is invalid or has expired.", "Password must be at least 8 characters long", "invalid token",
        "Please reset your password: it is too weak", "password reset requested for user 42", "no API key configured",
        "token expired, refreshing", "def login(user: str, password: str) -> Token:", "if password == expected:",
        "client = Client(token=token, secret=settings.secret, password=self.password)", "secret_name=prod/db/main",
        "token = os.environ['DISCORD_TOKEN']", "api_key = config.api_key", "headers['Authorization'] = f'Bearer {token}'",
        f"cache_key=user:{flake}:profile", f"idempotency_key={identity}", f"commit_key={sha}", "primary key=17",
        "KeyError: 'discount'", f"KeyError: '{flake}'", "sort_key=created_at", "key=value", "public_key=none",
        f"ETag: \"{digest[:32]}\"", f"shard 0 session ID: {digest[:32]}", "https://user@example.com/path",
        "git@github.com:owner/repo.git", "https://example.com/@scope/pkg@1.2.3", "http://localhost:8080/a@b",
        "see https://docs.example.com/auth/tokens#refresh-token", "password_reset_at=2026-11-23T01:02:03Z",
        "token_count: 42", "token_type=bearer", "expires_in=3600", "secrets: 3 found, 0 leaked", "auth: ok",
        "author: Bob <bob@example.com>", "keyboard=us monkey=3 turkey=1", "passed: 31, failed: 0", "bypass=true",
        "session started for user 42", "cookie policy accepted", "Basic authentication required", "Bearer token missing",
        "OAuth flow: code exchange failed", "the passphrase prompt was cancelled", "2 secret scanning alerts",
        f"docker pull ghcr.io/o/r@sha256:{digest}", f"pip install x=={rnd.randint(1, 9)}.2.3 --hash=sha256:{digest}",
        "next_page_token=abcdef0123456789XYZ", "max_password_attempts=5", "PWD=/srv/app", "Unexpected token < in JSON",
        f"{{'id': '{flake}', 'token_count': 7, 'author': 'bob', 'key_id': '{short}'}}", "signature verified",
        f"<t:1700000000:R> {short} {identity}", "ws://gateway.discord.gg/?v=10&encoding=json", "s3://bucket/key/part-1",
        f"HTTP 401 for /api/v10/webhooks/{flake}", f"GET /api/v10/interactions/{flake}/aW50/callback", "pass=3 fail=2",
        f"user agent Mozilla/5.0 (X11; Linux x86_64) token/{short}", "password: str | None = None", "token: Optional[str]",
        f"chatcmpl-{alnum}abcdefghijklmn finished", f"msg_01{alnum}abcdef usage 12", "model=claude-3-5-sonnet-20241022",
        f"pulled shop:production.{sha}", f"cache_key_{digest}", f"web-prod-{sha} is up", f"migration_{flake}_add_index",
        "kafka topic v1.public.orders_2024_payments", f"task_prod_worker-1-{short}-20261123", f"sess-{sha}", f"0x{sha}",
        "read registry key '{bf1a281b-ad7b-4476-ac95-f47682990ce7}GLOBALROOT/System32/config' from path 'C:'",
        "Invalid username or password for user: bob", "Supplied credentials: [UsernamePassword(name=bob, source=null)]",
        "auth: passwd-file(bob,db.example.com): unknown user", "path=/api/totp remote_host=db-17.example.com status=401",
        f"web_{digest[:32]} is up", f"the token {flake} is a number", f"key {digest[:40]} of the cache",
        '{"reset_password": "5/m/user", "change_password": "20/m/ip"}', "tokens 12 of 4096 used",
        f"image sha {digest[:12]} pushed", f"job {identity} key={identity}", "monkey://patch", "token bucket: 5/s left",
    )  # fmt: skip
    yield from templates


def clean_line(rnd: Draw) -> str:
    """One line as a bot or a service writes it, without any secret."""
    flake, sha = rnd.randint(10**17, 10**18), drawn(rnd, HEX, 40)
    return rnd.choice(_CLEAN).format(
        n=rnd.randint(0, 9999), flake=flake, sha=sha, short=sha[:7], uuid=uuid.UUID(int=rnd.getrandbits(128), version=4),
        ms=f"{rnd.random() * 900:.1f}", word=rnd.choice(_WORDS), other=rnd.choice(_WORDS),
        path=f"/app/{rnd.choice(_WORDS)}/{rnd.choice(_WORDS)}.py",
    )  # fmt: skip


_WORDS = [
    "shop",
    "cart",
    "order",
    "user",
    "guild",
    "session",
    "token",
    "keyboard",
    "author",
    "bypass",
    "basket",
    "music",
    "role",
    "queue",
    "cache",
    "index",
    "auth",
]
_CLEAN = (
    "Shard ID {n} has connected to Gateway (Session ID: {sha})",
    "{word} {n} handled in {ms} ms for <@{flake}> in guild {flake}",
    "deploy {uuid} of {short} finished: SUCCESS",
    'File "{path}", line {n}, in {word}_{other}',
    "GET /api/v10/channels/{flake}/messages 200 {ms}ms",
    "{word}={n} {other}={word} commit={sha} took={ms}",
    "We are being rate limited. POST https://discord.com/api/v10/channels/{flake}/messages responded with 429. Retry in {ms}",
    "loaded extension cogs.{word} ({n} commands, {other} enabled)",
    "{{'{word}': {n}, '{other}': '{word}', 'id': {flake}}}",
    '{{"event": "{word}.{other}", "request_id": "{uuid}", "duration": {ms}}}',
    "the {word} of {other} was {n}; nothing to do",
    "sheet row {n}: {word} -> {other} (updated {uuid})",
    "cache {word}:{flake}:{other} miss, {n} keys left",
)

Kind = Callable[[Draw], Iterator[Case]]


SHORT_KEYS = (
    "pw", "psk", "wifi_psk", "userpw", "adminpw", "backup_codes", "seedphrase", "connectsid", "contraseña", "bearer", "pat",
)  # fmt: skip
_PHRASE_WORDS = ("tulip", "lamp", "river", "stone", "cloud", "apple", "horse", "battery", "staple", "correct", "meadow")


def further_cases(rnd: Draw) -> Iterator[Case]:
    """What fell through once: encoded addresses, tables, pairs the other way round, protocols, errors and locals."""
    opaque = drawn(rnd, LOWER, 2) + drawn(rnd, ALNUM, 20) + rnd.choice(DIGITS) + rnd.choice(UPPER)
    word = f"{rnd.choice(_PHRASE_WORDS)}{rnd.choice(_PHRASE_WORDS).title()}{rnd.randint(100, 9999)}"
    phrase = " ".join(rnd.choices(_PHRASE_WORDS, k=4))
    for index, (text, secret, *kept) in enumerate(
        (*_in_addresses(rnd, opaque), *_by_place(rnd, opaque, word), *_of_protocols(opaque, word),
         *_in_lists(opaque, word), *_in_words(phrase), *_as_told(opaque, word),
         *_of_people(rnd, opaque, word, phrase))
    ):  # fmt: skip
        yield Case(f"further {index} {text[:20]!r}", text, secret, tuple(kept))
    for key in SHORT_KEYS:
        value = opaque if key in ("backup_codes", "seedphrase", "connectsid", "bearer", "pat") else word
        yield Case(f"short {key}", f"{key}={value} host=db", value, ("host=db",))
        yield Case(f"short {key}", json.dumps({key: value, "host": "db"}, ensure_ascii=False), value, ("host",))
        yield Case(f"short {key}", repr({key: value, "host": "db"}), value, ("host",))


def _in_addresses(rnd: Draw, opaque: str) -> Iterator[tuple[str, ...]]:
    yield f"clone https://{opaque}:x-oauth-basic@git.example.com/o/r.git", opaque, "git.example.com/o/r.git"
    yield f"fetch https://{opaque}:@git.example.com/o", opaque, "git.example.com/o"
    address = f"redis://app:{opaque}@cache.example.com:6379/0"
    for times in (1, 2):
        address = quote(address, safe="")
        yield f"GET https://a.example.com/?n={times}&next={address}&m=2 302", opaque, f"n={times}", "m=2"
    for name in ("sig", "token", "access_token", "api_key", "password"):
        secret = quote(f"{opaque[:9]}+/{opaque[9:14]}&{opaque[14:18]},{opaque[18:]}=", safe="")
        yield f"https://acc.blob.example.com/c?sv=2022&{name}={secret}&se=2026 200", secret, "sv=2022", "se=2026"
    for way in ("reset-password", "password/reset", "verify-email", "magic-link", "reset/MQ"):
        yield f"sent https://app.example.com/{way}/{opaque} to bob", opaque, "to bob"
    yield f"see https://app.example.com/reset?token={opaque}&a=1", opaque, "a=1"


def _by_place(rnd: Draw, opaque: str, word: str) -> Iterator[tuple[str, ...]]:
    yield f'[("x-api-key", "{opaque}"), ("accept", "*/*")]', opaque, "accept"
    yield json.dumps([["x-api-key", opaque], ["accept", "*/*"]]), opaque, "accept"
    for indent in (None, 2):
        yield json.dumps({"name": "DB_PASSWORD", "value": word}, indent=indent), word
        yield json.dumps({"value": opaque, "name": "API_TOKEN"}, indent=indent), opaque, "API_TOKEN"
    yield f"env:\n- name: DB_PASSWORD\n  value: {word}\n- name: PORT\n  value: '1'", word, "PORT"
    yield f"requests.get(url, auth=('bob', '{word}'), timeout=3)", word, "bob", "timeout=3"
    yield f"BasicAuth('bob', '{word}')", word, "bob"
    yield f"{opaque} is the api key", opaque
    yield f"signing in with api key {opaque} for bob", opaque, "bob"
    yield f"refresh_token {opaque} was refused", opaque, "refused"
    yield f"rootpw '{word}' of bob", word, "bob"
    yield f"user bob with password {word}X was rejected", f"{word}X", "rejected"
    yield f"signing in with password {word.lower()} as bob", word.lower(), "bob"
    yield f'<setting name="ApiKey"><value>{opaque}</value></setting>', opaque, "</value>"
    yield f"jdbc:oracle:thin:scott/{word}@db.example.com:1521:x", word, "db.example.com:1521:x"
    code = drawn(rnd, DIGITS, 6)
    yield f"otp code: {code} sent", code, "sent"
    yield f"FROM x\nENV DB_PASSWORD {word}\nENV PORT 1", word, "PORT 1"
    yield f'variable "db_password" {{\n  type    = string\n  default = "{word}"\n}}', word, "type    = string"
    yield repr({"wifi_psks": [word, "x"], "app_keys": [opaque]}), opaque
    yield json.dumps({"jwt_secret": drawn(rnd, LOWER, 20) + "qx"}), "qx"
    yield f"'{word}' is not a valid password", word
    yield f"invalid value '{opaque}' for token", opaque
    yield f"password: |\n  {word}\nuser: bob", word, "bob"
    yield f"Password:\n    {word}\nUser: bob", word, "bob"
    yield f"user | password | role\n-----+----------+------\nbob  | {word} | admin\n", word, "bob", "admin"
    yield f"| user | password |\n|---|---|\n| bob | {word} |\n", word, "bob"
    yield f"id,api_key,name\n1,{opaque},bob\n2,{opaque[::-1]},ann\n", opaque[::-1], "bob", "ann"
    yield f'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n{word}\r\n--x--', word, "form-data"
    yield f'    login(password="{opaque[:12]}"\n                   "{opaque[12:]}", user="bob")', opaque[12:], "bob"


def _in_lists(opaque: str, word: str) -> Iterator[tuple[str, ...]]:
    """Names in one list, values in another."""
    yield f"columns = ['user', 'password', 'role'], rows = [['bob', '{word}', 'admin']]", word, "bob", "admin"
    yield json.dumps({"columns": ["user", "password"], "rows": [["bob", "x1y"], ["ann", word]]}), word, "bob", "ann"
    yield f"[['password', 'user'], ['{word}', 'bob']]", word, "bob", "'user'"
    yield f"dict(zip(('user', 'api_key'), ('bob', '{opaque}')))", opaque, "bob"
    yield json.dumps({"headers": ["user", "token"], "rows": [["bob", f"{opaque}Pwd"]]}), f"{opaque}Pwd", "bob"
    yield 'zip(\n    ["user", "password"],\n    ["bob", "sunshine"],\n)', "sunshine", "bob"
    yield f"INSERT INTO users (`name`, `password`) VALUES ('bob', 'x1'), ('ann', '{word}')", word, "bob", "ann"
    yield f"INSERT INTO users (name, password) VALUES (?, ?)]\n[parameters: ('bob', '{word}')]", word, "bob"


def _in_words(phrase: str) -> Iterator[tuple[str, ...]]:
    """Plain words under Authorization."""
    yield json.dumps({"headers": {"Authorization": phrase, "Host": "db"}}), phrase, "db"
    yield repr([("authorization", phrase), ("host", "db")]), phrase, "db"
    yield f"Authorization: {phrase}\nHost: db", phrase, "db"


def _as_told(opaque: str, word: str) -> Iterator[tuple[str, ...]]:
    """As other languages, programs and people write it."""
    yield f"-[ RECORD 1 ]----\nid       | 7\npassword | sunshine\ntoken    | {opaque}", opaque, "id       | 7"
    yield f"password | {word}\nuser     | bob", word, "user     | bob"
    yield f"set the password for bob to {word} now", word, "bob", "now"
    yield f"SET PASSWORD FOR 'bob'@'%' = '{word}'", word, "bob"
    yield f"Your password is: {word}", word
    yield f"token: ```\n{opaque}\n```", opaque
    yield f"api_keys:\n  - {opaque}\n  - {opaque[::-1]}\nusers: 3", opaque[::-1], "users: 3"
    yield f'["password"]=>\n  string(9) "{word}"', word, "string(9)"
    yield f'[{{user,"bob"}},{{password,"{word}"}}]', word, "bob"
    yield f'<w:Password Type="http://example.com/x#Text">{word}</w:Password>', word, "#Text"
    yield f"otp:\n  {word[-3:]}519\nuser: bob", f"{word[-3:]}519", "bob"
    yield f"smtp.login('bob', '{word}')", word, "bob"
    yield f"sqlplus bob/{word}@db && smbclient //h/s -U bob%{word}x && zip -P {word}y a.zip b", f"{word}", "a.zip b"
    yield f"echo 'bob:{word}' | sudo chpasswd", word, "bob"
    yield f"htpasswd -b f bob {word}; http -a bob:{word}x GET h", word, "GET h"
    yield f"ConvertTo-SecureString '{word}' -AsPlainText", word, "-AsPlainText"


def _of_protocols(opaque: str, word: str) -> Iterator[tuple[str, ...]]:
    plain = base64.b64encode(f"\0bob\0{word}".encode()).decode()
    yield f"C: AUTH PLAIN {plain}", plain
    yield f"334 UGFzc3dvcmQ6\n{plain}\n", plain
    yield f"> USER bob\n< 331\n> PASS {word}", word, "USER bob"
    yield f"a001 LOGIN bob {word}", word, "bob"
    yield f"redis> AUTH {word}", word
    yield f'+1700000000.1 [0 127.0.0.1:5] "AUTH" "default" "{word}"', word, "127.0.0.1"
    yield f"Sec-WebSocket-Protocol: graphql-ws, bearer, {opaque}", opaque, "graphql-ws"


def _of_people(rnd: Draw, opaque: str, word: str, phrase: str) -> Iterator[tuple[str, ...]]:
    yield json.dumps({"passphrase": phrase, "host": "db"}), phrase, "host"
    yield f"mnemonic: {phrase} {phrase} {phrase}", phrase
    yield f"password for svc was set to {word}", word, "svc"
    yield f"Password for user bob has been reset to {word}", word, "bob"
    pin = drawn(rnd, DIGITS, 8)
    yield f"otp_secret: {pin}", pin
    yield f"OTP для пользователя bob: {pin}", pin, "bob"
    yield f"Login with: bob@example.org {word}", word, "bob@example.org"
    yield f"logon denied for shop/{word}@//db1:1521/XE", word, "shop"
    yield json.dumps({"pin": pin, "user": 7}), pin, "user"
    yield (
        json.dumps({"kty": "EC", "crv": "P-256", "x": opaque + opaque, "d": opaque[::-1] * 2}),
        opaque[::-1] * 2,
        "P-256",
    )
    yield f"    login(user, password)\n    │     │     └ '{word}'\n    │     └ 'bob'\n    └ <function>", word, "bob"
    yield (
        f"password\n  Too short [type=string_too_short, input_value='{word}', input_type=str]",
        word,
        "string_too_short",
    )
    yield json.dumps([{"type": "too_short", "loc": ["body", "password"], "input": word}]), word, "too_short"
    key = "\n".join((f"-----BEGIN PRIVATE {'KEY'}-----", *(drawn(rnd, BASE64, 64) for _ in range(4))))
    wrapped = base64.b64encode(key.encode()).decode()
    yield f"tls: {wrapped} loaded", wrapped[60:120], "loaded"
    token = vendor_token(rnd, "github_classic")
    yield f"sent {token.encode().hex()} over", token.encode().hex(), "over"
    for before in ("", "a", "ab"):
        encoded = base64.b64encode(f"{before}{token}".encode()).decode()
        yield f"sent {encoded} over", encoded[4:], "over"
