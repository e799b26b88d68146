"""Evidence that says how many of a project's tests ran and why not the rest, in a real box with real runners."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from kintsugi.repair.languages import Machine
from kintsugi.repair.languages.known import find_suite
from kintsugi.repair.languages.python.layout import Django, django_of, import_folders, set_up_of
from kintsugi.repair.languages.python.missing import missing
from kintsugi.repair.languages.results import Failure, Frame
from kintsugi.repair.proof import Crash, ProofSettings, Proposal, Unproven, prove
from kintsugi.workflow.patch import Evidence, Numbers, Tier
from tests.repair.programs import a_program, with_walls
from tests.world.patience import PATIENCE

SHOP = 'def total(order):\n    return order["price"] - order["discount"]\n'
FIXED = SHOP.replace('order["discount"]', 'order.get("discount", 0)')
KEPT = 'import shop\n\n\ndef test_total():\n    assert shop.total({"price": 5, "discount": 2}) == 3\n'
SHOWS = 'import shop\n\n\ndef test_shows():\n    assert shop.total({"price": 5}) == 5\n'
LACKING = "import no_such_package_at_all\n\n\ndef test_one():\n    pass\n\n\ndef test_two():\n    pass\n"
SKIPPED = "import pytest\n\n\n@pytest.mark.skip\ndef test_later():\n    pass\n"
IN_UNITTEST = """import shop, unittest


class Total(unittest.TestCase):
    def test_it(self):
        self.assertEqual({})
"""
KEPT_THERE, SHOWS_THERE = 'shop.total({"price": 5, "discount": 2}), 3', 'shop.total({"price": 5}), 5'
CRASH = Crash("KeyError", "'discount'", "shop.py", "total")
WITHOUT_OURS = ("pytest", *(f"-pno:{name}" for name in ("anyio", "asyncio", "hypothesispytest", "xdist")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> ProofSettings:
    return await with_walls(ProofSettings(("pytest",), python=Path(sys.executable), seconds=PATIENCE))


def with_unittest(settings: ProofSettings) -> ProofSettings:
    """Where the runner does not matter: pytest takes three times as long to load as a test of these."""
    return replace(settings, test_command=("python", "-m", "unittest"))


async def proven(base: Path, tests: dict[str, str], settings: ProofSettings, fix: str = FIXED) -> Evidence:
    brought: dict[str, bytes | None] = {path: text.encode() for path, text in tests.items()}
    proposal = Proposal(base, {"shop.py": fix.encode(), **brought}, brought, crash=CRASH)
    return await prove(proposal, settings, progress=lambda _: None)


async def test_it_says_how_many_ran_and_why_not_the_rest(tmp_path: Path, settings: ProofSettings) -> None:
    base = a_program(tmp_path, {"shop.py": SHOP, "test_kept.py": KEPT, "test_a.py": LACKING, "test_b.py": SKIPPED})

    evidence = await proven(base, {"test_shows.py": SHOWS}, settings)

    why = "2 did not as no_such_package_at_all is not installed, 1 did not as they are skipped"
    assert evidence.tier is Tier.E2
    assert evidence.numbers == Numbers(4, 1, 1, 1, why)
    assert f"Tests that passed before: 1, none is lost. 1 of 4 tests ran: {why}." in evidence.says


async def test_where_all_ran_the_sentence_is_short(tmp_path: Path, settings: ProofSettings) -> None:
    base = a_program(tmp_path, {"shop.py": SHOP, "test_kept.py": IN_UNITTEST.format(KEPT_THERE)})

    evidence = await proven(base, {"test_shows.py": IN_UNITTEST.format(SHOWS_THERE)}, with_unittest(settings))

    assert evidence.numbers == Numbers(1, 1, 1, 1)
    assert "Tests that passed before: 1, none is lost. Its only test ran." in evidence.says


async def test_where_the_run_of_all_tests_breaks_its_reason_stands_for_all_others(
    tmp_path: Path, settings: ProofSettings
) -> None:
    others = {f"test_other_{number}.py": "def test_it():\n    pass\n" for number in range(40)}
    ends = {"test_other_20.py": "import os\n\n\ndef test_it():\n    os._exit(7)\n"}
    base = a_program(tmp_path, {"shop.py": SHOP, "test_kept.py": KEPT, **others, **ends})

    evidence = await proven(base, {}, settings)

    assert evidence.numbers is not None
    assert (evidence.numbers.known, evidence.numbers.ran, evidence.numbers.compared) == (41, 1, 1)
    why = "as without the patch the runner ended early: exit status 7"
    assert evidence.numbers.says == f"1 of 41 tests ran: the others could not be compared, {why}."


async def test_a_test_that_cannot_be_read_here_at_all_is_no_reason_to_refuse(
    tmp_path: Path, settings: ProofSettings
) -> None:
    base = a_program(tmp_path, {"shop.py": SHOP, "test_kept.py": KEPT})

    evidence = await proven(base, {"test_shows.py": f"import no_such_package_at_all\n{SHOWS}"}, settings)

    assert evidence.tier is Tier.E0
    assert "The tests can't run here (no_such_package_at_all is not installed)" in evidence.says
    assert "Its only test ran." in evidence.says
    assert evidence.numbers == Numbers(1, 1, 1, 1)


async def test_what_breaks_others_is_refused_all_the_same(tmp_path: Path, settings: ProofSettings) -> None:
    base = a_program(tmp_path, {"shop.py": SHOP, "test_kept.py": IN_UNITTEST.format(KEPT_THERE)})
    shows = f"import no_such_package_at_all\n{IN_UNITTEST.format(SHOWS_THERE)}"

    with pytest.raises(Unproven, match="passed without the patch and not with it"):
        await proven(base, {"test_shows.py": shows}, with_unittest(settings), "def total(_): pass\n")


async def test_a_package_that_only_the_patch_needs_is_the_patchs_own_fault(
    tmp_path: Path, settings: ProofSettings
) -> None:
    base = a_program(tmp_path, {"shop.py": SHOP, "test_kept.py": KEPT})

    with pytest.raises(Unproven):
        await proven(base, {"test_shows.py": SHOWS}, settings, f"import no_such_package_at_all\n{FIXED}")


MANAGE = """import os, sys
def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_ours.settings")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
if __name__ == "__main__":
    main()
"""
DJANGO = {
    "web/manage.py": MANAGE,
    "web/site_of_ours/__init__.py": "",
    "web/site_of_ours/settings.py": 'SECRET_KEY = "x"\nUSE_TZ = True\n'
    'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}\n',
    "web/shop.py": SHOP,
    "web/orders/__init__.py": "",
    "web/orders/tests.py": "from django.test import TestCase\nfrom django.db import connection\nimport shop\n\n\n"
    "class Orders(TestCase):\n    def test_total(self):\n        with connection.cursor() as cursor:\n"
    '            cursor.execute("SELECT 3")\n            expected = cursor.fetchone()[0]\n'
    '        self.assertEqual(shop.total({"price": 5, "discount": 2}), expected)\n',
    "web/orders/test_lacking.py": LACKING,
}
DJANGO_SHOWS = (
    "from django.test import SimpleTestCase\nimport shop\n\n\nclass Shows(SimpleTestCase):\n"
    '    def test_shows(self):\n        self.assertEqual(shop.total({"price": 5}), 5)\n'
)


COMPILES_DJANGO = """
import django.conf
django.conf.settings.configure()
django.setup()
import django.core.management.commands.migrate, django.db.backends.sqlite3.base, django.test.runner
"""
"""Once: what is compiled in a box ends with it."""


async def test_djangos_own_tests_are_run_as_manage_py_does(tmp_path: Path, settings: ProofSettings) -> None:
    subprocess.run([sys.executable, "-c", COMPILES_DJANGO], check=True)
    brought: dict[str, bytes | None] = {"web/orders/test_shows.py": DJANGO_SHOWS.encode()}
    proposal = Proposal(
        a_program(tmp_path, DJANGO),
        {"web/shop.py": FIXED.encode(), **brought},
        brought,
        crash=Crash("KeyError", "'discount'", "web/shop.py", "total"),
    )

    assert settings.box
    machine = Machine(settings.box.interpreter, None)
    given = find_suite(proposal.base, proposal.all_files, machine, ("python", "web/manage.py", "test"))
    found = find_suite(proposal.base, proposal.all_files, machine, None)
    evidence = await prove(proposal, replace(settings, test_command=None), progress=lambda _: None)

    assert given == found
    assert evidence.tier is Tier.E2
    assert evidence.reproduced is True
    assert evidence.numbers
    assert (evidence.numbers.known, evidence.numbers.ran, evidence.numbers.passed) == (3, 1, 1)
    assert evidence.numbers.why_not == "2 did not as no_such_package_at_all is not installed"


async def test_the_project_is_as_good_as_installed(tmp_path: Path, settings: ProofSettings) -> None:
    """Its packages in a folder of its own, its version, also in the module that a build writes, and its own plugin."""
    project = (
        '[project]\nname = "tea-shop"\nversion = "1.4"\n'
        '[project.entry-points.pytest11]\ntea = "tea_plugin"\n'
        '[tool.setuptools.packages.find]\nwhere = ["python"]\n'
        '[tool.hatch]\nbuild.hooks.vcs.version-file = "python/tea_version.py"\n'
    )
    plugin = "import pytest\n\n\n@pytest.fixture\ndef cup():\n    return 2\n"
    test = (
        "import importlib.metadata\nimport shop\nfrom tea_version import version\n\n\ndef test_cup(cup):\n"
        "    assert version\n"
        '    assert importlib.metadata.version("tea-shop") == "1.4"\n'
        '    assert shop.total({"price": 5, "discount": cup}) == 3\n'
    )
    files = {"pyproject.toml": project, "python/shop.py": SHOP, "python/tea_plugin.py": plugin, "test_cup.py": test}
    fix: dict[str, bytes | None] = {"python/shop.py": FIXED.encode()}

    loading = replace(settings, test_command=WITHOUT_OURS, variables={})

    evidence = await prove(Proposal(a_program(tmp_path, files), fix), loading, progress=lambda _: None)

    assert evidence.tier is Tier.E1
    assert evidence.numbers == Numbers(1, 1, 1, 1)


async def test_variables_and_mounts_are_there(tmp_path: Path, settings: ProofSettings) -> None:
    (tmp_path / "more").mkdir(mode=0o755)
    (tmp_path / "more" / "prices").write_text("5")
    tmp_path.chmod(0o755)
    test = (
        "import os, shop\n\n\ndef test_mounted():\n    price = int(open(os.environ['PRICES']).read())\n"
        '    assert shop.total({"price": price, "discount": 2}) == 3\n'
    )
    base = a_program(tmp_path / "tree", {"shop.py": SHOP, "test_mounted.py": test})
    variables = {**settings.variables, "PRICES": str(tmp_path / "more" / "prices")}
    more = replace(settings, mounts=(tmp_path / "more",), variables=variables)
    fix: dict[str, bytes | None] = {"shop.py": FIXED.encode()}

    with_them = await prove(Proposal(base, fix), more, progress=lambda _: None)
    without = await prove(Proposal(base, fix), settings, progress=lambda _: None)

    assert with_them.numbers == Numbers(1, 1, 1, 1)
    assert without.numbers == Numbers(1, 1, 0, 0)


def test_where_packages_lie_is_read_off_the_project(tmp_path: Path) -> None:
    build = '[tool.setuptools.package-dir]\n"" = "lib"\n[tool.poetry]\npackages = [{include = "x", from = "py"}]\n'
    a_program(tmp_path, {"pyproject.toml": build, "lib/a.py": "", "py/b.py": "", "src/c.py": "", **DJANGO})

    assert import_folders(tmp_path) == ["src", "lib", "py", "web"]
    assert django_of(tmp_path) == Django("web", "site_of_ours.settings")
    assert set_up_of(tmp_path).variables == {"DJANGO_SETTINGS_MODULE": "site_of_ours.settings"}


def test_a_project_that_cannot_be_read_has_no_set_up(tmp_path: Path) -> None:
    a_program(tmp_path, {"pyproject.toml": "[project\nname=", "manage.py": "print('no settings')"})
    (tmp_path / "setup.cfg").symlink_to("/etc/passwd")

    found = set_up_of(tmp_path)

    assert (found.folders, found.settings, found.installed) == ((), "", None)


@pytest.mark.parametrize(
    ("kind", "message", "words"),
    [
        ("ModuleNotFoundError", "No module named 'wcwidth.table'", "wcwidth is not installed"),
        ("PackageNotFoundError", "No package metadata was found for red-bot", "red-bot is not installed"),
        (
            "ImproperlyConfigured",
            "Requested setting DATABASES, but settings are not configured.",
            "the settings module of Django is not set",
        ),
        ("FixtureLookupError", "fixture 'mocker' not found", "pytest-mock is not installed"),
        ("FixtureLookupError", "fixture 'our_own' not found", None),
        (
            "OperationalError",
            'connection to server at "127.0.0.1", port 5432 failed: Connection refused',
            "a service that they need does not answer: KINTSUGI_TEST_SERVICES starts it beside them",
        ),
        ("gaierror", "[Errno -3] Temporary failure in name resolution", "they need the network, which the box has not"),
        (
            "Failed",
            "async def functions are not natively supported.",
            "no plugin that runs async tests is installed, such as pytest-asyncio",
        ),
        ("KeyError", "'discount'", None),
        ("ModuleNotFoundError", "No module named 'shop'", None),
    ],
)
def test_what_a_machine_lacks_is_told_in_words(kind: str, message: str, words: str | None, tmp_path: Path) -> None:
    a_program(tmp_path, {"shop.py": SHOP})

    assert missing(Failure(kind, message, False, (Frame("shop.py", 1, "total"),)), tmp_path) == words
