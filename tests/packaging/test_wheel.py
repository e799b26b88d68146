"""What is built, and what installing it does to somebody's environment."""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.packaging.conftest import ROOT, Environment, built, run


def test_installing_it_adds_one_import_name(plain: Environment):
    names = {name for name in plain.added if not name.endswith(".dist-info")}

    assert names == {"kintsugi"}


def test_the_wheel_holds_all_that_runs(wheel: Path):
    held = set(zipfile.ZipFile(wheel).namelist())

    tracked = {str(path.relative_to(ROOT)) for path in _of_the_package()}
    migrations = {f"kintsugi/persistence/{path.relative_to(ROOT)}" for path in (ROOT / "alembic").glob("**/*.py")}
    assert "kintsugi/py.typed" in held
    assert "kintsugi/demo/checkout/shop/pricing.py" in held
    assert tracked | migrations <= held
    assert {name.partition("/")[0] for name in held if ".dist-info/" not in name} == {"kintsugi"}


def _of_the_package() -> list[Path]:
    return [path for path in (ROOT / "kintsugi").glob("**/*") if path.is_file() and "__pycache__" not in path.parts]


def test_a_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path):
    packed = built("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(packed) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 brought it
        archive.extractall(tmp_path)

    again = built("wheel", tmp_path / packed.name.removesuffix(".tar.gz"), tmp_path / "wheel")

    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_an_index_page_has_no_relative_link(wheel: Path):
    source = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]

    links = re.findall(r"\]\(([^)\s]+)", str(_metadata(wheel).get_payload()))

    assert f"{source}/blob/main/docs/telemetry.md" in links
    assert [link for link in links if not link.startswith(("http://", "https://"))] == []


def test_plain_kintsugi_brings_few_packages(wheel: Path):
    asked = [Requirement(line) for line in _metadata(wheel).get_all("Requires-Dist", [])]

    brought = _closure([one for one in asked if one.marker is None])

    assert len(brought - _closure([Requirement("discord.py")])) <= 6
    assert not brought & {"discord-py", "openai", "pygithub", "procrastinate", "psycopg"}


def test_a_guest_gets_no_model_client(wheel: Path):
    """Bots talk to models themselves, by the version of the SDK that they have pinned."""
    asked = [Requirement(line) for line in _metadata(wheel).get_all("Requires-Dist", [])]

    guest = {_name(one.name) for one in asked if one.marker and one.marker.evaluate({"extra": "bot"})}
    server = {_name(one.name) for one in asked if one.marker and one.marker.evaluate({"extra": "server"})}

    assert "openai" in server - guest
    assert guest < server


def _metadata(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def _closure(wanted: list[Requirement]) -> set[str]:
    """What these bring, with what that brings, as installed here."""
    found: set[str] = set()
    waiting = [_name(one.name) for one in wanted]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needs = [Requirement(line) for line in distribution(name).requires or ()]
            waiting += [_name(one.name) for one in needs if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


HEAVY = (
    "aiohttp alembic discord github httpx jinja2 openai procrastinate psycopg pydantic requests rich sqlalchemy typer"
)


@pytest.mark.parametrize("statement", ["import kintsugi", "import kintsugi.telemetry", "import kintsugi.reporting"])
def test_importing_it_loads_nothing_heavy(statement: str, tmp_path: Path):
    told = f"{statement}\nimport sys\nprint(*sorted(set('{HEAVY}'.split()) & set(sys.modules)))"

    done = run([sys.executable, "-c", told], ROOT)

    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_it_works_where_no_library_for_discord_is_installed(plain: Environment):
    code = "import kintsugi, logging, sys; logs = kintsugi.install(report_to='http://key@127.0.0.1:9/42')\n"
    code += "logging.error('no bill'); assert 'discord' not in sys.modules; logs.close(); print(logs.recent(1)[0])"

    done = plain.run("-c", code)

    assert done.returncode == 0, done.stderr
    assert '"msg":"no bill"' in done.stdout


def test_the_command_says_which_extra_is_missing(plain: Environment):
    done = plain.run("-m", "kintsugi", "doctor")

    assert done.returncode == 1
    assert (
        done.stderr == 'This needs `typer`, which is not installed. Install it with: pip install "kintsugi[server]"\n'
    )


def test_types_are_found_in_the_installed_package(plain: Environment, tmp_path: Path):
    (tmp_path / "right.py").write_text("from kintsugi import telemetry\n\ntelemetry.install(secrets=['a' * 20])\n")
    (tmp_path / "wrong.py").write_text("import kintsugi.telemetry\n\nkintsugi.telemetry.install(ring='many')\n")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--python-executable", str(plain.python)]

    done = run([*mypy, "right.py", "wrong.py"], tmp_path)

    assert done.stdout.splitlines()[:-1] == [
        'wrong.py:3: error: Argument "ring" to "install" has incompatible type "str"; expected "int"  [arg-type]'
    ]
