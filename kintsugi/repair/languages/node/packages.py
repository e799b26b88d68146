"""What package.json and the folder around it say of a project's tests."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from kintsugi.repair.languages import Machine, Overlay
from kintsugi.repair.languages.files import content_of, files_of
from kintsugi.repair.languages.node.calls import ENDINGS, TEST_NAME
from kintsugi.repair.languages.node.runners import RUNNERS, Runner
from kintsugi.telemetry import lazy_re as re

_WRAPPERS = {"npx", "c8", "nyc", "cross-env", "dotenv", "env", "time", "yarn", "pnpm", "bunx", "exec", "run", "--"}
_RUNS_SCRIPTS = {"npm", "pnpm", "yarn", "bun", "run-s", "npm-run-all", "run-p"}
_SEPARATORS = re.compile(r"\s*(?:&&|\|\||;)\s*")
_ASSIGNMENT = re.compile(r"^\w+=")


def package_of(folder: str, tree: Path, overlay: Overlay) -> Mapping[str, Any]:
    try:
        found = json.loads(content_of(str(PurePosixPath(folder) / "package.json"), tree, overlay) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def scripts_of(package: Mapping[str, Any]) -> Mapping[str, str]:
    scripts = package.get("scripts")
    return {name: text for name, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {}


def listed_in(package: Mapping[str, Any]) -> Mapping[str, str]:
    """The packages that it asks for, each with the releases it takes."""
    kinds = [package.get(kind) for kind in ("devDependencies", "dependencies")]
    found = {name: of for kind in kinds if isinstance(kind, dict) for name, of in kind.items()}
    return {name: of for name, of in found.items() if isinstance(of, str)}


def package_folders(paths: Sequence[str], tree: Path, overlay: Overlay) -> list[str]:
    """The folders of the package.json files that the patch belongs to, most of it first, then the top."""
    found: Counter[str] = Counter()
    for path in paths:
        folders = [str(folder) for folder in PurePosixPath(path).parents]
        mine = next(
            (one for one in folders if content_of(str(PurePosixPath(one) / "package.json"), tree, overlay)), None
        )
        if mine is not None:
            found[mine] += 1
    return list(dict.fromkeys((*(folder for folder, _ in found.most_common()), ".")))


def runner_of_package(folder: str, tree: Path, overlay: Overlay) -> tuple[Runner | None, tuple[str, ...]]:
    """The runner that the test script names, else one that is listed, else Node's own where a test asks for it."""
    package = package_of(folder, tree, overlay)
    scripts = scripts_of(package)
    for name in ("test", "test:unit", "unit", "tests-only"):
        if name in scripts and (found := _of_script(scripts[name], scripts, 0)):
            return found
    listed = listed_in(package)
    for name in ("vitest", "jest", "mocha", "jasmine", "ava", "tap", "tape"):
        if name in listed:
            return RUNNERS[name], ()
    asks = re.compile(rb"['\"](?:node:test)['\"]")
    own = "" if folder == "." else f"{folder}/"
    paths = {*(f"{own}{path}" for path in files_of(tree / folder, ENDINGS)), *overlay}
    tested = any(
        asks.search(content_of(path, tree, overlay))
        for path in paths
        if path.startswith(own) and (TEST_NAME.search(path) or "test" in path.removeprefix(own))
    )
    return (RUNNERS["node"], ()) if tested else (None, ())


def as_listed(runner: Runner, package: Mapping[str, Any]) -> Runner:
    """The runner as the release of it that a package lists wants to be called."""
    release = re.search(r"\d{1,9}", listed_in(package).get(runner.program, ""))
    old = runner.program == "tap" and release is not None and int(release[0]) < 18
    return replace(runner, before=("--reporter=tap", "--no-coverage")) if old else runner


def _of_script(script: str, scripts: Mapping[str, str], depth: int) -> tuple[Runner, tuple[str, ...]] | None:
    for part in _SEPARATORS.split(script):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        if found := runner_of_words(words, scripts, depth):
            return found
    return None


def runner_of_words(words: list[str], scripts: Mapping[str, str], depth: int) -> tuple[Runner, tuple[str, ...]] | None:
    """The runner in a command, whatever is wrapped around it; scripts that it names are followed."""
    for at, word in enumerate(words):
        name = PurePosixPath(word).name.removesuffix(".js").removesuffix(".mjs").removesuffix(".cmd").removeprefix("_")
        rest = words[at + 1 :]
        if name in ("node", "tsx") and "--test" in rest:
            own = ["--import=tsx"] if name == "tsx" else []
            return RUNNERS["node"], tuple(
                own + [one for one in rest if one != "--test" and not one.startswith("--test-reporter")]
            )
        if name in RUNNERS and name != "node":
            return RUNNERS[name], tuple(rest)
        if name in _RUNS_SCRIPTS and depth < 5:
            for one in rest:
                if one in scripts and (found := _of_script(scripts[one], scripts, depth + 1)):
                    return found
        if not (
            _ASSIGNMENT.match(word)
            or word.startswith("-")
            or name in _WRAPPERS
            or name == "node"
            or word.endswith(".js")
        ):
            return None
    return None


def options_of(words: Sequence[str], runner: Runner, folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The project's own options, without those that report or wait, and the paths that its script names."""
    options: list[str] = []
    paths: list[str] = []
    words = [word for word in words if word not in ("run", "--")]
    skip = False
    for before, word in zip(("", *words), words, strict=False):
        if skip:
            skip = False
            continue
        if runner.drops.fullmatch(word):
            skip = word in ("--reporter", "-R", "--reporters")
            continue
        is_path = not word.startswith("-") and ("*" in word or (folder / word).exists()) and before not in _TAKE_A_FILE
        paths += _expanded(word, runner, folder) if is_path else []
        options += [] if is_path else [word]
    return tuple(options), tuple(paths)


_TAKE_A_FILE = {
    "--require",
    "-r",
    "--config",
    "-c",
    "--import",
    "--loader",
    "--experimental-loader",
    "--setup",
    "--root",
}
_TAKE_A_FILE |= {
    "--setupFiles",
    "--dir",
    "--project",
    "--opts",
    "--file",
    "--extension",
    "--ext",
    "--rootDir",
    "--spec",
}


def _expanded(word: str, runner: Runner, folder: Path) -> list[str]:
    """What a shell would make of a pattern; runners of patterns get them as they are."""
    if runner.program in ("mocha", "jest", "vitest", "ava", "tap") or "*" not in word:
        return [word]
    return sorted(found.relative_to(folder).as_posix() for found in folder.glob(word.removeprefix("./")))


def installed_for(tree: Path, machine: Machine) -> tuple[tuple[Path, str], ...]:
    """The node_modules of this machine for each package of the tree that has one."""
    if machine.dependencies is None:
        return ()
    folders = [
        str(PurePosixPath(path).parent) for path in files_of(tree, ("package.json",)) if path.endswith("package.json")
    ]
    found = []
    for folder in dict.fromkeys((".", *folders)):
        path = str(PurePosixPath(folder) / "node_modules")
        if (machine.dependencies / path).is_dir() and not (tree / path).exists():
            found.append((machine.dependencies / path, path))
    return tuple(found)


def loader_of(runner: Runner, folder: str, machine: Machine) -> tuple[str, ...]:
    """From 6.1 on Vite writes its settings into node_modules before it loads them, unless it is told to run them."""
    if runner.program != "vitest" or machine.dependencies is None:
        return ()
    files = (machine.dependencies / one / "node_modules" / "vite" / "package.json" for one in (folder, "."))
    for file in files:
        found = re.search(r'"version":\s*"(\d+)\.(\d+)', file.read_text("utf-8")) if file.is_file() else None
        if found:
            return ("--configLoader=runner",) if (6, 1) <= (int(found[1]), int(found[2])) < (9, 0) else ()
    return ()
