"""The second question claims no more than is known, and its answer is good for what was shown alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.incident import Incident, Stuck
from kintsugi.workflow.production import MOST_COMMITS, Commit, Production
from kintsugi.workflow.questions import Question, Questions
from kintsugi.workflow.states import Effect, State
from tests.world.make import HEAD, MERGE, NOON, a_trigger, an_incident
from tests.world.ports import GOOD, ScriptedDeployer, ScriptedHost
from tests.world.world import World


@dataclass
class History:
    """A line of commits, the newest first; nothing else is known."""

    commits: tuple[Commit, ...]

    async def between(self, old: str, new: str) -> tuple[Commit, ...]:
        names = [commit.sha for commit in self.commits]
        return self.commits[names.index(new) : names.index(old)] if {old, new} <= set(names) else ()

    async def known(self, sha: str) -> Commit | None:
        return next((commit for commit in self.commits if commit.sha == sha), None)


def line(*names: str, more: int = 0) -> History:
    names = (*names[:1], *(f"{number:040x}" for number in range(more)), *names[1:])
    return History(tuple(Commit(sha, f"Change {sha[:4]}", NOON - timedelta(hours=5)) for sha in names))


async def rollback(world: World, history: History, incident: Incident | None = None, **deployer: object) -> Question:
    runs = ScriptedDeployer(**{"runs": MERGE} | deployer)  # type: ignore[arg-type]
    production = Production(ScriptedHost(), runs, history)
    questions = Questions(world.store, world.clock, lambda: production, "production")
    return await questions.before(incident or an_incident(State.DEPLOYED), a_trigger(t.RollbackRequested))


async def test_what_is_at_hand_is_named_with_its_age(world: World):
    question = await rollback(world, line(MERGE, GOOD, HEAD))

    assert question.title == "INC-1: roll back production to c0ffee0?"
    assert dict(question.facts)["Will run"].startswith("c0ffee0c0ffe “Change c0ff”, ")
    assert question.lines == ("beefca5 Change beef", "600d600 Change 600d")
    assert question.warnings == ("The fix of INC-1 goes too: its failure can come back.",)


async def test_commits_that_are_not_at_hand_are_not_said_to_be_all(world: World):
    question = await rollback(world, line(MERGE))

    assert dict(question.facts)["Will run"] == "c0ffee0c0ffe (how old it is, is not known here)"
    assert question.lines == ()
    assert "What else changes with it is not known: one of the two commits is not at hand here." in question.warnings


@pytest.mark.parametrize(("more", "says"), [(15, "17 commits"), (MOST_COMMITS, f"{MOST_COMMITS} or more commits")])
async def test_of_many_commits_the_newest_are_shown_and_all_are_counted(world: World, more: int, says: str):
    question = await rollback(world, line(MERGE, GOOD, HEAD, more=more))

    assert len(question.lines) == 10
    assert says in question.heading


async def test_a_fix_that_does_not_run_is_not_said_to_go(world: World):
    question = await rollback(world, line(GOOD, HEAD, MERGE), runs=GOOD)

    assert question.warnings == ()


async def test_what_runs_already_is_said_to(world: World):
    question = await rollback(world, line(MERGE, HEAD), runs=HEAD)

    assert "It runs already." in question.warnings


@pytest.mark.parametrize("told", [{"silent": True}, {"tells": "main"}], ids=str)
async def test_where_the_program_says_nothing_the_record_is_shown_as_such(world: World, told: dict[str, object]):
    question = await rollback(world, line(MERGE, HEAD), **told)

    assert dict(question.facts)["Runs now"].startswith("beefca5ebeef")
    assert "The program does not say what it runs" in question.warnings[0]


async def test_before_trying_again_what_nobody_knows_is_not_known(world: World):
    production = Production(ScriptedHost(), ScriptedDeployer(silent=True), line(MERGE, HEAD))
    questions = Questions(world.store, world.clock, lambda: production, "production")
    stuck = an_incident(State.STUCK, stuck=Stuck(State.MERGED, Effect.DEPLOY, "It does not start."))

    question = await questions.before(stuck, a_trigger(t.Retried))

    assert dict(question.facts)["Runs now"] == "not known"
    assert question.warnings == ("Nobody knows what runs now, so Kintsugi cannot list what changes.",)


async def test_an_answer_is_good_for_what_was_shown_alone(world: World):
    shown = await rollback(world, line(MERGE, GOOD, HEAD))
    same = await rollback(world, line(MERGE, GOOD, HEAD))
    others = [
        await rollback(world, line(MERGE, GOOD, HEAD), runs=GOOD),
        await rollback(world, line(MERGE, GOOD, HEAD), an_incident(State.DEPLOYED, id=2)),
    ]

    assert shown.answer == same.answer
    assert shown.answer not in {other.answer for other in others}
