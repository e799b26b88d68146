"""Every surface gives the one answer of the table: role, what is asked for, state and guards, before a real database.

Discord is asked by its cards, commands and completions, the pages by what they offer and by forms that they do not, the
command line by typing.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kintsugi.bot import card
from kintsugi.bot.gate import Access
from kintsugi.integrations.git import Git
from kintsugi.persistence.database import Database
from kintsugi.workflow.asking import ASKABLE, EVERYTHING, NAMES, Asker, Role, Rules, row_of
from kintsugi.workflow.incident import Incident, Stuck
from kintsugi.workflow.rates import Rate
from kintsugi.workflow.states import Effect, State
from tests.bot.stage import ADMINS, Stage, a_stage
from tests.web.test_discord_login import IN, by
from tests.world import discord as stand_in
from tests.world import terminal
from tests.world.discord_shapes import ADMIN_ROLE, ALICE, BOB, GUILD, MALLORY, Person
from tests.world.make import MERGE, NOON, TOKEN, a_deployment, a_pull_request, a_quiet, an_incident
from tests.world.migrated import migrate
from tests.world.viewer import a_viewer
from tests.world.world import World, a_world

ROOT = Path(__file__).parents[2]
COMMANDS = {name: (f"/debug {name}", "id") for name in NAMES if name != "confirm"} | {
    "rollback": ("/deploy rollback", "incident")
}
GIVEN = {  # beside the incident: as typed in Discord, in a form, and on the command line
    "assign": ({"user": BOB}, {"to": "bob"}, ["bob"]),
    "note": ({"text": "looked"}, {"text": "looked"}, ["looked"]),
    "severity": ({"level": "high"}, {"level": "high"}, ["high"]),
    "duplicate": ({"of": "1"}, {"of": "1"}, ["1"]),
}
NOTHING: tuple[dict[str, Any], dict[str, str], list[str]] = ({}, {}, [])
DEPLOYERS = Access(users=frozenset({BOB.id}), guilds=frozenset({GUILD}))
PEOPLE = {MALLORY: frozenset[Role](), ALICE: frozenset({Role.DEBUG}), BOB: EVERYTHING}  # bob has the admins' role too
WAY_BACK = a_deployment(previous="600d" * 10)
SEEN = (
    *(an_incident(state) for state in State),
    an_incident(State.AWAITING_CONFIRM, way_back=WAY_BACK),
    an_incident(State.AWAITING_CONFIRM, way_back=WAY_BACK, rolling_back=True),
    an_incident(State.AWAITING_CONFIRM, ask=None),
    an_incident(State.NEEDS_HUMAN, way_back=WAY_BACK),
    an_incident(State.DEPLOYED, rolling_back=True),
    an_incident(State.DEPLOYED, deployment=a_deployment(previous="")),
    an_incident(State.STUCK, stuck=Stuck(State.CAPTURED, Effect.DIAGNOSE, "no such model"), deployment=None),
    an_incident(State.STUCK, stuck=Stuck(State.DEPLOYED, Effect.ROLL_BACK, "it is away")),
    an_incident(State.CANCELLED, quiet=a_quiet()),
    an_incident(State.CAPTURED, holder="cli:bob"),
    an_incident(State.CANCELLED, quiet=a_quiet(duplicate_of=1)),
    an_incident(State.MERGED, pull_request=a_pull_request(open=False, merged_as=MERGE, by="cli:bob")),
)


async def placed(world: World) -> list[Incident]:
    """An incident for each of SEEN, as it would be after its long way there."""
    for number, incident in enumerate(SEEN, 1):
        await world.crashes(f"v1:{number:016x}")
        there = replace(incident, id=number, fingerprint=f"v1:{number:016x}", seq=1, updated_at=world.clock.now())

        def put(ledger: object, there: Incident = there) -> None:
            state = {"state": there.state.value, "id": there.id}
            ledger.amend(there)  # type: ignore[attr-defined]
            ledger.connection.execute(text("UPDATE incident SET state = :state WHERE id = :id"), state)  # type: ignore[attr-defined]

        await world.store.transact(put)
    return await world.store.incidents(limit=100)


def answer(world: World, incident: Incident, roles: frozenset[Role]) -> set[str]:
    """What the table says: the names that somebody with these roles can ask for now."""
    return {row.name for row in Rules().offered(incident, world.clock.now(), Asker("test:somebody", roles))}


def why_not(world: World, name: str, incident: Incident, roles: frozenset[Role]) -> str:
    """What the table refuses it with, without whose it is."""
    refusal = Rules().why_not(name, incident, Asker("test:somebody", roles), world.clock.now())
    return str(refusal).removeprefix(incident.name)


@pytest.fixture
def database(sqlite_url: Database) -> Database:
    migrate(sqlite_url)
    return sqlite_url


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    async with a_stage(database) as stage:
        stage.deploys, stage.rate = DEPLOYERS, Rate(10_000, 20)
        await stage.starts()
        yield stage


def test_everything_in_the_table_is_offered_somewhere_here_and_withheld_somewhere():
    at = SEEN[0].opened_at
    offered = {row for each in SEEN for row in Rules().offered(each, at)}
    withheld = {row for name in NAMES for each in SEEN if (row := row_of(name, each)) and row.objection(each, at)}

    assert offered == set(ASKABLE)
    assert {row.name for row in withheld} == set(NAMES) - {"note"}  # that fits at any time


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name)
async def test_discord_completes_what_the_table_offers(stage: Stage, person: Person):
    incidents = await placed(stage.world)
    roles = PEOPLE[person]

    for name, (command, option) in COMMANDS.items():
        needed = {Role.DEPLOY if command.startswith("/deploy") else Role.DEBUG}
        offered = await stage.discord.completes(command, option, "INC", person)
        expected = (
            [each.name for each in incidents if name in answer(stage.world, each, roles)] if needed <= roles else []
        )
        assert {line.split()[0] for line in offered} == set(expected[:25]), name  # as many as Discord takes


async def test_cards_have_the_buttons_that_the_table_offers(stage: Stage):
    labels = {
        "confirm": "Confirm…",
        "reject": "Reject…",
        "retry": "Retry",
        "reopen": "Reopen",
        "rollback": "Roll back to",
    }

    for incident in await placed(stage.world):
        shown = {button.label for button in card.card(incident).buttons}
        offered = answer(stage.world, incident, EVERYTHING)
        assert {name for name, label in labels.items() if any(each.startswith(label) for each in shown)} == (
            offered & set(labels)
        ), incident


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name)
async def test_discord_takes_what_the_table_offers_and_asks_twice_where_it_says_so(stage: Stage, person: Person):
    """By command. Nothing that asks twice is done by the first one; what is refused changes nothing."""
    for incident in (await placed(stage.world))[::3]:
        for name, (command, option) in COMMANDS.items():
            before = await stage.world.incident(incident.id)
            row, offered = row_of(name, before), name in answer(stage.world, before, PEOPLE[person])
            seen = await stage.discord.slash(
                command, person, **{option: str(incident.id)}, **GIVEN.get(name, NOTHING)[0]
            )
            after = await stage.world.incident(incident.id)
            assert row
            assert (after.seq > before.seq) is (offered and not row.twice), (name, before, seen.says)
            asks = offered and row.twice
            assert bool(seen.components) is asks, (name, before, seen.says)


@pytest.mark.parametrize("person", [ALICE, BOB], ids=lambda person: person.name)
async def test_the_pages_offer_what_the_table_offers(database: Database, person: Person):
    async with a_world(database) as world, stand_in.serving() as discord:
        discord.accounts.person = replace(person, roles=(ADMIN_ROLE,))
        incidents = await placed(world)
        async with a_viewer(world, discord=by(discord, ADMINS, deploys=DEPLOYERS)) as viewer:
            await viewer.opens(IN)
            for incident in incidents:
                page = await viewer.opens(f"/incidents/{incident.id}")
                forms = {path.rpartition("/")[2] for path in page.forms if path.startswith("/incidents")}
                assert forms == answer(world, incident, PEOPLE[person]), incident


@pytest.mark.parametrize("roles", [frozenset({Role.DEBUG}), EVERYTHING], ids=["debug", "deploy"])
async def test_a_form_that_no_page_offers_is_refused_and_changes_nothing(database: Database, roles: frozenset[Role]):
    async with a_world(database) as world, a_viewer(world, operator_may=roles) as viewer:
        word = await viewer.word() if (incidents := await placed(world)) else ""
        sent = set()
        for incident in incidents if roles == EVERYTHING else incidents[::3]:
            for name in set(NAMES) - answer(world, incident, roles):
                row = row_of(name, incident)
                assert row
                if (refused := (name, incident.state, why_not(world, name, incident, roles))) in sent:
                    continue  # SEEN has several of a state, which differ in what few names ask for
                sent.add(refused)
                given = {"token": f"{incident.id}-{TOKEN[2:]}", "why": "", "answer": "0" * 16} | GIVEN.get(
                    name, NOTHING
                )[1]
                page = await viewer.sends(f"/incidents/{incident.id}/{name}", once=name, csrf=word, **given)
                assert page.status == (409 if row.role in roles else 403), (name, incident)
                assert (await world.incident(incident.id)).seq == incident.seq


async def test_the_command_line_takes_what_the_table_offers(database: Database, tmp_path: Path):
    """Each name where it is withheld and where it is offered; what few are offered comes before others change them."""
    git = Git.init_bare(tmp_path / "origin.git", "main")
    git.run("update-ref", "refs/heads/main", git.commit(git.read("mktree"), [], "First", NOON, "Somebody"))
    repository = {"KINTSUGI_REPO": str(git.directory), "KINTSUGI_DATABASE_URL": database.address}
    env = os.environ | {"PYTHONPATH": str(ROOT)} | repository
    words = {"rollback": ["deploy", "rollback"]}
    async with a_world(database) as world:
        incidents = await placed(world)
        offers = Counter(name for one in incidents for name in answer(world, one, EVERYTHING) - {"confirm"})
        for name, _ in reversed(offers.most_common()):
            for wanted in (False, True):
                before = next((one for one in incidents if (name in answer(world, one, EVERYTHING)) is wanted), None)
                if before is None:
                    assert (name, wanted) == ("note", False)  # that fits at any time
                    continue
                typed = [*words.get(name, [name]), str(before.id), *GIVEN.get(name, NOTHING)[2]]
                done = await asyncio.to_thread(terminal.run, typed, tmp_path, env)
                after = await world.incident(before.id)
                assert (done.returncode, after.seq > before.seq) == ((0, True) if wanted else (3, False)), (
                    name,
                    before,
                )
                incidents = await world.store.incidents(limit=100)
