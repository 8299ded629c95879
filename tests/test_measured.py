"""Measuring a run: the lean path gives what the full one gives, does no more than it must, and stays silent about nothing."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.running import families
from experiments.running.replicate import BEFORE, HEADLINES, key_of, measured, one
from scenarios.loader import load
from simulation import ledger, outcomes, world
from simulation.parameters import InputError
from simulation.snapshot import joined_since, snapshot, traits
from simulation.stages import ACTIVE, Event

SOLVED = ["village.median_value_rp=27000.0", "village.forget_prob=0.02", "village.start_coverage_share=0.04"]
SMALL = ["village.workers=300", "burn_in_weeks=20", *SOLVED]
MONTHS = (2, 4, 12)
ANSWER = ("weekly", "ledger", "observed", "digest", "problems", "replicate")


@pytest.fixture(scope="module")
def scenario():
    return load("lerep", overrides=SMALL, until="2019-11-01")


@pytest.fixture(scope="module")
def full(scenario):
    return one(scenario.parameters, 5, 1, months=MONTHS, observed=scenario.observed)


@pytest.fixture(scope="module")
def lean(scenario):
    """A function: the answer for the keys wanted."""
    return lambda wanted: measured(world.build(scenario.parameters, 5, 1), observed=scenario.observed, wanted=wanted)


def assert_same(found: dict, full: dict, wanted) -> None:
    """The values wanted, to the last bit, and all the rest of the answer."""
    kept = {key: value for key, value in full["values"].items() if key in wanted}
    assert list(found["values"]) == list(kept)
    assert np.array(list(found["values"].values())).tobytes() == np.array(list(kept.values())).tobytes()
    for name in ANSWER:
        np.testing.assert_array_equal(found[name], full[name])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_lean_equals_full_for_any_keys(data, full, lean):
    wanted = data.draw(st.sets(st.sampled_from(list(full["values"])), max_size=12))
    assert_same(lean(wanted), full, wanted)


@pytest.mark.parametrize("month", ["0", "2", "12", "end"])
@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_family_needs_no_other_and_no_other_month(family, month, full, lean):
    layout = families.Layout(*(tuple(dict.fromkeys(k[3] for k in full["values"] if k[2] == kind)) for kind in ("occupation", "lever")), 7)
    three = {(name, kind) for name, kind, _ in families.FAMILIES[family].keys(layout)}
    wanted = {key for key in full["values"] if key[1] == month and (key[0], key[2]) in three}
    assert_same(lean(wanted), full, wanted)


def test_headlines_are_at_the_end_and_there(full, lean):
    wanted = [key_of(name) for name in HEADLINES]
    assert len(set(wanted)) == len(HEADLINES) and {key[1] for key in wanted} == {"end"}
    assert_same(lean(wanted), full, wanted)


def test_months_are_those_of_the_keys(lean, full, scenario):
    found = lean([("active", "7", "all", "all"), ("aware", "12", "all", "all"), ("levers_rp", "12", "all", "all")])["values"]
    assert list(found) == [("active", "7", "all", "all"), ("aware", "12", "all", "all"), ("levers_rp", "12", "all", "all")]
    assert found["levers_rp", "12", "all", "all"] == full["values"]["levers_rp", "12", "all", "all"] > 0
    run = world.build(scenario.parameters, 5, 1)
    run.advance(run.calendar.month_end(7) + 1)
    assert found["active", "7", "all", "all"] == snapshot(run).active.sum() > 0


def test_only_what_is_wanted_is_worked_out(lean, monkeypatch):
    asked = []

    def watched(name, family):
        return family._replace(values=lambda look: asked.append((name, look.now.step - look.now.burn_in + 1)) or family.values(look))

    for name, family in families.FAMILIES.items():
        monkeypatch.setitem(families.FAMILIES, name, watched(name, family))
    lean([key_of("active"), key_of("paying"), key_of("reached@4/stage=decision"), key_of("active@4")])
    assert sorted(asked) == [("counts", 18), ("counts", 66), ("funnel", 18)]
    asked.clear()
    lean([])
    assert asked == []
    # month 15 and the end fall into the same week: nothing is worked out twice
    lean([key_of("active@15"), key_of("active")])
    assert asked == [("counts", 66)]


def test_what_a_run_does_not_have_is_absent(lean):
    there = ("active", "end", "all", "all")
    absent = [("active", "40", "all", "all"), ("lever_rp", "end", "lever", "no such"), ("active_share", "end", "community", "999")]
    assert list(lean([there, *absent])["values"]) == [there]


@pytest.mark.parametrize(
    "key, text",
    [
        (("activ", "end", "all", "all"), "did you mean 'active'"),
        (("active", "012", "all", "all"), "no outcome key"),
        (("active", 12, "all", "all"), "no outcome key"),
        (("registrations", "0", "all", "all"), "none at month 0"),
        ("active", "no outcome key"),
        (("active", "end"), "no outcome key"),
    ],
)
def test_keys_that_no_run_has_are_refused(key, text, lean):
    with pytest.raises(InputError, match=text):
        lean([("active", "end", "all", "all"), key])


@pytest.mark.parametrize("step", [0, 10, 21])
def test_a_world_must_stand_at_the_start_of_its_run(step, scenario):
    run = world.build(scenario.parameters, 5, 1, burn_in=False)
    run.advance(step)
    with pytest.raises(ValueError, match=f"at step {step}, needed: .* step 20"):
        measured(run)


@pytest.mark.parametrize("wanted", [None, [], [("active", "end", "all", "all")]])
def test_what_does_not_add_up_is_told_whatever_is_wanted(wanted, scenario):
    run = world.build(scenario.parameters, 5, 1)
    run.village.events[3, Event.NEWCOMERS] += 1
    run.village.ledger[0, -1, 0, 0] = 7
    assert measured(run, wanted=wanted)["problems"] == ["newcomers do not match those who left", "(no lever): fixed booked to branch"]


def test_campaigns_in_one_village_share_its_traits_and_villages_do_not(scenario, full):
    alone = full["values"]
    first = world.build(scenario.parameters, 5, 1)
    other = scenario.parameters.model_copy(update={"campaign": scenario.parameters.campaign.model_copy(update={"levers": []})})
    twin = world.assemble(world.solve(other), 5, 1, like=first)
    twin.advance(twin.calendar.burn_in)
    stranger = world.build(scenario.parameters, 5, 2)
    assert traits(first) is traits(twin) and traits(stranger) is not traits(first)
    for run, seed, replicate, parameters in (
        (stranger, 5, 2, scenario.parameters),
        (twin, 5, 1, other),
        (first, 5, 1, scenario.parameters),
    ):
        assert repr(measured(run, months=MONTHS)["values"]) == repr(one(parameters, seed, replicate, months=MONTHS)["values"])
    assert repr(measured(world.build(scenario.parameters, 5, 1), months=MONTHS)["values"]) == repr(alone)


@pytest.mark.parametrize("name", ["lerep", "hessa", "kadugenep", "bunutin"])
def test_members_from_before_are_among_those_registered_at_the_start(name):
    """The integral of new_person_months looks at these alone."""
    run = world.build(load(name, overrides=[*SMALL, "village.workers=2000"]).parameters, 5, 0)
    course = families.Course(run)
    seen = set()
    while run.running:
        run.advance(run.week + 1)
        workers = run.village.workers
        everybody = (workers["marks"] & ACTIVE > 0) & ~joined_since(workers, run.calendar.burn_in)
        assert course.members_before() == everybody.sum()
        seen.add(int(everybody.sum()))
    assert len(seen) > 5


def test_cover_of_members_from_before_is_a_sum_of_trapezoids():
    parameters = load("kadugenep", overrides=[*SMALL, "village.workers=2000"]).parameters
    values = one(parameters, 5, 0, months=(9,))["values"]
    run = world.build(parameters, 5, 0)
    members = []
    while True:
        workers = run.village.workers
        members.append(int(((workers["marks"] & ACTIVE > 0) & ~joined_since(workers, run.calendar.burn_in)).sum()))
        if not run.running:
            break
        run.advance(run.week + 1)
    for month, weeks in (("9", run.calendar.month_end(9) + 1 - run.calendar.burn_in), ("end", len(members) - 1)):
        at = [*range(0, weeks, 26), weeks]
        months = sum((members[a] + members[b]) / 2 * (b - a) for a, b in zip(at, at[1:])) * 7 / 30.4375
        found = values["active_person_months", month, "all", "all"] - values["new_person_months", month, "all", "all"]
        assert found == pytest.approx(months, rel=1e-9) and months > 100


def test_keys_and_values_of_a_family_have_one_order(full):
    run = world.build(load("lerep", overrides=SMALL).parameters, 5, 0)
    run.advance()
    now = snapshot(run)
    counts = dict.fromkeys(("registrations", "new_person_months", "retained"), 1)
    for family, found in {
        "counts": outcomes.counts(outcomes.levels(run)), "attempts": outcomes.attempts(now),
        "money": ledger.costs(ledger.booked(run.village.ledger), counts),
    }.items():  # fmt: skip
        assert [name for name, _, _ in families.FAMILIES[family].keys(families.Layout((), (), 1))] == list(found)
    look = families.Look(families.Course(world.build(run.parameters, 5, 0)), BEFORE)
    assert [name for name, _, _ in families.FAMILIES["joined"].keys(None)] == list(look.joined)[1:]
    keys = [key for family in families.FAMILIES.values() for key in family.keys(families.Layout(("a",), ("b",), 3))]
    assert len(keys) == len(set(keys))


def test_a_run_without_a_burn_in_is_measured_too():
    nobody = load("lerep", overrides=[*SMALL, "burn_in_weeks=0"], until="2019-09-01")
    whole = one(nobody.parameters, 5, 0, months=(1, 12))
    wanted = [key for key in whole["values"] if key[0] in ("stock_retention_12", "same_people", "new_person_months", "registered")]
    found = measured(world.build(nobody.parameters, 5, 0), wanted=wanted)
    assert_same(found, whole, wanted)
    assert found["values"]["registered", "0", "all", "all"] == 12 and nobody.parameters.start == dt.date(2018, 8, 1)


def test_a_date_is_the_month_that_falls_on_it(scenario):
    """Dates and months are two names of the same day; a date that no month has lies between its neighbors."""
    from simulation.timeline import add_months

    parameters = scenario.parameters
    day = add_months(parameters.start, 3).isoformat()
    between = (add_months(parameters.start, 3) + dt.timedelta(days=10)).isoformat()
    values = one(parameters, 5, 0, months=(3, 4, day, between, "1999-01-01"))["values"]
    dated = {key: x for key, x in values.items() if key[1] == day}
    assert len(dated) > 100 and all(repr(x) == repr(values[key[0], "3", *key[2:]]) for key, x in dated.items())
    heard = [values["heard", when, "all", "all"] for when in ("3", between, "4")]
    assert heard == sorted(heard) and heard[0] < heard[1] < heard[2]
    assert not any(key[1] == "1999-01-01" for key in values)
    lean = measured(world.build(parameters, 5, 0), wanted=[key_of(f"active@{between}")])["values"]
    assert lean == {("active", between, "all", "all"): values["active", between, "all", "all"]}
