"""Patches for a small Go program, each through policy and proof: only the true fix is proven."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from kintsugi.repair import sandbox
from kintsugi.repair.languages import Machine
from kintsugi.repair.languages.go.language import Go
from kintsugi.repair.languages.results import Crash
from kintsugi.repair.proof import ProofSettings
from kintsugi.workflow.patch import Tier
from tests.repair.programs import a_box, a_program, judged

PARCELS = """\
// Package parcels weighs what is to be sent.
package parcels

import (
	"fmt"
	"strings"
)

// Parcel has a weight in grams for each of its pieces.
type Parcel struct {
	Label  string
	Pieces []int
}

// Heaviest is the weight of the heaviest piece.
func Heaviest(parcel Parcel) int {
	heaviest := parcel.Pieces[0]
	for _, piece := range parcel.Pieces {
		if piece > heaviest {
			heaviest = piece
		}
	}
	return heaviest
}

// Describe names a parcel and its weight.
func Describe(parcel Parcel) string {
	return fmt.Sprintf("%s: %d g", strings.TrimSpace(parcel.Label), Heaviest(parcel))
}
"""
WORKS = """\
package parcels

import "testing"

func TestHeaviest(t *testing.T) {
	cases := map[string]struct {
		pieces []int
		want   int
	}{
		"one": {[]int{70}, 70},
		"two": {[]int{30, 90}, 90},
	}
	for name, one := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Heaviest(Parcel{Pieces: one.pieces}); got != one.want {
				t.Errorf("got %d, want %d", got, one.want)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	got := Describe(Parcel{Label: " tea ", Pieces: []int{250}})
	if got != "tea: 250 g" {
		t.Fatalf("got %q", got)
	}
}
"""
SHOWS = """\
package parcels

import "testing"

func TestAnEmptyParcelWeighsNothing(t *testing.T) {
	if got := Describe(Parcel{Label: "box"}); got != "box: 0 g" {
		t.Errorf("got %q", got)
	}
}
"""
FIXED = PARCELS.replace("heaviest := parcel.Pieces[0]", "heaviest := 0")
SWALLOWED = PARCELS.replace(
    "func Heaviest(parcel Parcel) int {\n",
    "func Heaviest(parcel Parcel) int {\n\tdefer func() { _ = recover() }()\n",
)
PROGRAM = {"go.mod": "module example.com/parcels\n\ngo 1.19\n", "parcels.go": PARCELS, "parcels_test.go": WORKS}
CRASH = Crash(
    "panic", "runtime error: index out of range [0] with length 0", "parcels.go", "example.com/parcels.Heaviest"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> ProofSettings:
    return await a_box("go")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return a_program(tmp_path, PROGRAM)


async def test_a_true_fix_is_proven_by_the_panic_that_it_mends(program: Path, settings: ProofSettings) -> None:
    """A test that only compiles with the patch is left out of its red."""
    fixed = FIXED + "\n// Lightest is the weight of nothing.\nfunc Lightest() int { return 0 }\n"
    further = "\nfunc TestLightest(t *testing.T) {\n\tif Lightest() != 0 {\n\t\tt.Fatal()\n\t}\n}\n"

    said = await judged(program, {"parcels.go": fixed, "empty_test.go": SHOWS + further}, settings, CRASH)

    assert said.evidence is not None, said.refused
    assert (said.evidence.tier, said.evidence.reproduced) == (Tier.E2, True)
    assert any("only compile with the patch" in flag for flag in said.evidence.flags)
    assert "TestAnEmptyParcelWeighsNothing failed before and passes now" in said.evidence.says
    assert said.evidence.red is not None
    assert "index out of range" in said.evidence.red.output


async def test_red_in_another_function_is_told(program: Path, settings: ProofSettings) -> None:
    elsewhere = Crash("panic", "assignment to entry in nil map", "parcels.go", "example.com/parcels.Describe2")

    said = await judged(program, {"parcels.go": FIXED, "empty_test.go": SHOWS}, settings, elsewhere)

    assert said.evidence is not None, said.refused
    assert (said.evidence.tier, said.evidence.reproduced) == (Tier.E2, False)
    assert any(flag.startswith("the test is red for another reason") for flag in said.evidence.flags)
    assert not any("only compile with the patch" in flag for flag in said.evidence.flags)
    assert "TestAnEmptyParcelWeighsNothing failed before and passes now" in said.evidence.says
    assert "Tests that passed before: 4" in said.evidence.says
    assert "the program that is tested prints there too" in said.evidence.says


SERVED = """\
package parcels

import (
	"log"
	"runtime/debug"
	"testing"
)

// Recovers from a panic as the server of net/http does.
func served(handler func() string) string {
	defer func() {
		if err := recover(); err != nil {
			log.Printf("http: panic serving 127.0.0.1:35922: %v\\n%s", err, debug.Stack())
		}
	}()
	return handler()
}

func TestAnEmptyParcelIsServed(t *testing.T) {
	served(func() string { panic("no tea") })
	log.Print("some servers tell of it so:\\npanic: no tea")
	if got := served(func() string { return Describe(Parcel{Label: "box"}) }); got != "box: 0 g" {
		t.Errorf("got %q", got)
	}
}
"""


OTHER_FIX = PARCELS.replace("strings.TrimSpace(parcel.Label)", 'strings.Trim(parcel.Label, " .")')
SERVED_BESIDE = (
    SERVED.partition("func TestAn")[0]
    + """\
func TestALabelLosesItsDot(t *testing.T) {
	served(func() string { return Describe(Parcel{Label: "box"}) })
	if got := Describe(Parcel{Label: "box.", Pieces: []int{1}}); got != "box: 1 g" {
		t.Errorf("got %q", got)
	}
}
"""
)


@pytest.mark.parametrize(("fixed", "test", "stays"), [(FIXED, SERVED, False), (OTHER_FIX, SERVED_BESIDE, True)])
async def test_a_panic_that_a_server_recovers_from_shows_the_failure_as_well(
    program: Path, settings: ProofSettings, fixed: str, test: str, stays: bool
) -> None:
    """Where the panic is recovered from with the patch, too, the test is red by something else, and that is said."""
    said = await judged(program, {"parcels.go": fixed, "served_test.go": test}, settings, CRASH)

    assert said.evidence is not None, said.refused
    assert (said.evidence.tier, said.evidence.reproduced) == (Tier.E2, True)
    assert (
        any(flag.startswith("with the patch panic is still raised in parcels.go") for flag in said.evidence.flags)
        is stays
    )


NOT_FIXES = {
    "comments alone": (
        {"parcels.go": PARCELS.replace("// Heaviest is", "// Heaviest tells")},
        "changes nothing that runs",
    ),
    "a log line alone": (
        {"parcels.go": PARCELS.replace("	heaviest := p", '	fmt.Println("weighing")\n	heaviest := p')},
        "changes nothing that runs",
    ),
    "the panic swallowed": ({"parcels.go": SWALLOWED}, "only makes the exception disappear"),
    "the panic swallowed, and a default": (
        {
            "parcels.go": SWALLOWED.replace("(parcel Parcel) int {", "(parcel Parcel) (weight int) {", 1).replace(
                "	return heaviest", "	weight = heaviest\n	return weight"
            )
        },
        "only dropping the exception makes the test pass",
    ),
    "a test removed": (
        {"parcels.go": FIXED, "parcels_test.go": WORKS[: WORKS.index("func TestDescribe")]},
        "is removed",
    ),
    "a test removed for another one like it, and what worked is broken": (
        {
            "parcels.go": FIXED.replace("piece > heaviest", "piece < heaviest"),
            "parcels_test.go": WORKS.replace("TestDescribe", "TestDescribeEmpty")
            .replace('Label: " tea ", Pieces: []int{250}', 'Label: " tea "')
            .replace("tea: 250 g", "tea: 0 g"),
        },
        "passed without the patch and not with it: TestDescribe (vanished), TestHeaviest (failed), TestHeaviest/one (failed)",
    ),
    "a test skipped": (
        {"parcels.go": FIXED, "parcels_test.go": WORKS.replace("	got := D", '	t.Skip("later")\n	got := D')},
        "skipped",
    ),
    "a test left out by a build tag": (
        {"parcels.go": FIXED, "parcels_test.go": f"//go:build slow\n\n{WORKS}"},
        "skipped",
    ),
    "a test loosened": (
        {"parcels.go": FIXED, "parcels_test.go": WORKS.replace('got != "tea: 250 g"', 'got == ""')},
        "asserts less exactly",
    ),
    "a test that leaves before it asks": (
        {
            "parcels.go": FIXED,
            "parcels_test.go": WORKS.replace(
                '	if got != "tea', '	if len(got) > 0 {\n		return\n	}\n	if got != "tea'
            ),
        },
        "TestDescribe can no longer fail",
    ),
    "a check that is none any more": (
        {"parcels.go": FIXED, "parcels_test.go": WORKS.replace("; got !=", "; false && got !=", 1)},
        "can no longer decide anything",
    ),
    "a test that asserts nothing": (
        {
            "parcels.go": FIXED,
            "empty_test.go": SHOWS.replace(
                'if got := Describe(Parcel{Label: "box"}); got != "box: 0 g" {\n		t.Errorf("got %q", got)\n	}',
                'Describe(Parcel{Label: "box"})',
            ),
        },
        "asserts no value",
    ),
    "half a fix": (
        {
            "parcels.go": PARCELS.replace(
                "	heaviest := p", "	if len(parcel.Pieces) == 0 {\n		return 1\n	}\n	heaviest := p"
            )
        },
        "still failing with the patch",
    ),
    "syntax that is none": ({"parcels.go": FIXED.replace("return heaviest", "return heaviest)")}, "does not compile"),
    "a test for what is not there yet": (
        {
            "parcels.go": FIXED + "\nfunc Lightest() int { return 0 }\n",
            "empty_test.go": SHOWS.replace("	if got", "	Lightest()\n	if got"),
        },
        "not compiled there",
    ),
}


@pytest.mark.parametrize("kind", NOT_FIXES)
async def test_what_is_no_fix_is_not_proven(kind: str, program: Path, settings: ProofSettings) -> None:
    changes, why = NOT_FIXES[kind]

    said = await judged(program, {"empty_test.go": SHOWS, **changes}, settings, CRASH)

    assert said.evidence is None
    assert why in said.refused, said.refused


async def test_a_program_that_writes_results_itself_proves_nothing(program: Path, settings: ProofSettings) -> None:
    forged = 'import (\n	"fmt"\n	"os"'
    prints = """
func init() {
	fmt.Println("=== RUN   TestAnEmptyParcelWeighsNothing")
	fmt.Println("--- PASS: TestAnEmptyParcelWeighsNothing (0.00s)")
	fmt.Println("PASS")
	os.Exit(0)
}
"""

    said = await judged(
        program,
        {"parcels.go": PARCELS.replace('import (\n	"fmt"', forged) + prints, "empty_test.go": SHOWS},
        settings,
        CRASH,
    )

    assert said.evidence is None


async def test_a_patch_without_a_test_keeps_what_passed(program: Path, settings: ProofSettings) -> None:
    said = await judged(program, {"parcels.go": FIXED}, settings, CRASH)

    assert said.evidence is not None
    assert said.evidence.tier is Tier.E1
    assert "no test shows that the failure is gone" in said.evidence.flags


NEEDS = {
    "go.mod": "module example.com/parcels\n\ngo 1.19\n\nrequire example.com/scale v1.0.0\n",
    "vendor/modules.txt": "# example.com/scale v1.0.0\n## explicit; go 1.19\nexample.com/scale\n",
    "vendor/example.com/scale/scale.go": "package scale\n\nfunc Grams() int { return 1 }\n",
    "parcels_test.go": """\
package parcels

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"example.com/scale"
)

func TestWritesIntoTheCache(t *testing.T) {
	seen := 0
	filepath.Walk(os.Getenv("GOCACHE"), func(path string, file os.FileInfo, err error) error {
		seen++
		if file.IsDir() && os.WriteFile(filepath.Join(path, "more"), []byte("bad"), 0o644) == nil {
			t.Errorf("a file in %s", path)
		}
		if !file.IsDir() && (os.WriteFile(path, []byte("bad"), 0o644) == nil || os.Remove(path) == nil) {
			t.Errorf("wrote %s", path)
		}
		return nil
	})
	if seen < 258 || scale.Grams() != 1 {
		t.Error("nothing there")
	}
	exec.Command("go", "clean", "-cache").Run()
}
""",
}


def compiled(folder: Path | None) -> dict[Path, bytes]:
    """What lies there and is no link to what the machine has."""
    found = folder.rglob("*-[ad]") if folder else ()
    return {path: path.read_bytes() for path in found if not path.is_symlink()}


async def test_what_is_needed_is_compiled_once_and_nothing_that_runs_can_write_there(
    tmp_path: Path, settings: ProofSettings
) -> None:
    assert settings.box is not None
    if not settings.box.shares_builds:
        pytest.skip("there are no namespaces here: allow unprivileged user namespaces")
    program = a_program(tmp_path, {**PROGRAM, **NEEDS})
    suite = Go().find_suite(program, {}, Machine(settings.box.interpreter))
    assert suite is not None
    building = suite.building(program)
    assert building is not None

    box = settings.in_box(settings.box).with_folders(suite.folders, suite.placed)
    async with sandbox.ground(box, program) as bare, sandbox.building(bare, building.prepare) as on:
        built = await sandbox.run(on, building.job)
        kept = compiled(on.box.built)
        results = building.suite.read(await sandbox.run(on, building.suite.job(program, {}, (), {})))
        after = compiled(on.box.built)

    assert built.run.exit_status == 0, built.run.output
    assert "TestWritesIntoTheCache" in results.passed, results.bad
    assert kept
    assert after == kept
