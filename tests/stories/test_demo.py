"""The demo as a user sees it: its claims are true, its other ending is honest, and kill -9 does not hurt it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world.demo import Demo
from tests.world.patience import PATIENCE

KILLS = int(os.environ.get("KINTSUGI_KILLS", "2"))

FAILING = "/checkout?cart=teapot,cup,cup&coupon=WELCOME5"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path / "demo")
    yield demo
    demo.stop()


def test_a_real_crash_is_healed_every_claim_is_true_and_a_second_start_starts_clean(demo: Demo, tmp_path: Path):
    status, output = demo.plays()

    assert status == 0, output
    assert "nobody was asked" in output
    the_world_is_as_it_should_be(demo)
    incident = demo.incident()
    assert incident["state"] == "healed"
    assert what_the_tests_say(demo, "main~1", tmp_path / "before", with_the_test_of="main") == "FAILED (errors=2)"
    assert what_the_tests_say(demo, "main", tmp_path / "after") == "OK"

    first = demo.git("rev-parse", "main")
    status, output = demo.plays("--auto")

    assert status == 0, output
    assert "Going on" not in output
    assert ", whose INC-1 is healed. To keep one, use --dir" in " ".join(output.split())
    assert demo.git("rev-parse", "main") != first
    the_world_is_as_it_should_be(demo)


def test_an_address_where_no_model_answers_is_said_before_anything_is_played(demo: Demo, tmp_path: Path):
    (tmp_path / ".env").write_text("KINTSUGI_LLM_BASE_URL=http://127.0.0.1:9/v1\n")

    status, output = demo.plays()

    told = " ".join(output.split())
    assert status == 2
    assert "nothing answers at http://127.0.0.1:9/v1" in told
    assert "Without any KINTSUGI_LLM_ setting the demo plays a recording." in told
    assert "Captured" not in told


def test_a_fix_that_only_hides_the_failure_is_refused_and_says_why(demo: Demo):
    status, output = demo.plays("--broken-fix")

    incident = demo.incident()
    assert status == 0, output
    assert incident["state"] == "needs_human"
    assert incident["rounds"] == 3
    assert [step["trigger"] for step in incident["history"]].count("PatchRefused") == 3  # type: ignore[attr-defined,index]
    assert [line.strip() for line in output.splitlines()].count("shop/pricing.py") == 3  # each patch is shown
    assert demo.git("rev-list", "--count", "main") == "2"
    assert demo.git("for-each-ref", "refs/heads/kintsugi") == ""


def test_a_fix_that_passes_its_tests_and_does_not_help_ends_recurred(demo: Demo):
    status, output = demo.plays("--useless-fix")

    merge = demo.git("rev-parse", "main")
    incident = demo.incident()
    assert status == 0, output
    assert incident["state"] == "recurred"
    assert incident["evidence"]["tier"] == "E2"  # type: ignore[index]
    assert demo.asks("/version")["commit"] == merge
    assert incident["says"] == f"The same failure came from {merge[:10]}, which contains the fix."
    with pytest.raises(urllib.error.HTTPError, match="500"):
        demo.asks(FAILING)


def test_a_folder_that_is_not_the_demos_is_left_alone(demo: Demo):
    demo.folder.mkdir()
    (demo.folder / "thesis.txt").write_text("years of work")

    status, output = demo.plays("--auto", "--fresh")

    assert status == 1
    assert "is not empty and not the demo's" in output
    assert (demo.folder / "thesis.txt").read_text() == "years of work"


def test_two_at_once_on_the_same_folder_do_not_meet(demo: Demo):
    first = demo.start("--auto")
    time.sleep(2)
    status, output = demo.plays("--auto")
    first.communicate(timeout=PATIENCE)

    assert status == 1
    assert "Another Kintsugi" in output
    assert first.returncode == 0


def test_interrupting_says_that_nothing_is_lost_and_the_next_start_goes_on(demo: Demo):
    process = demo.start("--auto")
    wait_for(demo, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE)
    status, rest = demo.plays("--auto")

    assert process.returncode == 130, output
    assert "Nothing is lost" in output
    assert "Traceback" not in output
    assert status == 0, rest
    assert "Going on with INC-1" in rest


def test_kill_9_at_random_moments_leaves_one_of_everything(demo: Demo):
    chance = random.Random(os.environ.get("KINTSUGI_SEED", "gold"))
    moments = [round(chance.uniform(0.2, 9.0), 2) for _ in range(KILLS)]
    for moment in moments:
        process = demo.start("--auto")
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            kill = chance.choice([os.kill, os.killpg])
            kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)  # nothing that outlives it holds its terminal
        if process.returncode == 0:  # it came to its end: the next start is a new demo
            the_world_is_as_it_should_be(demo)

    status, output = demo.plays("--auto")

    assert status == 0, (moments, output)
    the_world_is_as_it_should_be(demo)


def the_world_is_as_it_should_be(demo: Demo) -> None:
    """One branch, one pull request, one merge, one running version."""
    merge = demo.git("rev-parse", "main")
    incident = demo.incident()
    assert incident["state"] == "healed"
    assert demo.git("rev-list", "--merges", "main") == merge
    assert demo.git("rev-parse", "main^{tree}") == incident["patch"]["tree"]  # type: ignore[index]
    assert len(demo.git("for-each-ref", "refs/heads/kintsugi").splitlines()) == 1
    assert len(demo.git("for-each-ref", "refs/pull/*/record").splitlines()) == 1
    assert demo.programs() == [merge]
    assert demo.asks("/version")["commit"] == merge
    assert demo.asks(FAILING)["total"] == 3500


def what_the_tests_say(demo: Demo, revision: str, folder: Path, *, with_the_test_of: str = "") -> str:
    """The last line of the sample's own tests at a revision."""
    folder.mkdir()
    for archived, paths in ((revision, []), (with_the_test_of, ["tests"])):
        if archived:
            archive = subprocess.run(
                ["git", "-C", str(demo.folder / "origin.git"), "archive", archived, *paths],
                check=True,
                capture_output=True,
            )
            subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    done = subprocess.run([sys.executable, "-m", "unittest"], cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1]


def wait_for(demo: Demo, process: subprocess.Popen[str]) -> None:
    """Until the incident was captured."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if (demo.folder / "runtime" / "service.log").exists() and (demo.folder / "kintsugi.db-wal").exists():
            log = (demo.folder / "runtime" / "service.log").read_text()
            if "request failed" in log:
                time.sleep(1.0)
                return
        time.sleep(0.05)
