"""Personal data, where it is asked for: check digits count, look-alikes stay, and without the wish nothing changes."""

import random

import pytest

from kintsugi.telemetry.redact import Redactor, redact
from kintsugi.telemetry.redact.personal import PERSONAL, kinds_of
from tests.telemetry.made_up import clean_line, harmless

ALL = Redactor(personal=frozenset(PERSONAL))
CARDS = ("4111" + " 1111 1111 1111", "5500-0000" + "-0000-0004", "3782" + "822463" + "10005", "6011" + "000990139424")
ACCOUNTS = ("DE89 3704" + " 0044 0532 0130 00", "GB82WEST" + "12345698765432", "FR1420041010050500013M02606")
MAIL = ("bob.smith+shop@mail.example.com", "o'neil@example.co.uk", "bob@b\u00fccher.example", "bob%40example.com")
TELEPHONES = (
    *(
        "+44 20 7946 0958",
        "+1 (555) 123-4567",
        "(555) 123-4567",
        "555-123-4567",
        "030 1234 5678",
        "+33 (0)6 12 34 56 78",
    ),
    *("06.12.34.56.78", "030/12345678", "0171 1234567", "020-1234567", "(11) 91234-5678", "(02) 1234 5678"),
    *("07123 456789", "098765 43210", "+55 11 91234-5678", "1-555-123-4567"),
)
MACHINES = ("203.0.113.7", "2001:db8::8a2e:370:7334", "fe80::1", "2001:0DB8:0:0:8:800:200C:417A")


@pytest.mark.parametrize("value", (*CARDS, *ACCOUNTS, *MAIL, *TELEPHONES, *MACHINES))
@pytest.mark.parametrize("around", ["paid by {} today", '{{"value": "{}", "n": 1}}', "value={}, n=1", "({})"])
def test_personal_data_is_hidden_where_it_is_asked_for(value, around):
    text = around.format(value)

    assert ALL.redact(text) == around.format("***")
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "card 4111 1111 1111 1112 has a wrong digit",
        "order 1234567812345670 shipped",
        "account DE89 3704 0044 0532 0130 01",
        "user 81384788765712384 in guild 1165312345678901234",
        "2026-11-29 20:00:04,123 took 12:34:56.789",
        "version 1.2.3.4.5 and 10.0.19045.1, version 1.2.3.4",
        "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0 Safari/537.36",
        "GET /logo@2x.png and /icon@3x.retina.webp",
        "listening on 127.0.0.1:8080 and [::1]:8080 and 0.0.0.0",
        "git@github.com:owner/repo.git",
        "range 555-1234 of 2026-11-29",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "00:1b:44:11:3a:b7 is a network card",
        "081109 203615 148 INFO dfs.DataNode: done",
        "[0701/114930:WARNING:dns.cc(127)] took 3",
        "13:53:08 2017-05-16 00:00:00.008 25746 INFO nova",
        "called std::vector and Dead::Beef",
        "rows 393 740 570 of 416 467 843",
    ],
)
def test_what_only_looks_like_personal_data_stays(text):
    assert ALL.redact(text) == text


@pytest.mark.parametrize("text", ["phone: {}", '"mobile": "{}"', "Tel. {}", "phone_number={}"])
@pytest.mark.parametrize("value", ["393 740 570", "3401234567", "612 34 56 78"])
def test_a_telephone_number_like_any_number_is_hidden_behind_a_word_that_says_so(text, value):
    assert ALL.redact(text.format(value)) == text.format("***")


def test_clean_lines_and_harmless_texts_stay_but_for_what_was_asked_for():
    rnd = random.Random(4)
    texts = [clean_line(rnd) for _ in range(4_000)]
    texts += [text for text in harmless(rnd) if "@" not in text]

    assert [text for text in texts if ALL.redact(text) != text] == []


def test_only_the_kinds_that_were_named_are_hidden():
    only = Redactor(personal=kinds_of("email, ip"))

    assert only.redact(f"{MAIL[0]} {CARDS[0]} {MACHINES[0]}") == f"*** {CARDS[0]} ***"


def test_a_kind_that_is_none_is_named():
    with pytest.raises(ValueError, match="should be some of card,iban,email,phone,ip, and names names"):
        kinds_of("card,names")


def test_literals_of_source_code_are_looked_through_as_well():
    code = f'OWNER = "{MAIL[0]}"  # {TELEPHONES[0]}\nmail @ x.y\n'

    assert ALL.redact_source(code, "a.py") == 'OWNER = "***"  # ***\nmail @ x.y\n'
