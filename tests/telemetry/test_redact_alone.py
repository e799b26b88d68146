"""Secrets that no key leads to and only their looks tell, and the ids, digests and names that look nearly like them."""

import random
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from kintsugi.telemetry.redact import MASK, redact, redact_field, redact_long
from kintsugi.telemetry.redact.alone import is_made_up
from tests.telemetry.made_up import ALNUM, BASE64, DIGITS, HEX, LOWER, UPPER, drawn

PACKAGE = Path(redact.__code__.co_filename).parents[2]

# {n} is a made-up word of n letters and digits, {=…} one that stands there.
SECRETS = """
exec env: [PATH=/usr/bin NPM={36} LANG=C]
+ ./deploy.sh prod {32} eu-west-1
88  fly secrets set STRIPE={32}
$ heroku config:set MAIL={small} -a shop
#4 /var/www/src/Api.php(88): Acme\\Client->request('GET', '/v1/me', '{40}')
db_admin = "{24}"
Rails.application.credentials.stripe => {32}
MAPS={base64}
"type": "random_id", "result": "{24}"
To get started log in with admin and {20}
kind: Secret\nstringData:\n  conn: {32}
<add key="StripeApi" value="{32}"/>
│ STRIPE │ {32} │
UPDATE accounts SET reset_code='{24}' WHERE id=4
DEBUG sql params=('bob', '{40}', 3)
GET /u/unsubscribe/{43}/confirm 200 12ms
open shop.example/reset/{32}
Fetching https://feeds.shop.example/private/{24}.xml
HTTP Request: GET https://shop.example/events?access={40} "HTTP/1.1 200 OK"
Use this link to sign in: https://shop.example/l/{43}
java -Dlicense={32} -jar a.jar
svc 1023 /usr/bin/agent --url https://a.example --tok {32} --tls
E   AssertionError: assert '{40}' == 'x'
ValueError: Invalid header value b'{40}\\n'
refreshing with {40}
login ok, got {40}
retry with `{64}` please
try `{40}` as key
API key [{32}]:
$1 = 0x55 "{32}"
env:\n  DEPLOY: {40}
conn closed, was {24}
[{24}] is what it printed
retry bob:{24} as agent
DETAIL: Key (reset_code)=({24}) already exists.
sent to reset, checksum off, token {43}
Secret found: {32}
Match: {32}
latest[{32}]
client_id=abc:{32}
try a key {32}
retrying with {20} after 401
using '{18}' for upstream
client '{20}' is not allowed
iCloud: using {=luge-eqpt-hhqw-bfyn} for ops
client.authenticate({base64})
setKeys({base64}) failed
wg: Private/Public Key: {base64}
LOGIN ops@shop.org {=csex-siag-iwcv-svoa}
activated with {=T9UJU-4HKTG-ED1PR-249QK-I5T7A}
scan {base32} or leave
password reset, new one: {=zphwefCFoEDIjSH}
the root password on cache01 is {=tlpktsgxmpvjsquj}
login ops / {=ZelTFxDwcl} accepted
smtp app password {=erma wqle mixr pqeq}
Application password for ops: {=dowy pxfy oyqa smnv}
""".strip().split("\n")

HARMLESS = """
[node-1] elected-as-master, {{node-1}}{{{22}}}{{{22}}}{{127.0.0.1}}
[KafkaServer id=1] Cluster ID = {22}
[C][wireguard:070]:   Peer Public Key: {base64}
wireguard: peer({base64}) - Sending handshake initiation
14:02:11.123 request_id={20} [info] Sent 200 after login
stripe event evt_1{23} for cus_{14} handled, request req_{14}
chat completion chatcmpl-{29} took 2.1 s
firestore: wrote orders/{20} in 12 ms
Opening spreadsheet 1{43} (Orders)
https://docs.example/spreadsheets/d/1{43}/edit#gid=0
channel UC{22} has a new video
S3 error: RequestId: {16}, HostId: {base64}
ETag: W/"{24}"
integrity sha512-{base64}
golang.org/x/net v0.55.0 h1:{base64}
Accepted publickey for bob: ED25519 SHA256:{43}
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{43} bob@host
data:image/png;base64,iVBORw0KGgo{base64}
login page built from commit {hex}
event id {27} queued
node PR_kwDO{16} closed after login
"cursor": "{28}"
x-goog-hash: md5={22}==
read rec{14} of the table of tokens
PASS src/auth/token3.test.ts
PASS {path} (5.2 s)
FAIL packages/auth-core/src/__tests__/loginWithOAuth2Token.test.tsx (5.2 s)
org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestRedirectFilter loaded
_ZN4core3fmt9Formatter12pad_integral17h0123456789abcdefE
sent 0.5 BTC to address {34}
GET /login?gclid={43} HTTP/1.1
url = https://search.example/newtab?rlz={20}&ie=UTF-8
Message-ID: <{32}@mail.example>
logger=context uid={20} msg="Request Completed" path=/login
Sec-WebSocket-Accept: {base64}
module verified: checksum {base64} matches
scan: mx1.example 1400271149-06f4a338c07a210001-QwTJwG 140027114
tests/auth/test_token.py::test_of_ids[{24}] FAILED
test_of_tokens[{26}] PASSED
--- FAIL: TestAuth/{24} (0.00s)
GET /authors/{24} HTTP/1.1
GET /presets/{24} HTTP/1.1
GET /order-confirmation/{24} 200
/private/var/folders/zz/{30}/T/x
webpack:///src/hooks/{24}
custom_id='ticket:close:{24}' clicked
{{"custom_id": "vote:{24}", "component_type": 2}}
docker run --rm ghcr.io/acme/app:{24} login
sent 1.2 SOL to {wallet} from {wallet}
sent 1.2 TRX to {tron}
paid {bitcoin} for a month
receipt: {base64}
peer: {base64}
fun:_ZN2v88internal9Execution4CallEPNS0_7IsolateENS0_6HandleINS0_6ObjectEEES6_iPS6_
_RNvCs4fqI2P2rA04_5crate4main
<path d="M1767 207v123h210v40h-256V13h248v40h-202v114h194v40zm393"/>
checksum mismatch: expected {base64}, got {base64}
background: url(data:font/woff2;base64,d09GMgABAAAAA{base64})
serialized: rO0ABXNy{base64}
primary key {24} duplicated
duplicate key value: Key (slug)=({24}) already exists.
public key: {base64}
pubkey {base64}
sitekey={40}
Cache restored from key: pip-{hex}{hex}
cache key: node-modules-Linux-{hex}{hex}
LastEvaluatedKey: {base64}
lock {24} acquired, lease {24} expired, room={20} joined
primary key {24} again
cache miss {24}
message SM{sid} sent
tests/test_x509.py::test_X509v3SubjectAltNameOfIssuerIPv6 FAILED
"***": {{ "N3Vim5Fault8NotFound9ExceptionE": 1
SKIP [ext/standard/tests/file/pathinfo_basic1-win32.phpt] reason: only for Windows
Accepted publickey for ops ssh2: RSA SHA256:kzfjfps/{36}
"category":"authentication_and_authorization","remote_ip":"1.1.1.1"
lotuscreds:ERROR:Could not retrieve the account
palabras clave: activar/esperar texto
Pass 'extra' to install the files
GET /bundles/WebFormsJs v={44} 80
app password must have been used
"values":["{20}","{20}"]
      "{22}",
login via test-http-html-page
""".strip().split("\n")


def test_made_up_words_are_hidden_where_no_key_leads_to_them_and_nothing_else_is():
    rnd = random.Random(24)

    left = [
        (row, shown)
        for row in SECRETS
        for _ in range(3)
        if (shown := redact(filled(row.replace("\\n", "\n"), rnd))) != hidden(row.replace("\\n", "\n"))
    ]

    assert not left


def test_ids_digests_and_names_stay():
    rnd = random.Random(24)
    texts = [filled(row, rnd) for row in HARMLESS for _ in range(3)]

    assert [text for text in texts if redact(text) != text] == []


def test_no_word_of_our_own_source_is_made_up():
    words = {word for path in PACKAGE.rglob("*.py") for word in re.findall(r"[\w-]{16,}", path.read_text("utf-8"))}

    assert [word for word in words if is_made_up(word)] == []


def test_made_up_words_of_every_length_are_told_from_names():
    rnd = random.Random(24)
    missed = {
        length: sum(not is_made_up(drawn(rnd, ALNUM, length)) for _ in range(1_000)) for length in (24, 32, 40, 64)
    }

    assert missed[24] <= 50 and missed[32] <= 15 and missed[40] <= 8 and missed[64] <= 5, missed


def test_a_field_is_judged_with_its_name_in_view():
    rnd = random.Random(24)
    word = made_up(rnd, 32)

    assert redact_field("got", word) == MASK
    assert redact_field("custom_id", f"vote:{word}") == f"vote:{word}"
    assert [redact_field(name, word) for name in ("request_id", "etag", "spreadsheet", "user", "cursor")] == [word] * 5


def test_a_long_text_that_is_dense_with_names_of_secrets_stays_and_a_key_in_it_is_hidden_whole():
    line = "tests/auth/test_token.py::test_key_of_session_is_checked[token-key] PASSED\n"
    rnd = random.Random(24)
    body = "\n".join(drawn(rnd, BASE64, 64) for _ in range(25))
    key = f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{body}\n-----END RSA {'PRIVATE'} KEY-----\n"

    assert redact_long(line * 300) == line * 300
    assert [
        before
        for before in range(20, 70, 9)
        if any(part in redact_long(line * before + key) for part in body.split("\n"))
    ] == []


def test_no_secret_is_cut_in_a_long_text_and_one_in_it_is_hidden_wherever_it_stands():
    rnd = random.Random(24)
    places = (
        '{{"rows": 3, "password": "{}"}} ', "x ghp_{} y ", "Authorization: Bearer {} ", "postgres://u:{}@h/d ",
        "got {} here ", "password:\n  {}\n", "db_pw = <<EOT\n{}\nEOT\n", "API key:\n{}\n", "Cookie: a=b; session={}; c=d\n",
        "Please use the following password to proceed:\n\n{}\n\nIt is kept in a file.\n",
    )  # fmt: skip
    left = []
    for place in places:
        for filler in ("a plain line of text\n", "word "):
            for before in range(1_900, 2_060, 9):
                secret = made_up(rnd, 36)
                shown = redact_long((filler * 200)[:before] + place.format(secret) + filler * 200)
                if any(secret[at : at + 8] in shown for at in range(29)):
                    left.append((place, filler, before))

    assert not left


def made_up(rnd: random.Random, length: int) -> str:
    """A word as a generator of tokens makes it: one of a capital, a small letter and a digit are in it for sure."""
    return drawn(rnd, UPPER, 1) + drawn(rnd, ALNUM, length - 3) + drawn(rnd, LOWER, 1) + drawn(rnd, DIGITS, 1)


def base58(raw: bytes) -> str:
    signs, number = "", int.from_bytes(raw, "big")
    while number:
        number, rest = divmod(number, 58)
        signs = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[rest] + signs
    return signs


def checked(raw: bytes) -> str:
    return base58(raw + sha256(sha256(raw).digest()).digest()[:4])


def filled(row: str, rnd: random.Random) -> str:
    kinds = {
        "small": drawn(rnd, LOWER + DIGITS, 33) + "4x7",
        "base64": drawn(rnd, BASE64, 43) + "=",
        "hex": drawn(rnd, HEX, 40),
        "base32": drawn(rnd, UPPER + "234567", 26) + "4QZX7K",
        "sid": sha256(row.encode()).hexdigest()[:32],
        "wallet": base58(b"\x7f" + sha256(row.encode()).digest()[1:]),
        "tron": checked(b"\x41" + sha256(row.encode()).digest()[:20]),
        "bitcoin": checked(b"\x05" + sha256(row.encode()).digest()[:20]),
        "path": f"src/{drawn(rnd, LOWER, 5)}/key2.spec.ts",
    }
    for name, value in kinds.items():
        row = row.replace(f"{{{name}}}", value)
    row = re.sub(r"\{=([^}]+)\}", r"\1", row).replace("{{", "\0").replace("}}", "\1")
    row = re.sub(r"\{(\d+)\}", lambda found: made_up(rnd, int(found[1])), row)
    return row.replace("\0", "{").replace("\1", "}")


def hidden(row: str) -> str:
    return re.sub(r"\{(?:\d+|small|base64|base32|=[^}]+)\}", MASK, row)


def test_a_name_and_a_password_in_base64_as_they_are_sent_to_log_in_are_hidden():
    sent = b64encode(b"\0bob\0" + b"lantern7262").decode()

    assert redact(f'{{xmlcdata,<<"{sent}">>}}') == '{xmlcdata,<<"***">>}'
    assert MASK not in redact(f'{{xmlcdata,<<"{b64encode(b"a page about lanterns").decode()}">>}}')
