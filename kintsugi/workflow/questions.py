"""The second question, before production changes: what runs, what will run, how old it is, what else goes with it.

A question is a value; each surface shows it in its own way. Its title names what will happen and where, its button
repeats it, and `answer` stands for what was shown: where that changed before somebody said yes, they are asked anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from kintsugi.workflow.commits import is_same
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.incident import Incident, Patch, PullRequest
from kintsugi.workflow.names import Effect, State
from kintsugi.workflow.ports import Clock, Store
from kintsugi.workflow.production import MOST_COMMITS, Commit, Plan, Production, Swap
from kintsugi.workflow.times import roughly
from kintsugi.workflow.triggers import Command, Confirmed, Fixed, Retried

_LISTED = 10  # commits
_A_PAGE, _FIXES = 200, 2_000  # incidents whose fix may go with a rollback, of each state


@dataclass(frozen=True, slots=True)
class Question:
    """What will happen, before it does. `facts` are names and values, `lines` stand below `heading`."""

    title: str
    facts: tuple[tuple[str, str], ...]
    heading: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    button: str
    answer: str
    given: str = ""  # what was typed, as it was found: the answer comes with it
    diff: str = ""  # the patch that would be pushed


class Questions:
    """Makes them. `environment` is where things are deployed to, in the settings' own word."""

    def __init__(self, store: Store, clock: Clock, production: Callable[[], Production], environment: str) -> None:
        self._store, self._clock, self._production, self._environment = store, clock, production, environment

    async def before(self, incident: Incident, command: Command) -> Question:
        """What this would do now to the incident. Raises Refusal where there is nothing to ask about."""
        match command:
            case Confirmed() if incident.patch:
                return before_the_push(incident, incident.patch)
            case Fixed(fix=PullRequest() as fix):
                return await self._following(incident, fix)
            case Retried() if incident.stuck and incident.stuck.effect is Effect.DEPLOY:
                return await self._again(incident)
            case _:
                return await self._rollback(incident)

    async def fix(self, named: str) -> PullRequest:
        """A human's fix that is named so. Raises Refusal where there is none, StepFailed."""
        return await self._production().fix(named)

    async def _following(self, incident: Incident, fix: PullRequest) -> Question:
        """What following a human's fix will do."""
        commit, now = fix.merged_as or fix.head, self._clock.now()
        merged = "merged" if fix.merged_as else "open: it is followed until it is merged"
        deploys = "Kintsugi asks for its deployment, where nothing else deploys it."
        waits = "Kintsugi only waits for its deployment, as you may not deploy."
        return Question(
            f"{incident.name}: follow {fix.name} as its fix?",
            (
                ("Commit", _named(commit, await self._production().known(commit), now)),
                ("It is", merged),
                ("Then", deploys if fix.deploys else waits),
            ),
            "",
            (),
            (),
            f"Follow {fix.name}",
            _bound("fixed", str(incident.id), commit, str(fix.number)),
            given=f"#{fix.number}" if fix.number else commit,
        )

    async def _rollback(self, incident: Incident) -> Question:
        taken_back = incident.taken_back
        if taken_back is None or not taken_back.previous:
            raise Refusal(f"{incident.name}: what ran before is not known, so there is nothing to go back to.")
        swap = await self._production().swap(taken_back.previous, now=taken_back.runs or taken_back.commit)
        now, (lines, more) = self._clock.now(), _listed(swap.undone)
        return Question(
            f"{incident.name}: roll back {self._environment} to {swap.then[:7]}?",
            (
                ("Runs now", _named(swap.now, swap.now_commit, now)),
                ("Will run", _named(swap.then, swap.then_commit, now)),
                *((("Brought by", incident.brought_by.words),) if incident.brought_by else ()),
            ),
            f"Undone with it{more}:" if lines else "",
            lines,
            (*_warnings(swap), *await self._fixes(incident, swap)),
            f"Roll back to {swap.then[:7]}",
            _bound("rollback", str(incident.id), swap.now, swap.then),
        )

    async def _again(self, incident: Incident) -> Question:
        assert incident.stuck
        merge = incident.merge_sha or ""
        swap = await self._production().swap(merge, now="")
        now, (lines, more) = self._clock.now(), _listed(swap.brought)
        return Question(
            f"{incident.name}: deploy {merge[:7]} to {self._environment} again?",
            (
                ("It failed", incident.stuck.why),
                ("Runs now", _named(swap.now, swap.now_commit, now)),
                ("Will run", _named(swap.then, swap.then_commit, now)),
            ),
            f"New since then{more}:" if lines else "",
            lines,
            _warnings(swap),
            f"Deploy {merge[:7]} again",
            _bound("retry", str(incident.id), swap.now, swap.then),
        )

    async def _fixes(self, incident: Incident, swap: Swap) -> list[str]:
        """Whose fixes go with it."""
        if incident.merge_sha is None:
            return [f"{incident.name} goes on: once its fix is merged, that is deployed as ever."]
        gone = {commit.sha for commit in swap.undone}
        fixed = [await self._fixed(state) for state in (State.MERGED, State.DEPLOYED, State.HEALED)]
        others = [other.name for each in fixed for other in each if other.merge_sha in gone and other.id != incident.id]
        own = [incident.name] if incident.merge_sha in gone or not swap.known else []
        cut = len(swap.undone) >= MOST_COMMITS or any(len(each) >= _FIXES for each in fixed)
        more = "More fixes may go too: only the newest commits and incidents were looked at."
        return [*_fixes_go(own + others), *([more] if cut else [])]

    async def _fixed(self, state: State) -> list[Incident]:
        """The newest _FIXES in this state."""
        found: list[Incident] = []
        while len(found) < _FIXES:
            before = found[-1].id if found else None
            page = await self._store.incidents(state, limit=_A_PAGE, before=before)
            found += page
            if len(page) < _A_PAGE:
                break
        return found


def before_a_deploy(plan: Plan, environment: str, now: datetime) -> Question:
    """What a deployment of the newest commit would do."""
    lines, more = _listed(plan.changes)
    return Question(
        f"Deploy {plan.commit[:7]} to {environment}?",
        (("Runs now", _named(plan.running, plan.runs, now)), ("Will run", _named(plan.commit, plan.newest, now))),
        f"New since then{more}:" if lines else "",
        lines,
        () if plan.running else ("Nobody knows what runs now, so Kintsugi cannot list what is new.",),
        f"Deploy {plan.commit[:7]}",
        _bound("deploy", plan.commit, plan.running),
    )


def before_the_push(incident: Incident, patch: Patch) -> Question:
    """Exactly what would be pushed."""
    diagnosis, evidence = incident.diagnosis, incident.evidence
    facts = [
        ("Fixes", (diagnosis.title or diagnosis.cause) if diagnosis else incident.summary),
        ("On", patch.base[:12]),
    ]
    facts += [("Proof", f"{evidence.tier.spoken}: {evidence.says}")] if evidence else []
    return Question(
        f"{incident.name}: push this patch and open its pull request?",
        tuple(facts),
        "The patch:",
        (),
        (*(evidence.flags if evidence else ()), *([incident.since_shown] if incident.since_shown else [])),
        "Push this patch",
        incident.ask.shown if incident.ask else "",
        diff=patch.diff,
    )


def changed(question: Question) -> Question:
    """The same, to whoever said yes to another one."""
    return replace(question, warnings=("This changed since it was shown to you. Nothing was done.", *question.warnings))


def _fixes_go(names: Sequence[str]) -> list[str]:
    if len(names) > 1:
        return [f"The fixes of {', '.join(names)} go too: their failures can come back."]
    return [f"The fix of {name} goes too: its failure can come back." for name in names]


def _named(sha: str, commit: Commit | None, now: datetime) -> str:
    """A commit by its name, title and age."""
    if not sha:
        return "not known"
    if commit is None or not commit.sha.startswith(sha):
        return f"{sha[:12]} (how old it is, is not known here)"
    return f"{sha[:12]} “{commit.title}”, {roughly(max(now - commit.at, timedelta()))} old"


def _warnings(swap: Swap) -> tuple[str, ...]:
    """What is not known for sure."""
    if not swap.now:
        return ("Nobody knows what runs now, so Kintsugi cannot list what changes.",)
    says = []
    if not swap.asked:
        says.append("The program does not say what it runs; this is what was deployed last, as far as it is known.")
    elif is_same(swap.now, swap.then):
        says.append("It runs already.")
    if not swap.known:
        says.append("What else changes with it is not known: one of the two commits is not at hand here.")
    return tuple(says)


def _listed(commits: Sequence[Commit]) -> tuple[tuple[str, ...], str]:
    """The titles of the newest commits, and how many there are where that are more."""
    many = f"{MOST_COMMITS} or more" if len(commits) >= MOST_COMMITS else len(commits)
    more = f" (the newest {_LISTED} of {many} commits)" if len(commits) > _LISTED else ""
    return tuple(f"{commit.sha[:7]} {commit.title}" for commit in commits[:_LISTED]), more


def _bound(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:16]
