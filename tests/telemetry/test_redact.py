import base64
import itertools
import json
import random
import string
import sys
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsugi.telemetry.redact import MASK, UNREADABLE, Redactor, redact, redact_field
from tests.telemetry.made_up import (
    VENDOR_KINDS,
    clean_line,
    discord_token,
    drawn,
    further_cases,
    harmless,
    keyed_cases,
    special_cases,
    vendor_cases,
    vendor_token,
)  # fmt: skip

SEEDS = (11, 12)


def leaks(cases):
    return [f"{case.kind}: {case.text[:80]!r}" for case in cases if case.secret and case.leaks_in(redact(case.text))]


@pytest.mark.parametrize("seed", SEEDS)
def test_vendor_tokens_are_found_in_all_surroundings(seed):
    cases = list(vendor_cases(random.Random(seed)))

    missed = leaks(cases)

    assert len(missed) <= len(cases) * 0.01, missed


@pytest.mark.parametrize("seed", SEEDS)
def test_every_keyed_value_is_found_in_every_notation(seed):
    assert leaks(keyed_cases(random.Random(seed))) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_addresses_headers_cookies_armour_and_command_lines_hold_no_secret(seed):
    assert leaks(special_cases(random.Random(seed))) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_secrets_whose_key_stands_elsewhere_are_found(seed):
    assert leaks(further_cases(random.Random(seed))) == []


@pytest.mark.parametrize(
    "line",
    [
        "pam_unix(passwd:chauthtok): password changed for bob",
        "pam_unix(chpasswd:chauthtok): password changed for bob",
        "from auth import login, password, token\nfrom shop import cart, price, total",
        "Password:\n    required\nUser:\n    required",
        "the api is the key to it; a fallback to PBKDF2 for password hashing",
        "PASS tests/test_login.py\nFAIL tests/test_cart.py",
        "https://app.example.com/reset-password/0b2f6a2e-1111-4222-8333-444455556666",
        "AUTH failed for bob\nAUTH LOGIN",
        'auth=("user", "password")',
        '{"password": "this field is required"}',
        "SRV_PW: enabled, led_pin=12, pin: 3",
        "'Spatula' for key 'name'",
        "user,name,role\nbob,builder,admin",
        "| user | role |\n|---|---|\n| token | admin |",
        "password was reset to default",
        'Error from server (NotFound): secrets "db-credentials" not found',
        'reason="FailedMount" message="secret \\"db-credentials\\" not found"',
        "random_password.db_password: Refreshing state... [id=none]\nrandom_password.db_password: Still creating... [10s]",
        "random_password.db_password: Creation complete after 1s",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf",
        "pg_dump --no-password shop",
        'choices=[("token", "Token"), ("password", "Password"), ("basic", "Basic auth")]',
        '["password", "user", "role"]',
        '{"Authorization": "request denied"}',
        "DEBUG=pw:webserver",
        "reset your password to continue",
        "set token to None",
        "include_credential=oidc, credentials=password+webauthn_mfa, email_creds: bob@example.com",
        '"session": ["OAuth2Client"], "cache-key: 7.25.3(@babel/core@7.25.2)"',
        "run --password --user bob",
        "mkdir -p Release2024Notes && docker run -p 8080:80 -u 1000:1000 shop",
        'with client.websocket_connect("/123?a=abc") as websocket:',
        "Failed password for invalid user Oracle11g from 10.0.0.1 port 22 ssh2",
        "Executing with tokens:\nKind: AM_RM_TOKEN, Ident (org.apache.AMRMTokenIdentifier@7496bbcb)",
        "UPDATE users SET password = $2 WHERE id = $1",
        'chmod 600 "$HOME/.ssh/authorized_keys" "$HOME/.ssh/id_ed25519"',
        "secrets access with 1Password instead; 1Password-based secret retrieval",
        'ADD CONSTRAINT "FK_efe4819f52b151e44767d0d9f86" FOREIGN KEY ("monday_id")',
        "TRY_DECRYPT(tbl.encrypted_col, 'passphrase', 'aad', 'AES-GCM')",
        "cannot import the name Ed25519PrivateKey, Ed25519PublicKey",
        "menonaktifkan login kata sandi untuk semua pengguna",
        'error fetching token:\n  File "/srv/a.py", line 3',
    ],
)
def test_what_only_looks_like_such_a_place_stays(line):
    assert redact(line) == line


@pytest.mark.parametrize("seed", SEEDS)
def test_hosts_ids_and_the_rest_of_the_line_stay(seed):
    rnd = random.Random(seed)

    for case in (*keyed_cases(rnd), *special_cases(rnd), *further_cases(rnd)):
        redacted = redact(case.text)
        assert all(part in redacted for part in case.kept), (case.text, redacted)


@pytest.mark.parametrize("seed", SEEDS)
def test_harmless_texts_stay_byte_for_byte(seed):
    changed = [(text, redact(text)) for text in harmless(random.Random(seed)) if redact(text) != text]

    assert changed == []


def test_twenty_thousand_clean_lines_stay():
    rnd = random.Random(5)

    changed = [line for line in (clean_line(rnd) for _ in range(20_000)) if redact(line) != line]

    assert changed == []


@pytest.mark.parametrize("seed", SEEDS)
def test_redacting_twice_is_redacting_once(seed):
    rnd = random.Random(seed)

    for case in (*vendor_cases(rnd), *keyed_cases(rnd), *special_cases(rnd), *further_cases(rnd)):
        once = redact(case.text)
        assert redact(once) == once


HOSTILE = st.lists(
    st.sampled_from(
        ["password", "token", "key", "=", ":", " ", '"', "'", "\\", "\\n", "\n", "://", "@", "a", "B7", "Bearer ", "{", "}",
         "Cookie: ", "Authorization: ", "***", "eyJ", ".", "-", "_", "&", "?", "%3D", "\x1b[1m", "\u200b", "\uff1a", "\ud800",
         "-----BEGIN PRIVATE KEY-----", "x" * 40, "aB3" * 9, "&quot;", "İ", "[", "(", ",", "||", "`", "sk-", "ghp" + "_"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=400)
@given(st.one_of(st.text(max_size=300), HOSTILE))
def test_any_text_can_be_redacted_and_twice_is_once(text):
    once = redact(text)

    assert once != UNREADABLE
    assert redact(once) == once


@settings(max_examples=150)
@given(st.text(max_size=60), st.sampled_from(VENDOR_KINDS), st.integers(0, 10**6))
def test_a_token_is_found_whatever_stands_before_it(before, kind, seed):
    token = vendor_token(random.Random(seed), kind)

    assert token not in redact(f"{before} {token} after")


@pytest.mark.parametrize(
    "written",
    [
        lambda value: value,
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(b"ab" + value.encode() + b"cd").decode(),
        lambda value: base64.urlsafe_b64encode(b"x" + value.encode()).decode(),
        lambda value: quote(value, safe=""),
        lambda value: json.dumps(value),
        lambda value: json.dumps(json.dumps(value)),
        lambda value: repr(value),
        lambda value: value.encode().hex(),
        lambda value: value.encode().hex().upper(),
    ],
)
def test_an_own_secret_is_found_in_every_encoding(written):
    own = 'correct "horse" \\ battery?'
    redactor = Redactor([own])

    redacted = redactor.redact(f"saw {written(own)} there")

    assert MASK in redacted
    assert not any(written(own)[at : at + 12] in redacted for at in range(len(written(own)) - 12))


def test_an_own_secret_may_be_learnt_later():
    redactor = Redactor()
    redactor.remember(["0b2f6a2e-1111-4222-8333-444455556666"])

    assert redactor.redact("is 0b2f6a2e-1111-4222-8333-444455556666 ok") == "is *** ok"


def test_whoever_knows_the_same_shares_what_takes_long_to_make():
    own, other = "a secret of ours", "and another one"
    first, same, more = Redactor([own, other]), Redactor([other]), Redactor([own])
    same.remember([own])

    assert {each.redact(f"{own}, {other}") for each in (first, same)} == {f"{MASK}, {MASK}"}
    assert first._known.scanner is same._known.scanner
    assert more.redact(f"{own}, {other}") == f"{MASK}, {other}"


def test_very_short_own_secrets_are_left_out_as_they_would_eat_words():
    assert Redactor(["db"]).redact("the db is up") == "the db is up"


def test_a_field_is_judged_with_its_name_in_view():
    assert redact_field("password", "sunshine") == MASK
    assert redact_field("Authorization", "Bearer " + "aB3" * 9) == "Bearer ***"
    assert redact_field("item", "sunshine") == "sunshine"
    assert redact_field("OLDPWD", "/home/bob/Shop2024.11") == "/home/bob/Shop2024.11"
    assert redact_field("DB_PWD", "/lantern") == redact_field("PWD", "/Lantern2024!") == MASK
    assert redact_field("pwd", "/lantern") == MASK
    assert redact("PWD=/tmp ; -v `pwd`:/mnt DB_PWD=/lantern") == "PWD=/tmp ; -v `pwd`:/mnt DB_PWD=***"


def test_what_begins_like_a_known_shape_is_clean_where_the_values_were_looked_at_one_by_one():
    redactor, rnd = Redactor(), random.Random(SEEDS[0])

    assert not redactor.is_clean("def test_total():\n    total(price=0.25)")
    assert redactor.is_clean("def test_total():\n    total(price=0.25)", one_by_one=True)
    for case in vendor_cases(rnd):
        text = f"def test_total():\n    total({case.text})"
        assert not redactor.is_clean(text, one_by_one=True) or redactor.redact(text) == text


@pytest.mark.parametrize("personal", [(), ("email",)])
def test_a_text_beside_others_is_redacted_as_it_is_alone(personal):
    redactor, rnd = Redactor(personal=frozenset(personal)), random.Random(SEEDS[0])
    texts = [case.text for case in (*vendor_cases(rnd), *keyed_cases(rnd), *special_cases(rnd))] + list(harmless(rnd))
    for text, other in zip(rnd.sample(texts, 200), rnd.sample(texts, 200), strict=True):
        assert redactor.redact_beside(text, "") == redactor.redact_beside(text, "north-3") == redactor.redact(text)
        assert redactor.redact_beside(text, other) == (redactor.redact(text) if redactor.is_clean(other) else None)


def test_what_was_hidden_is_counted_by_what_it_was_found_by_and_once():
    redactor = Redactor(["sunshine-after-rain"])

    once = redactor.redact("password=hunter2 on sunshine-after-rain, password=hunter3")
    redactor.redact(once)
    redactor.redact("all is well")

    assert {kind: count for kind, count in redactor.hidden.items() if count} == {"keyed": 2, "own": 1}


@pytest.mark.parametrize(
    "line",
    ["SERVICE_A7_PASSWORD={}\n", '{{"user":"bob","password":"{}"}},\n', "curl -u bob:{} https://shop.example/api\n"],
)
def test_a_long_text_that_is_secrets_all_over_keeps_its_lines(line):
    secret = "aB3dE6gH9jK2mN5p"

    assert redact(line.format(secret) * 700) == line.format("***") * 700


LED_TO = ("password={}", "Password for bob:\n{}", "smtp.login('bob', '{}')")


@pytest.mark.parametrize("led_to", LED_TO)
@pytest.mark.parametrize("length", [8 * 512, 40 * 512])
@pytest.mark.parametrize("dense", ["key ", "secret\n"])
def test_a_secret_is_hidden_that_begins_within_a_dense_stretch_or_right_behind_it(dense, length, led_to):
    secret = "aB3dE6gH9"
    for shift in range(0, 24, 4):
        text = (dense * length)[: length - shift] + "\n" + led_to.format(secret) + "\ndone"
        assert secret not in redact(text)


OF_MANY_PLACES = (
    (". " * 236 + " -p " * 20 + ". " * 236) * 90,  # often dense across the end of a stretch, and never within one
    "missing translation key: app.settings.title for key app.items\n" * 200,
    str([f"https://a.example/{number}" for number in range(900)]),
    "event_type: snmp\nsnmp.version: 2\nsnmp.pdu_type: get_request\nsnmp.pdu_type: get_response\n" * 250,
)


@pytest.mark.parametrize("text", OF_MANY_PLACES, ids=range(4))
def test_a_long_text_of_many_places_is_no_attack(text):
    assert redact(text) == text


LOG_INS = (
    "10:11:12 INFO login user=bob password={} from 10.1.2.3",
    "10:11:12 Set-Cookie: session={}; HttpOnly",
    "LoginRequest[username=bob, password={}] as user bob",
)


@pytest.mark.parametrize("line", LOG_INS, ids=range(3))
def test_a_dense_log_of_log_ins_is_read(line):
    rnd = random.Random(1)
    text = "\n".join(line.format(f"{drawn(rnd, string.ascii_letters, 12)}{number}aB") for number in range(200))

    assert redact(text) == "\n".join(line.format(MASK) for _ in range(200))


def steps(text):
    """How many functions are called."""
    called = 0

    def count(frame, event, argument):
        nonlocal called
        called += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        redact(text)
    finally:
        sys.setprofile(before)
    return called


def unlike(pieces, length):
    """No two of its parts are the same, so that nothing is known from before."""
    rnd, text = random.Random(1), ""
    while len(text) < length:
        text += rnd.choice(pieces) + "".join(
            rnd.choices(string.ascii_letters + string.digits, k=rnd.choice((0, 8, 20)))
        )
    return text[:length]


@pytest.mark.parametrize(
    "unkind",
    [
        lambda length: ("send(.user, a1\tnow&password, " * length)[:length],
        lambda length: unlike((": 2024-01-02000000002024-01-02", "codes now zip(u0041", "codesdeadbeef密码-----BEGIN |pwd"), length),
    ],
    ids=["repeated", "unlike"],
)  # fmt: skip
def test_four_times_an_unkind_text_takes_four_times_the_work(unkind):
    redact("password=a")
    short = steps(unkind(5_000))  # first: of the other one it would know the words

    assert steps(unkind(20_000)) < 5 * short


@pytest.mark.parametrize(
    "line",
    [
        "password=***, {}",
        "password: ***; {}",
        "password (***): {}",
        "passwords ***, {}",
        "login *** bob/{}",
        "{} *** password",
        '~ admin_password = "***" -> "{}"',
        'auth": "{}; ***"',
        "basicAuth users: bob:{}",
        "keepass: {}",
        "login with pass: Summer{}: invalid",
        "secret=lantern-secret-{}",
    ],
)
def test_a_mask_or_a_harmless_word_hides_no_secret_beside_it(line):
    secret = drawn(random.Random(5), string.ascii_letters, 6) + "4711!"

    assert secret not in redact(line.format(secret))


FILLER = "2026-11-23 01:33:37 INFO shop.cart order 4711 was put into the cart of user 17\n" * 150


def test_a_long_text_is_not_looked_at_twice_for_what_is_hidden_at_its_end():
    at_its_end = "login failed: password of bob is aB3dE6gH9 and token x1Yz_q8Kp2Lm5\n"
    assert MASK in redact(at_its_end)

    assert steps(FILLER + at_its_end) < 1.5 * steps(FILLER)


def test_a_text_is_redacted_as_it_is_without_a_long_one_around_it():
    rnd, line = random.Random(3), FILLER[: FILLER.index("\n") + 1]
    twice = (  # found by a second look
        'bearer x1Yz_q8K(key="lantern7262, key bob: ',
        "snmpwalk -v3 -u bob -a SHA -A amber4711! -x AES -X lantern7262 db1",
        "password candidates tried: amber4711!, velvet8811!, copper9922!, silver3344!, lantern7262",
    )
    texts = [*twice, *(case.text for case in special_cases(rnd))]
    assert all("lantern7262" not in redact(f"{FILLER}{text}\n{FILLER}") for text in twice)
    for one, other in itertools.pairwise(texts[::4]):
        near = [redact(f"{line}{text}\n{line}") for text in (one, other)]
        apart = redact(f"{FILLER}{one}\n{FILLER}{other}\n{FILLER}")
        assert all(each in apart for each in near)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"password=xY{number}z_q8K7w\n" for number in range(12)) + 'p: "{}", password: "{}"',
        "user | password\r\n-----+---------\r\nbob | {}\r\n",
        "\u0130\u015flem\n\u041f\u0430\u0440\u043e\u043b\u044c: {}",
        "for (n = 0; n < end; n++) {\nuser;pass;role\nbob;{};admin",
        "echo x | sudo sh\nuser | passwd\n-----+--------\nbob | {}",
        "\treturn messages;\nusername\tpassword\nbob\t{}",
    ],
    ids=[
        "said again behind many others",
        "carriage returns",
        "a letter that gets longer in lower case",
        "code",
        "a pipe",
        "a tab",
    ],
)
def test_a_secret_is_hidden_whatever_else_a_text_holds(text):
    secret = "Lantern" + "7262__"

    assert secret not in redact(text.replace("{}", secret))


def test_what_a_key_leads_to_in_code_does_not_cover_a_token_of_a_known_shape():
    token = "ghp_" + "aB3d" * 9
    trace = f'  File "cart.py", line 3, in pay\n    the api_key `{token} and so on'

    assert redact(trace) == trace.replace(token, "***")


def test_what_cannot_be_judged_is_withheld():
    class NoText(str):
        def isascii(self):
            raise RuntimeError("no")

    assert redact(NoText("x")) == UNREADABLE


def test_colour_codes_stay_where_there_is_no_secret():
    text = "\x1b[32mINFO\x1b[0m all is well"

    assert redact(text) == text


def test_a_discord_token_after_its_scheme_leaves_the_scheme():
    assert redact("Authorization: Bot " + discord_token(random.Random(3))) == "Authorization: Bot ***"
