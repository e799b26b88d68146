"""Which frames are the project's, and the source around them, whatever kind of folder the project is in."""

import subprocess
from pathlib import Path

import pytest

from kintsugi.capture import CaptureError, locate
from kintsugi.workflow.payload import Failure, Frame, Raised

PRICING = "def total(cart):\n    first = 1\n    second = 2\n    return cart['discount']\n"


def failure_at(*frames: tuple[str, int]) -> Failure:
    made = tuple(Frame(path=path, line=line, function="f") for path, line in frames)
    return Failure(chain=(Raised(type="KeyError", frames=made),))


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", "-C", folder, *who, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def folder(tmp_path):
    """A plain folder with two files of the same name."""
    root = tmp_path / "project"
    for name in ("shop/pricing.py", "shop/util.py", "web/util.py", "main.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(PRICING)
    return root


@pytest.fixture
def repository(folder):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def own(failure: Failure) -> list[str | None]:
    return [frame.path if frame.in_project else None for frame in failure.final.frames]


def source(failure: Failure) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in failure.final.frames[0].source]


@pytest.mark.parametrize("kind", ["folder", "repository"])
def test_a_file_under_the_root_is_the_projects(kind, request):
    root = request.getfixturevalue(kind)

    located = locate(failure_at((f"{root}/shop/pricing.py", 4)), root, around=1)

    assert own(located) == ["shop/pricing.py"]
    assert source(located) == [(3, "    second = 2"), (4, "    return cart['discount']")]
    assert located.final.frames[0].code == "return cart['discount']"


def test_a_program_that_ran_elsewhere_is_found_by_the_end_of_its_paths(repository):
    failure = failure_at(("/srv/app/shop/pricing.py", 4), ("/srv/app/web/util.py", 1), (r"C:\app\shop\util.py", 2))

    assert own(locate(failure, repository)) == ["shop/pricing.py", "web/util.py", "shop/util.py"]


def test_a_name_that_fits_several_files_is_nobodys(repository):
    assert own(locate(failure_at(("/srv/app/util.py", 1)), repository)) == [None]


def test_a_bare_name_counts_only_where_the_line_reads_the_same(repository):
    def reported(code: str) -> Failure:
        frame = Frame(path="/elsewhere/pricing.py", line=4, code=code)
        return Failure(chain=(Raised(type="E", frames=(frame,)),))

    assert own(locate(reported("return cart['discount']"), repository)) == ["shop/pricing.py"]
    assert own(locate(reported("return something_else"), repository)) == [None]


@pytest.mark.parametrize(
    "path",
    [
        "/usr/lib/python3.11/shop/pricing.py",
        "/srv/app/.venv/lib/python3.11/site-packages/shop/pricing.py",
        "<frozen importlib._bootstrap>",
        "<string>",
        "node:internal/main",
        "../../etc/passwd",
        "nul\0byte.py",
        "/" + "long" * 2_000,
        "/",
        "",
    ],
)
def test_what_belongs_to_a_library_is_not_the_projects(repository, path):
    assert own(locate(failure_at((path, 1)), repository)) == [None]


def test_an_ignored_file_is_not_the_projects(repository):
    (repository / ".gitignore").write_text(".venv/\n")
    inside = repository / ".venv" / "shop.py"
    inside.parent.mkdir()
    inside.write_text(PRICING)

    assert own(locate(failure_at((str(inside), 1)), repository)) == [None]


def test_the_source_is_that_of_the_build(repository):
    sha = git(repository, "rev-parse", "HEAD").strip()
    (repository / "main.py").write_text("changed since\n" * 9)

    located = locate(failure_at(("/srv/app/main.py", 1)), repository, sha=sha[:10], around=0)

    assert source(located) == [(1, "def total(cart):")]


def test_of_an_unknown_build_the_work_tree_is_shown_as_it_lies(repository):
    (repository / "main.py").write_text("changed since\n")

    located = locate(failure_at(("/srv/app/main.py", 1)), repository, sha="f" * 40, around=0)

    assert source(located) == [(1, "changed since")]


def test_a_bare_repository_shows_its_newest_commit(repository, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare.git")

    located = locate(failure_at(("/srv/app/shop/pricing.py", 1)), tmp_path / "bare.git", around=0)

    assert source(located) == [(1, "def total(cart):")]


@pytest.mark.parametrize("options", [(), ("--bare",)])
def test_an_empty_repository_has_no_frames(tmp_path, options):
    git(tmp_path, "init", "-q", *options)

    assert own(locate(failure_at(("/srv/app/main.py", 1)), tmp_path)) == [None]


def test_a_folder_that_is_absent_is_said(tmp_path):
    with pytest.raises(CaptureError, match="There is no folder"):
        locate(failure_at(("main.py", 1)), tmp_path / "absent")


def test_a_link_out_of_the_project_is_not_read(folder, tmp_path):
    (tmp_path / "secret.py").write_text("outside\n")
    (folder / "link.py").symlink_to(tmp_path / "secret.py")

    located = locate(failure_at(("link.py", 1)), folder)

    assert "outside" not in located.model_dump_json()


def test_a_line_beyond_the_end_of_its_file_has_no_source(repository):
    located = locate(failure_at(("/srv/app/main.py", 400), ("main.py", 0)), repository)

    assert own(located) == ["main.py", "main.py"]
    assert source(located) == []


def test_a_folder_within_a_repository_is_a_plain_folder(repository):
    located = locate(failure_at(("/srv/app/pricing.py", 1)), repository / "shop")

    assert own(located) == ["pricing.py"]
