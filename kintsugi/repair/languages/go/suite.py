"""`go test` in the folder of a module, and reading what it tells."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from kintsugi.children import environment
from kintsugi.repair.languages import Building, Machine, Overlay, PlainSuite
from kintsugi.repair.languages.collected import Told, collecting, results
from kintsugi.repair.languages.files import content_of
from kintsugi.repair.languages.reports import inside, result
from kintsugi.repair.languages.results import Ending, Failure, Frame, Raised, Results, TestResult, short_name
from kintsugi.repair.sandbox import Job, Outcome
from kintsugi.repair.sandbox.room import BUILT
from kintsugi.telemetry import lazy_re as re

TEST = re.compile(rb"^func\s+((?:Test|Fuzz|Example)\w*)\s*\(", re.MULTILINE)
BUILD_FAILED = "a build failure"
_ASK_SECONDS = 20
_QUIET = ("-vet=off", "-count=1")
_REQUIRES = re.compile(rb"^require\b", re.MULTILINE)
_PANIC = re.compile(r"^\s*(?P<kind>panic|fatal error): (?P<message>.*?)(?: \[recovered\])?$", re.MULTILINE)
_GOROUTINE = re.compile(r"^goroutine \d+ .*:$", re.MULTILINE)
_PLACE = re.compile(r"^\s+(?P<path>\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$")
_CALL = re.compile(r"^(?P<function>\S+?)\((?:[^()]|\([^()]*\))*\)$")
_BUILD_ERROR = re.compile(r"^(?:vet: )?(?P<path>[^\s:]+\.go):(?P<line>\d+):(?:\d+:)? (?P<message>.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What `go env` says: folders of this machine."""

    go: str
    root: Path
    cache: Path
    modules: Path
    is_built: bool = False  # whether a cache of the proof's own is read instead

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(folder for folder in (self.root, self.cache, self.modules) if folder.is_dir())

    @property
    def environment(self) -> dict[str, str]:
        """No module and no other Go is fetched. Without an index of packages, as that would have to be written."""
        own = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GODEBUG": "goindex=0"}
        own |= {"GOMODCACHE": str(self.modules)} if self.modules.is_dir() else {}
        cache = BUILT if self.is_built else str(self.cache) if self.cache.is_dir() else ""
        own |= {"GOCACHE": cache} if cache else {}
        return own | {"PATH": f"{self.root}/bin:/usr/local/bin:/usr/bin:/bin", "GOROOT": str(self.root)}


@lru_cache
def tools() -> Toolchain | None:
    """The Go on this machine's PATH, as it describes itself; None where there is none."""
    go = shutil.which("go")
    if go is None:
        return None
    asked = subprocess.run(
        [go, "env", "-json", "GOROOT", "GOCACHE", "GOMODCACHE"],
        capture_output=True,
        text=True,
        timeout=_ASK_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment({"GOTOOLCHAIN": "local"}),
    )
    if asked.returncode != 0:
        return None
    told = json.loads(asked.stdout)
    root, cache, modules = (Path(told[name]) for name in ("GOROOT", "GOCACHE", "GOMODCACHE"))
    return Toolchain(str(root / "bin" / "go"), root.resolve(), cache, modules)


@dataclass(frozen=True, slots=True)
class GoSuite(PlainSuite):
    """`go test` in the folder of a module. `tests` are files by their folder and function."""

    files: tuple[str, ...]
    machine: Machine
    tools: Toolchain
    folder: str
    module: str
    tests: Mapping[tuple[str, str], str]
    arguments: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("./...",)

    @property
    def takes_files(self) -> bool:
        return True

    @property
    def says(self) -> str:
        return " ".join(("go test", *self.arguments, *self.packages))

    @property
    def knows(self) -> str:
        return (
            "Tests are told apart by what `go test` prints; the program that is tested prints there too, so that it "
            "could write a result itself."
        )

    @property
    def folders(self) -> tuple[Path, ...]:
        return self.tools.folders

    def related(self, tree: Path, changes: Overlay, changed: Sequence[str]) -> tuple[str, ...]:
        folders = {folder_of(path) for path in changed}
        return tuple(path for path in self.files if folder_of(path) in folders)

    def chosen(self, files: Sequence[str], tree: Path, changes: Overlay) -> tuple[str, ...]:
        return tuple(files)

    def job(self, tree: Path, changes: Overlay, files: Sequence[str], crash: Mapping[str, object]) -> Job:
        names = sorted({name for path in files for name in _names(content_of(path, tree, changes))})
        command = (self.tools.go, "test", "-json", *_QUIET, *self.arguments, *self._what(files, names))
        python, variables = self.machine.interpreter.python, self.tools.environment
        return collecting(python, command, changes, form="go", folder=self.folder, environment=variables)

    def building(self, tree: Path) -> Building | None:
        """All that the tests need, each test program started as `true`: nothing of the tree is run.

        Not for packages of the project alone: that would save less than it takes where a patch is refused early.
        """
        has_standard = any(self.tools.root.glob("pkg/*/fmt.a"))  # from Go 1.20 on it is compiled like anything else
        top = PurePosixPath(self.folder)
        needs = _REQUIRES.search(content_of(str(top / "go.mod"), tree, {}))
        if "-args" in self.arguments or (has_standard and not needs):
            return None
        suite = replace(self, tools=replace(self.tools, is_built=True))
        command = (self.tools.go, "test", *_QUIET, *self.arguments, "-exec", "true", *self.packages)
        python, variables = self.machine.interpreter.python, suite.tools.environment
        job = collecting(python, command, {}, folder=self.folder, environment=variables)
        # What is compiled of a folder fits that folder alone: of the tree's own the machine has nothing.
        is_own = has_standard and (tree / top / "vendor" / "modules.txt").is_file()
        return Building(replace(job, builds=True), suite, partial(_begun, None if is_own else self.tools.cache))

    def shown(self, files: Sequence[str]) -> tuple[str, ...]:
        names = sorted({name for (_, name), path in self.tests.items() if path in files})
        return ("go", "test", *self.arguments, *self._what(files, names))

    def _what(self, files: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
        if not files:
            return self.packages
        folders = sorted({_relative(folder_of(path), self.folder) for path in files})
        return ("-run", f"^({'|'.join(names)})$", *folders)

    def read(self, outcome: Outcome) -> Results:
        return results(outcome, self._results)

    def _results(self, told: Told) -> Iterator[TestResult]:
        ended = [event for event in told.events if event[2]]
        failed_in = {package for action, package, _, _ in ended if action != "pass"}
        for action, package, test, printed in ended:
            folder = self._folder_of(package)
            file = self.tests.get((folder, test.partition("/")[0]), "")
            ending = {"pass": Ending.PASSED, "skip": Ending.SKIPPED, "fail": Ending.FAILED}.get(action, Ending.ERROR)
            id = test if folder == "." else f"{folder}::{test}"
            ended_so = result(id, file, ending, _failure(printed, told.tree))
            yield replace(ended_so, answered=_recovered(printed, told.tree))
        for action, package, test, printed in told.events:
            if test or action not in ("fail", "cut"):
                continue
            folder = self._folder_of(package)
            if "[build failed]" in printed or "[setup failed]" in printed:
                failure = _build_failure(told, package)
                for path in [path for path in self.files if folder_of(path) == folder]:
                    yield result(path, path, Ending.UNCOLLECTED, failure)
            elif package not in failed_in:
                yield result(f"{folder}::the whole package", "", Ending.ERROR, _failure(printed, told.tree))

    def _folder_of(self, package: str) -> str:
        inner = package.removesuffix(".test").removeprefix(self.module).strip("/")
        return str(PurePosixPath(self.folder) / inner)


def _begun(cache: Path | None, built: Path) -> None:
    """Begin a cache of builds with links to all that this machine's own has, which a box can only read."""
    for folder in cache.glob("[0-9a-f][0-9a-f]") if cache else ():
        (built / folder.name).mkdir()
        for file in folder.iterdir():
            (built / folder.name / file.name).symlink_to(file)
    (built / "trim.txt").write_text(f"{time.time():.0f}")  # as swept just now, so that no link is taken for old


def folder_of(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _relative(folder: str, top: str) -> str:
    inner = folder if top == "." else folder.removeprefix(top).strip("/") or "."
    return f"./{inner}" if inner != "." else "."


def _names(content: bytes) -> list[str]:
    return [name.decode() for name in TEST.findall(content)]


def _build_failure(told: Told, package: str) -> Failure:
    built = [text for action, name, _, text in told.events if action == "build-fail" and name.startswith(package)]
    text = "\n".join(built) or told.errors
    found = list(_BUILD_ERROR.finditer(text))
    frames = tuple(Frame(each["path"].removeprefix("./"), int(each["line"]), "") for each in reversed(found))
    return Failure(BUILD_FAILED, text.strip()[-2000:], assertion=False, frames=frames)


def _failure(printed: str, tree: str) -> Failure:
    """What a failing test printed: the stack of its panic, or its own words; and the panics that a server recovered."""
    panics = list(_PANIC.finditer(printed))
    stacks = _GOROUTINE.split(printed)[1:]
    recovered = _recovered(printed, tree)
    if panics and stacks:
        frames = _frames(stacks[0], tree)
        return Failure(panics[0]["kind"], panics[0]["message"], assertion=False, frames=frames, causes=recovered)
    said = "\n".join(line for line in printed.splitlines() if not line.lstrip().startswith(("===", "---")))
    return Failure("Failed", said.strip()[-2000:], assertion=True, frames=(), causes=recovered)


def _recovered(printed: str, tree: str) -> tuple[Raised, ...]:
    stacks = _GOROUTINE.split(printed)[1:]
    return tuple(Raised("panic", _frames(stack, tree)) for stack in stacks if "\npanic(" in stack)


def _frames(stack: str, tree: str) -> tuple[Frame, ...]:
    """The project's steps, the innermost last; what stands above the call of panic belongs to who recovered."""
    found: list[Frame] = []
    function = ""
    for line in stack.strip("\n").split("\n"):
        if not line or line.startswith("exit status"):
            break
        if place := _PLACE.match(line):
            path = inside(tree, place["path"])
            if function == "panic":
                found = []
            elif path:
                found.append(Frame(path, int(place["line"]), short_name(function)))
        else:
            called = _CALL.match(line.removeprefix("created by "))
            function = called["function"] if called else line
    return tuple(reversed(found))


def all_test_names(path: str, tree: Path, overlay: Overlay) -> list[str]:
    return _names(content_of(path, tree, {})) + _names(content_of(path, tree, overlay))


def module_of(paths: Sequence[str], tree: Path, overlay: Overlay) -> str | None:
    """The folder of the go.mod that most of these files belong to."""
    found: Counter[str] = Counter()
    for path in paths:
        folders = [str(folder) for folder in PurePosixPath(path).parents]
        mine = (folder for folder in folders if content_of(str(PurePosixPath(folder) / "go.mod"), tree, overlay))
        if (folder := next(mine, None)) is not None:
            found[folder] += 1
    return found.most_common(1)[0][0] if found else None
