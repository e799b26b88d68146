"""What incidents took and what came of them, by week and by stage."""

from datetime import timedelta
from typing import Any

from kintsugi.workflow.history import Past, Step
from kintsugi.workflow.incident import Cost
from kintsugi.workflow.numbers import WEEKS, Spread, Week, by_stage, by_week, per_healed, to_somebody
from kintsugi.workflow.states import State
from kintsugi.workflow.waiting import Party, Waiting, queues
from tests.world.make import NOON, an_incident


def opened(weeks_ago: float, state: State, usd: float = 0.0) -> Past:
    incident = an_incident(state).but(opened_at=NOON - timedelta(weeks=weeks_ago), cost=Cost(usd=usd))
    return Past(incident, ())


def test_each_week_tells_what_became_of_the_incidents_that_were_opened_in_it():
    pasts = [
        opened(0, State.HEALED, 0.5),
        opened(0, State.CANCELLED, 0.25),
        opened(0, State.STUCK),
        opened(3, State.HEALED),
    ]

    weeks = by_week(pasts, NOON)

    assert len(weeks) == WEEKS
    assert (weeks[-1].healed, weeks[-1].ended, weeks[-1].under_way, weeks[-1].usd) == (1, 1, 1, 0.75)
    assert weeks[-1].fix_rate == 0.5
    assert weeks[-4].fix_rate == 1
    assert weeks[0].fix_rate is None
    assert [week.monday.weekday() for week in weeks] == [0] * WEEKS


def test_until_somebody_has_it_counts_the_first_who_took_it_or_was_given_it():
    def past(*steps: tuple[str, int]) -> Past:
        rows = [
            Step(seq, name, "captured", State.CAPTURED, "", NOON + timedelta(minutes=at), "")
            for seq, (name, at) in enumerate(steps)
        ]
        return Past(an_incident().but(opened_at=NOON), rows)

    found = to_somebody(
        [past(("Noted", 1), ("Assigned", 4), ("Acknowledged", 9)), past(("Noted", 1)), past(("Acknowledged", 2))]
    )

    assert found == Spread("somebody", (120.0, 240.0))
    assert to_somebody([past(("Noted", 1))]) is None


def test_what_waits_is_listed_by_who_has_to_act_the_longest_first():
    def waiting(minutes: int, state: State, **facts: Any) -> Waiting:
        return Waiting(an_incident(state, id=minutes, **facts), NOON - timedelta(minutes=minutes))

    found = queues(
        [
            waiting(3, State.NEEDS_HUMAN),
            waiting(9, State.STUCK),
            waiting(4, State.CAPTURED),
            waiting(5, State.CAPTURED, rolling_back=True),
            waiting(6, State.HEALED),
        ],
        NOON,
    )

    assert [(each.party, [one.incident.id for one in each.waiting]) for each in found] == [
        (Party.PEOPLE, [9, 3]),
        (Party.KINTSUGI, [4]),
        (Party.DEPLOYER, [5]),
    ]
    assert found[0].longest == timedelta(minutes=9)


def test_what_is_older_than_the_weeks_shown_is_left_out():
    assert sum(week.opened for week in by_week([opened(WEEKS, State.HEALED)], NOON)) == 0


def test_one_healed_incident_costs_what_was_spent_on_all_of_them():
    monday = NOON.date()

    assert "$0.75, with what was spent on all others" in per_healed(
        [Week(monday, 2, usd=1.0), Week(monday, ended=3, usd=0.5)]
    )
    assert "none was healed yet" in per_healed([Week(monday, usd=1.0)])
    assert "unknown, as 2 calls have a price that is not known" in per_healed([Week(monday, 2, usd=1.0, unpriced=2)])


def test_a_stage_that_nobody_came_through_is_left_out():
    history = [
        Step(seq, "", "", state, "", NOON + timedelta(minutes=seq), "")
        for seq, state in enumerate((State.CAPTURED, State.DIAGNOSED), 1)
    ]
    past = Past(an_incident(State.DIAGNOSED).but(opened_at=NOON), history)

    assert by_stage([past, past]) == [Spread("diagnose", (60.0, 60.0))]


def test_a_spread_is_told_by_its_tenths():
    assert Spread("merge", (5.0,)).tenths == (5.0, 5.0, 5.0)
    assert Spread("merge", tuple(float(second) for second in range(11))).tenths == (1.0, 5.0, 9.0)
