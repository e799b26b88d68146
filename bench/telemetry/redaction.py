"""`redact()` on clean lines beside redact-secret, and on 20 KB of the most unkind texts."""

import random
import time
from importlib import import_module
from importlib.util import find_spec
from string import ascii_letters, digits

from bench.telemetry.measure import best_of, rows
from kintsugi.telemetry.redact import redact

_CLEAN = (
    "2026-11-23 01:33:37,123 INFO discord.gateway Shard ID None has connected to Gateway; handled 128 events in 33.4 "
    "ms for guild 81384788765712384; order 4711 was shipped to the customer after checking stock and price in "
    "/app/shop/cart.py at commit 9fceb02d0ae598e95dc970b74767f19372d61af8 by request 0b2f6a2e-1111-4222-8333-"
    "444455556666 (status 200, 18 rows, cache hit)"
)[:386]
_HOSTILE = (
    "key=", "password=", 'password="', "token ", "sk-", "ghp_", "eyJ", "://a:b@", "cookie: a=b; ", "Authorization: ",
    "bearer a1", "-----BEGIN RSA PRIVATE KEY-----\n", "-----END PRIVATE KEY-----", "curl ", "MTIz", "T3BlbkFJ", "pass",
    "\\", '\\"', "a", "0", "\x1b[31m", "\u200b", "password: [", "token={", "password ||", "&quot;password&quot;:&quot;",
    "glc_", "mnemonic: ", "wachtwoord: a", "пароль: ", "jwt=x.", "oauth:a", "00\u200b", "seed phrase=a1B2",
    '"token":["', '"token":["a"', "'auth':['", '"session":["\\', 'tokens=["a",', '"kty":', "value: a, name: token ",
    "pat:", "password of a a ", "token for a ", "a is the key of a is the ", "user,token\n", "| token |", "\u2514 x",
    "%253A%252F%252Fa%253A", "password:\n  a", 'input_value="', "ls0tls1crudjti", "mnemonic a ", "/reset/",
    " a1B2Authorization: 0nfu_", "longlongwordcookie: a=b; ",
    "['token','a'],", "('user','password'),", 'zip(["password","a"],["b","c"],', "into (password,a) values (",
    "\u2514", "Authorization: digest x ", "\\nwachtwoord=snd_", "password=$1 params ", "heslo\ta1B2",
    "비밀번호=\\\"x y z ", "bearer%3Da", "login('a', 'b', ", "<<< a", "secret:\n",
    "login bob x1Yz_ ", "user bob/x1Yz_q8 ", "('bob', 'x1Yz_q8K')",
    "&{bob x1Yz_q8K",
    "bob / x1Yz_q8K ", "x1Yz_q8K password ", "password of x1Yz_q8 on x1Yz_q8, ", "args=['a', ",
    "Velvet.lantern72|{a1B2->login[1a! ", 'pass\\nlantern7262 "', "send(.user, a1\tnow&password, ",
)  # fmt: skip


def redaction_table(rounds: int) -> str:
    """Microseconds for a clean line of 386 characters."""
    contestants = {"ours": lambda: redact(_CLEAN)}
    if find_spec("redact_secret"):
        scan = import_module("redact_secret").scan_and_redact
        contestants["redact-secret"] = lambda: scan(_CLEAN)
    best = best_of(contestants, rounds, 500)
    body = [(name, f"{best[name]:.2f}", f"{best['ours'] / best[name]:.2f}") for name in best]
    if "redact-secret" not in best:
        body.append(("redact-secret", "absent", ""))
    return rows("A clean line of 386 characters", ("contestant", "µs", "ours / this (at most 0.50)"), body)


def hostile_table() -> str:
    """The slowest texts of 20,000 characters, and how the time grows from 5,000 of them."""
    measured = [(*_growth(unit), unit) for unit in _HOSTILE]
    noise = "".join(random.Random(1).choices("abcXYZ019=:/\"'\\ \n-_.@", k=20_000))
    measured.append((_milliseconds(noise), 0.0, "(random signs)"))
    made_up = "".join(random.Random(1).choices(ascii_letters + digits, k=20_000))
    words = "".join(f"{made_up[at : at + 16]} " for at in range(0, 20_000, 17))
    measured.append((_milliseconds(words), 0.0, "(made-up words of 16 signs)"))
    body = [
        (repr(unit), f"{slow:.1f}", f"{growth:.1f}" if growth else "")
        for slow, growth, unit in sorted(measured)[:-13:-1]
    ]
    header = ("repeated", "ms for 20 KB (at most 25)", "4 times the text, times the time (at most 7)")
    return rows("Hostile texts, the slowest first", header, body)


def _growth(unit: str) -> tuple[float, float]:
    long = _milliseconds((unit * 20_000)[:20_000])
    return long, long / _milliseconds((unit * 5_000)[:5_000])


def _milliseconds(text: str) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.thread_time()
        redact(text)
        best = min(best, time.thread_time() - start)
    return best * 1e3
