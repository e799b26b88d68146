"""The five tools with which a model looks at a program: at the tracked files of one commit, and nothing else.

What is found and read comes from git's objects, never from a folder, so that no link and no path leads out. Code is
redacted as code, other text as text. Tests run in the box, and what is proposed goes through policy and proof.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from kintsugi.integrations.git import Git, GitError
from kintsugi.integrations.model.looking import Found
from kintsugi.integrations.model.reply import Fix
from kintsugi.integrations.workbench import Workbench
from kintsugi.repair.context import ContextError, WordIndex, index_of
from kintsugi.telemetry.redact import redact_source
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Category, Diagnosis, NewFile
from kintsugi.workflow.patch import Edit
from kintsugi.workflow.ports import Case, PatchUnproven, Progress

_SHORTEST, _LONGEST = 2, 200  # characters of what is looked for
_MOST_HITS, _IN_A_FILE = 80, 10
_SEVERAL, _MOST_LIKELY = 2, 12  # words, from which on functions are found by them; and how many
_WIDEST = 300  # characters of a line
_LINES = 400
_LARGEST = 2_000_000  # bytes of a file
_END_OF_OUTPUT = 6_000  # characters
_LINK, _SUBMODULE = "120000", "160000"


class LookTools:
    """For one case. `branch` is read where the repository does not know the failing build."""

    def __init__(self, git: Git, branch: str, workbench: Workbench, case: Case, redact: Callable[[str], str]) -> None:
        self._git, self._branch, self._workbench, self._case, self._redact = git, branch, workbench, case, redact
        self._index: WordIndex | None = None

    async def find(self, text: str) -> Found:
        """The lines that hold a piece of text, whatever their case; of several words also where each stands alone."""
        return await self._looked(self._find, text)

    async def read(self, path: str, first: int | None, last: int | None) -> Found:
        """Lines of a file, numbered from 1."""
        return await self._looked(self._read, path, first, last)

    async def list(self, folder: str) -> Found:
        """The names in a folder; those of folders end with a slash."""
        return await self._looked(self._list, folder)

    async def run(self, path: str, fix: Fix | None, progress: Progress) -> Found:
        """The tests of a file, with the change or without."""
        try:
            diagnosis = self._proposed(fix) if fix else None
            run = await self._workbench.run(self._case.incident, diagnosis, path, progress)
        except PatchUnproven as unproven:
            return Found(self._redact(f"Nothing was run. {unproven}"))
        except StepFailed as failed:
            return Found(self._redact(f"Nothing was run. {failed}"))
        with_it = "with your last change" if fix else "without any change"
        status = "was stopped" if run.exit_status is None else f"ended with status {run.exit_status}"
        said = f"`{' '.join(run.command)}` {with_it} {status} after {run.seconds:.1f} s:\n"
        return Found(self._redact(said + run.output[-_END_OF_OUTPUT:]))

    async def propose(self, fix: Fix, progress: Progress) -> Found:
        """A change, held against the policy and proven."""
        diagnosis = self._proposed(fix)
        if not diagnosis.edits:
            return Found("There are no edits in `fix`.")
        case = replace(self._case, incident=self._case.incident.but(diagnosis=diagnosis))
        try:
            evidence = await self._workbench.try_out(case, progress)
        except PatchUnproven as unproven:
            end = f"\n{unproven.output[-_END_OF_OUTPUT:]}" if unproven.output else ""
            return Found(self._redact(f"Refused. {unproven}{end}"))
        except StepFailed as failed:
            return Found(self._redact(f"It could not be tried. {failed}"))
        holds = "It holds" if evidence.tier.proves else "It is not proven"
        return Found(self._redact(f"{holds}: {evidence.tier.spoken}. {evidence.says}"), accepted=True)

    def _proposed(self, fix: Fix) -> Diagnosis:
        test = fix.regression_test
        return Diagnosis(
            cause=fix.title,
            explanation="",
            category=Category.CODE,
            probability=0.0,
            edits=tuple(Edit(edit.path, edit.search, edit.replace, edit.occurrence) for edit in fix.edits),
            regression_test=NewFile(test.path, test.content) if test else None,
        )

    async def _looked(self, look: Callable[..., str], *asked: object) -> Found:
        try:
            return Found(await asyncio.to_thread(look, *asked))
        except (GitError, ValueError) as error:  # the latter for text that no program can be handed
            return Found(self._redact(f"That cannot be looked at: {str(error)[:_WIDEST]}"))

    @property
    def _commit(self) -> str:
        build = self._case.incident.build_sha or self._case.payload.build.sha or ""
        commit = self._git.resolve(build) if build else None
        commit = commit or self._git.resolve(f"refs/heads/{self._branch}")
        if commit is None:
            raise GitError("the repository has no commit")
        return commit

    def _find(self, text: str) -> str:
        wanted = text.strip("\n")
        if not _SHORTEST <= len(wanted) <= _LONGEST or "\n" in wanted:
            return f"Give one line of text, of {_SHORTEST} to {_LONGEST} characters."
        commit = self._commit
        flags = ("-z", "-n", "-I", "-i", "-F", "--no-color", "--full-name", "--no-recurse-submodules")
        try:
            hits = _hits(self._git.run("grep", *flags, "-e", wanted, commit).decode("utf-8", "replace"), commit)
        except GitError as error:  # a clone may lack some of its files
            none = "grep failed" in str(error)  # what it says where no line holds it
            hits = "No line of a tracked file holds that." if none else f"Not all was searched: {str(error)[:_WIDEST]}"
        return self._redact("\n".join([hits, *self._likely(wanted, commit)]))

    def _likely(self, wanted: str, commit: str) -> Sequence[str]:
        """The functions that speak of several words, where they need not stand side by side."""
        if len(wanted.split()) < _SEVERAL:
            return []
        try:
            self._index = self._index or index_of(self._git.directory, commit)
        except ContextError:
            return []
        best = [one.unit for one in self._index.ranked(wanted)[:_MOST_LIKELY]]
        return ["Most likely, by these words:", *(f"{each.path}:{each.start}-{each.end} {each.name}" for each in best)]

    def _read(self, path: str, first: int | None, last: int | None) -> str:
        name = path.strip().removeprefix("./")
        mode, kind = self._entry(name)
        if not kind:
            return "There is no such file. `list` tells what there is."
        if kind == "tree":
            return "That is a folder: `list` it."
        if mode in (_LINK, _SUBMODULE):
            return "That is a link or another repository, which is not followed."
        content = self._git.file(self._commit, name) or b""
        if len(content) > _LARGEST or b"\0" in content:
            return "That is binary, or too large to read. `find` tells where something stands in it."
        lines = redact_source(content.decode("utf-8", "replace"), name).splitlines()
        begin = max(first or 1, 1)
        if begin > len(lines):
            return f"{name} has {len(lines)} lines."
        end = min(last if last and last >= begin else len(lines), begin + _LINES - 1, len(lines))
        shown = (f"{number}\t{lines[number - 1][:_WIDEST]}" for number in range(begin, end + 1))
        return f"{name}, lines {begin} to {end} of {len(lines)}:\n" + "\n".join(shown)

    def _list(self, folder: str) -> str:
        name = folder.strip().removeprefix("./").strip("/")
        if name and self._entry(name)[1] != "tree":
            return "There is no such folder."
        listed = self._git.run("ls-tree", "-z", f"{self._commit}:{name}").decode("utf-8", "replace")
        entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
        return self._redact("\n".join(f"{path}/" if " tree " in about else path for about, _, path in entries))

    def _entry(self, path: str) -> tuple[str, str]:
        """Mode and kind of what the commit has at this path; empty where it has nothing."""
        parts = path.split("/")
        if not path or path.startswith("/") or any(part in ("", ".", "..") for part in parts):
            return "", ""
        said = self._git.read("ls-tree", "-z", self._commit, "--", path, env={"GIT_LITERAL_PATHSPECS": "1"})
        about = said.partition("\t")[0].split()
        return (about[0], about[1]) if len(about) == 3 else ("", "")


def _hits(said: str, commit: str) -> str:
    """`path:line: text` of the first lines that were found, few of each file."""
    shown: list[str] = []
    by_file: dict[str, int] = {}
    found = 0
    for line in said.splitlines():
        path, _, rest = line.removeprefix(f"{commit}:").partition("\0")
        number, _, text = rest.partition("\0")
        found += 1
        by_file[path] = by_file.get(path, 0) + 1
        if by_file[path] <= _IN_A_FILE and len(shown) < _MOST_HITS:
            shown.append(f"{path}:{number}: {text.strip()[:_WIDEST]}")
    more = f"\n… and {found - len(shown)} lines more, in {len(by_file)} files in all" if found > len(shown) else ""
    return "\n".join(shown) + more
