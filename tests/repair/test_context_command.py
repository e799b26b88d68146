"""`kintsugi context`, as it is typed."""

import json

import pytest
from typer import Typer
from typer.testing import CliRunner

from kintsugi.commands.context import context

CRASH = """\
Traceback (most recent call last):
  File "/srv/app/shop/web.py", line 5, in checkout
    return rate_of(country)
  File "/srv/app/shop/tax.py", line 5, in rate_of
    return RATES[country]
KeyError: 'FR'
"""
TAX = 'RATES = {"DE": 1.19}\n\n\ndef rate_of(country):\n    return RATES[country]\n'


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "tax.py").write_text(TAX)
    return tmp_path


def typed(*arguments: str, given: bytes = b""):
    app = Typer()
    app.command()(context)
    return CliRunner().invoke(app, arguments, input=given)


def test_the_regions_and_the_text_are_printed_as_json(shop):
    result = typed("--repo", str(shop), "-", "--json", given=CRASH.encode())

    printed = json.loads(result.stdout)
    assert result.exit_code == 0
    assert printed["regions"] == [{"path": "shop/tax.py", "start": 1, "end": 5}]
    assert "return RATES[country]" in printed["text"]


def test_a_file_is_read_and_the_text_printed(shop):
    log = shop / "crash.log"
    log.write_text(f"INFO: starting\n{CRASH}INFO: restarted\n")

    result = typed("--repo", str(shop), str(log))

    assert result.exit_code == 0
    assert "=== shop/tax.py:1-5" in result.stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [(b"", "no failure"), (b"all is well\n", "no failure"), (b"\x00\x01\x02", "binary")],
)
def test_unusable_input_is_said_in_a_sentence(shop, given, says):
    result = typed("--repo", str(shop), "-", given=given)

    assert result.exit_code == 2
    assert says in result.stderr


def test_an_absent_file_or_repository_is_said_in_a_sentence(shop):
    assert typed("--repo", str(shop), str(shop / "absent.log")).exit_code == 2

    result = typed("--repo", str(shop / "absent"), "-", given=CRASH.encode())
    assert result.exit_code == 2
    assert "There is no folder" in result.stderr
