"""A language that nobody here reads: its tests are told apart by TAP or JUnit's XML, or nothing is proven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from kintsugi.repair.proof import ProofSettings
from kintsugi.workflow.patch import Tier
from tests.repair.programs import a_box, a_program, judged

SUM = "lhs=$1\nrhs=$2\necho $((lhs / rhs))\n"
FIXED = 'lhs=$1\nrhs=$2\n[ "$rhs" = 0 ] && { echo none; exit 0; }\necho $((lhs / rhs))\n'
TAP = """\
echo 1..2
[ "$(sh div.sh 6 3)" = 2 ] && echo "ok 1 - divides" || echo "not ok 1 - divides"
[ "$(sh div.sh 6 0)" = none ] && echo "ok 2 - by nothing" || echo "not ok 2 - by nothing"
"""
JUNIT = """\
works=; [ "$(sh div.sh 6 3)" = 2 ] || works='<failure message="no"/>'
shows=; [ "$(sh div.sh 6 0)" = none ] || shows='<failure message="no"/>'
mkdir -p out
cat >out/results.xml <<END
<testsuite name="div"><testcase name="divides" classname="div">$works</testcase>
<testcase name="by nothing" classname="div">$shows</testcase></testsuite>
END
[ -z "$works$shows" ]
"""
SILENT = '[ "$(sh div.sh 6 3)" = 2 ] && [ "$(sh div.sh 6 0)" = none ]\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> ProofSettings:
    return replace(await a_box("sh"), test_command=("sh", "test/all.sh"))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return a_program(
        tmp_path, {"div.sh": SUM, "test/all.sh": 'echo 1..1\n[ "$(sh div.sh 6 3)" = 2 ] && echo "ok 1 - divides"\n'}
    )


@pytest.mark.parametrize(("script", "id"), [(TAP, "by nothing"), (JUNIT, "div::by nothing")])
async def test_what_a_report_tells_is_proven_in_its_words(
    script: str, id: str, program: Path, settings: ProofSettings
) -> None:
    (program / "test" / "all.sh").write_text(script)

    said = await judged(program, {"div.sh": FIXED}, settings)

    assert said.evidence is not None, said.refused
    assert said.evidence.tier is Tier.E1
    assert "Tests that passed before: 1, none is lost." in said.evidence.says
    assert "so that it could write a result itself" in said.evidence.says
    assert "Nothing was read of the patch" in said.evidence.says


async def test_what_passed_and_does_not_is_refused_by_its_name(program: Path, settings: ProofSettings) -> None:
    said = await judged(program, {"div.sh": FIXED.replace("lhs / rhs", "lhs * rhs")}, settings)

    assert said.evidence is None
    assert "divides" in said.refused


async def test_an_exit_status_alone_is_no_evidence(program: Path, settings: ProofSettings) -> None:
    (program / "test" / "all.sh").write_text(SILENT)

    said = await judged(program, {"div.sh": FIXED}, settings)

    assert said.evidence is not None
    assert said.evidence.tier is Tier.E0
    assert "Its exit status alone proves nothing" in said.evidence.says
    assert "Nothing was read of the patch" in said.evidence.says


async def test_a_command_that_is_not_there_proves_nothing(program: Path, settings: ProofSettings) -> None:
    said = await judged(program, {"div.sh": FIXED}, replace(settings, test_command=("no-such-runner", "--all")))

    assert said.evidence is None or said.evidence.tier is Tier.E0
