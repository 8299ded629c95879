"""What the scenario fixes is kept from world to world; no world may notice: same digits, nothing shared, nothing stale, no hoard."""

import dataclasses
import datetime as dt
import gc
import time
import weakref

import numpy as np
import pytest
from test_exactness import EVERYTHING, OCCUPATIONS, rich
from worlds import SCHEME, START, lever, parameters

from simulation import segments, sheets
from simulation.assembly import KEPT, Content, assemble, blueprint
from simulation.parameters import InputError
from simulation.stages import Membership
from simulation.timeline import timeline

RELIEF = SCHEME.model_copy(
    update={
        "rules": [
            *SCHEME.rules,
            SCHEME.rules[0].model_copy(update=dict(start=dt.date(2018, 4, 1), relief_share=0.5, relief_occupations=["a"])),
        ]
    }
)


def arrays(thing, path="world"):
    """Every array a world holds, with its path (parameters are frozen and not walked)."""
    if isinstance(thing, np.ndarray):
        yield path, thing
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from arrays(getattr(thing, field.name), f"{path}.{field.name}")
    elif hasattr(thing, "_asdict"):
        for name, value in thing._asdict().items():
            yield from arrays(value, f"{path}.{name}")
    elif isinstance(thing, list | tuple):
        for k, value in enumerate(thing):
            yield from arrays(value, f"{path}[{k}]")


def contents(world) -> dict[str, bytes]:
    """What a world holds, column by column (padding between columns may hold anything)."""
    out = {}
    for path, table in arrays(world):
        table = np.asarray(table)
        for name in table.dtype.names or [None]:
            column = table if name is None else table[name]
            out[f"{path}.{name}"] = repr((column.shape, column.dtype)).encode() + np.ascontiguousarray(column).tobytes()
    return out


def cold(p, seed=1, replicate=0):
    blueprint.cache_clear()
    return contents(assemble(p, seed, replicate))


def differing(one: dict, two: dict) -> list[str]:
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


def spoil(world) -> None:
    """Run a world, then write over all it lets one write."""
    world.advance()
    for _, table in arrays(world):
        if table.flags.writeable and table.size:
            table.view(np.ndarray).reshape(-1).view(np.uint8)[:] = 0xA5
    world.calendar.dates.clear()
    world.calendar.rules.clear()
    world.tables.spans.clear()


@pytest.mark.parametrize("scheme", [SCHEME, RELIEF], ids=["one rule", "relief"])
def test_a_world_is_the_same_whatever_was_made_run_and_spoiled_before(scheme):
    p = rich(workers=120).model_copy(update={"scheme": scheme})
    alone = {r: cold(p, 1, r) for r in (0, 1, 2)}
    assert alone[0] != alone[1]
    blueprint.cache_clear()
    for r in (2, 1, 0, 0, 2):
        world = assemble(p, 1, r)
        assert differing(contents(world), alone[r]) == []
        spoil(world)
    assert blueprint.cache_info().misses == 1


def test_two_worlds_share_nothing_that_can_be_written():
    one, two = assemble(rich(), 1, 0), assemble(rich(), 1, 0)
    mine = [(path, table) for path, table in arrays(one) if table.size and table.flags.writeable]
    for path, table in arrays(two):
        assert not [p for p, other in mine if np.may_share_memory(other, table)], path
    assert {path.split(".")[1] for path, _ in mine} == {"people", "network", "tables", "village"}  # the calendar is read only
    for name in ("dates", "rules"):
        assert getattr(one.calendar, name) is not getattr(two.calendar, name)
    kept = blueprint(Content(rich()))
    for path, table in arrays(kept):
        assert not [p for p, other in mine if np.may_share_memory(other, table)], path


def changes(p):
    """Scenarios that differ from p in one thing each."""
    village, behavior, limits, campaign = p.village, p.behavior, p.limits, p.campaign
    yield "as it is", p
    yield "until", p.model_copy(update={"until": p.until + dt.timedelta(days=21)})
    yield "burn-in", p.model_copy(update={"burn_in_weeks": p.burn_in_weeks + 1})
    yield (
        "price",
        p.model_copy(update={"scheme": SCHEME.model_copy(update={"rules": [SCHEME.rules[0].model_copy(update={"price_rp": 16_801})]})}),
    )
    yield "relief", p.model_copy(update={"scheme": RELIEF})
    yield "village", p.model_copy(update={"village": village.model_copy(update={"documents_prob": 0.5})})
    yield "trust", p.model_copy(update={"village": village.model_copy(update={"trust_mean": 0.25})})
    yield (
        "season",
        p.model_copy(update={"village": village.model_copy(update={"occupations": [OCCUPATIONS[1].model_copy(update={"share": 1.0})]})}),
    )
    yield "behavior", p.model_copy(update={"behavior": behavior.model_copy(update={"own_money_weight": 1.0})})
    yield "habit", p.model_copy(update={"behavior": behavior.model_copy(update={"habit_months": 2.0})})
    yield "limits", p.model_copy(update={"limits": limits.model_copy(update={"billing_months": 3})})
    yield "exposure", p.model_copy(update={"limits": limits.model_copy(update={"exposure_weeks": [5]})})
    yield "budget", p.model_copy(update={"campaign": campaign.model_copy(update={"budget_rp": None, "monthly_ceiling_rp": None})})
    for k, gone in enumerate(campaign.levers):
        yield (
            f"without {gone.name}",
            p.model_copy(update={"campaign": campaign.model_copy(update={"levers": campaign.levers[:k] + campaign.levers[k + 1 :]})}),
        )


def test_a_changed_scenario_never_gets_the_tables_of_another():
    alone = {name: cold(p) for name, p in changes(rich(workers=60))}
    assert len({tuple(sorted(c.items())) for c in alone.values()}) == len(alone)
    blueprint.cache_clear()
    for _ in range(2):  # made, then met again
        for name, p in changes(rich(workers=60)):
            assert differing(contents(assemble(p, 1, 0)), alone[name]) == [], name


def test_a_list_changed_in_place_makes_another_scenario():
    blueprint.cache_clear()
    p = rich(workers=60).model_copy(deep=True)
    before = contents(assemble(p, 1, 0))
    p.campaign.levers[1].target.income_fifth.append(1)
    p.village.occupations[0].season[0] += 0.01
    changed = contents(assemble(p, 1, 0))
    assert {"world.village.occupations.season", "world.village.segment_levers.None"} <= set(differing(before, changed))
    assert differing(contents(assemble(rich(workers=60), 1, 0)), before) == []  # what was said before is still as it was said
    assert differing(changed, cold(p)) == []
    p.campaign.levers[1].target.income_fifth.pop()
    p.village.occupations[0].season[0] = OCCUPATIONS[0].season[0]
    assert differing(contents(assemble(p, 1, 0)), before) == []


def test_many_scenarios_are_not_hoarded():
    blueprint.cache_clear()
    p = rich(workers=30, weeks=6)
    first = weakref.ref(blueprint(Content(p)))
    sheet = weakref.ref(first().campaign.rows.sheet(0, 16_800, False))
    for price in range(1, 3 * KEPT):
        assert first() is not None or price > KEPT - 1
        rule = SCHEME.rules[0].model_copy(update={"price_rp": price})
        assemble(p.model_copy(update={"scheme": SCHEME.model_copy(update={"rules": [rule]})}), 1, 0)
    assert blueprint.cache_info().currsize == KEPT
    gc.collect()
    assert first() is None and sheet() is None


def test_the_second_replicate_does_not_compile_the_scenario_again():
    blueprint.cache_clear()
    p = rich(workers=300)
    assemble(p, 1, 0)
    rows = blueprint(Content(p)).campaign.rows
    made = rows.sheet.cache_info()
    assert 0 < made.misses == made.currsize < made.maxsize
    assemble(p, 1, 0)
    assert rows.sheet.cache_info().misses == made.misses and blueprint.cache_info().misses == 1


def test_what_a_draft_remembers_is_bounded_and_forgetting_changes_nothing():
    blueprint.cache_clear()
    p = rich(workers=60)
    want = contents(assemble(p, 1, 0))
    rows = blueprint(Content(p)).campaign.rows
    for price in range(rows.sheet.cache_info().maxsize + 10):
        rows.variants(price)
    assert rows.variants.cache_info().currsize == rows.variants.cache_info().maxsize
    rows.sheet.cache_clear()
    rows.periods.cache_clear()
    assert differing(contents(assemble(p, 1, 0)), want) == []


# ------------------------------------------------------------------ errors


def crowd():
    """Many criteria that cut across each other: more than 4,096 kinds of workers."""
    targets = [dict(sex=["female"]), dict(phone=True), *(dict(income_fifth=[k]) for k in range(1, 5))]
    targets += [dict(membership=[m]) for m in ("arisan", "farmer_group", "pkh")] + [dict(share=k / 41) for k in range(1, 41)]
    levers = [lever(f"l{k}", publicity=dict(visibility_share=0.1), target=target) for k, target in enumerate(targets)]
    return parameters(weeks=4, village=dict(workers=15_000, median_value_rp=1.0, forget_prob=0.0, start_coverage_share=0.0), levers=levers)


def offers():
    return rich().model_copy(
        update={"campaign": rich().campaign.model_copy(update={"levers": [lever(f"g{k}", gift=dict(value_rp=5)) for k in range(5)]})}
    )


def agents():
    return rich().model_copy(update={"campaign": rich().campaign.model_copy(update={"levers": [lever("many", agents=dict(number=1000))]})})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (crowd, r"into \d{4,} segments, at most 4096"),
        (offers, "g0, g1, g2, g3, g4 offer money to the same workers"),
        (agents, "levers.many.agents.number: 1000 agents"),
    ],
)
def test_what_does_not_fit_is_refused_each_time_in_the_same_words(make, said):
    p, words = make(), []
    for _ in range(2):
        with pytest.raises(InputError, match=said) as caught:
            assemble(p, 1, 0)
        words.append(str(caught.value))
    assert words[0] == words[1]


# ------------------------------------------------------------------ the fast ways against the plain ones


def test_the_logarithm_of_an_array_is_the_one_of_its_elements_to_the_last_bit():
    rng = np.random.default_rng(3)
    ties = np.exp(np.round(rng.uniform(-3, 20, 3000), 9) + 0.5e-9)  # logarithms halfway between two billionths
    values = np.concatenate([10 ** rng.uniform(-6, 9, 20_000), ties, np.nextafter(ties, 0), [0.0, -1.0, 1.0, 16_800.0, 5e-324, 1e300]])
    want = [sheets.safe_log(x) for x in values.tolist()]
    assert np.array_equal(sheets.safe_logs(values.reshape(2, -1)).ravel(), want) and want[-6] == sheets.FREE


@pytest.mark.parametrize("size", [2, 40, 3000])
def test_numbers_without_gaps_in_the_order_of_the_columns(size):
    rng = np.random.default_rng(size)
    columns = [(rng.integers(0, k, size), k) for k in (2, 3, 17, 2, 9, 2, 40, 2)]
    of, first = segments._number(columns, size)
    table = np.stack([column for column, _ in columns], axis=1)
    kinds, want = np.unique(table, axis=0, return_inverse=True)
    assert np.array_equal(of, want.ravel()) and np.array_equal(table[first], kinds)


def test_segments_are_who_shares_levers_relief_and_waste_class():
    p = rich(workers=500).model_copy(update={"scheme": RELIEF})
    world = assemble(p, 4, 0)
    people, found = world.people, world.tables.segments
    bits = sum(segments.members(one, p, people).astype(np.uint64) << np.uint64(k) for k, one in enumerate(EVERYTHING))
    assert np.array_equal(found.levers[found.of], bits)
    assert np.array_equal(found.relief[found.of], np.where(people.occupation == 0, 2, 0)) and len(set(found.relief.tolist())) == 2
    saver = (people.membership & Membership.WASTE_BANK) > 0
    assert not found.yields[found.of[~saver]].any()
    for s in set(found.of[saver].tolist()):
        mine = np.sort(people.waste_yield_rp[found.of == s])
        assert found.yields[s] == mine[len(mine) // 2]
    relief = segments.relief_of_occupations(p, timeline(p))
    assert relief.tolist() == [2, 0]


def test_thresholds_of_those_who_pay_by_waste_are_the_formula_of_their_yield():
    """Section 7.17: own money weighs more than what is taken before it is held; here with a coupon, a rebate and a price of six months."""
    levers = [
        lever("waste", channel=dict(kind="waste_bank")), lever("half", price=dict(discount_share=0.5, months=2)),
        lever("rebate", price=dict(discount_share=0.2)), lever("coupon", gift=dict(value_rp=5_000)),
    ]  # fmt: skip
    village = dict(workers=200, waste_bank_share=0.5, median_value_rp=1.0, forget_prob=0.0, start_coverage_share=0.0)
    p = parameters(weeks=4, village=village, levers=levers, behavior=dict(horizon_months=3.5))
    world, weight, price = assemble(p, 1, 0), p.behavior.own_money_weight, 16_800
    found, v = world.tables.segments, world.village
    assert (found.yields > 0).sum() > 10 and (found.yields > price).any()

    def weighted(own, waste):
        source = min(own, waste)
        return weight * (own - source) + source

    for s in range(found.count):
        row = v.rows[v.places[int(v.weeks["period"][-1]) * found.count + s]["row"]]
        waste = int(found.yields[s])
        assert row["source_rp"] == min(price, waste)
        cut = sheets.safe_log(weighted(price * (1 - round(price * 0.2) / price), waste)) - sheets.safe_log(weighted(price, waste))
        assert row["pay_threshold"].tolist() == [sheets.safe_log(weighted(price, waste)), cut]
        for subset in range(8):  # half, rebate, coupon
            total = 0.0
            for month, part in enumerate((1.0, 1.0, 1.0, 0.5)):
                share = 0.5 if subset & 1 and month < 2 else 0.2 if subset & 2 else 0.0
                total += part * weighted(price * (1.0 - share), waste)
            for helped in (0, 1):
                more = p.village.hassle_rp + (0 if helped else p.village.travel_rp) - (5_000 if subset & 4 else 0)
                assert row["threshold"][subset + 16 * helped] == sheets.safe_log(total / 3.5 + more / 3.5), (s, subset, helped)


def test_the_calendar_is_kept_out_of_reach():
    world = assemble(rich(), 1, 0)
    for name in ("month_start", "month_week", "calendar_month", "ledger_month", "due_from_join", "due_from_due", "rule_index"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(world.calendar, name)[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        world.tables.spans[0].events[0] = True
    assert world.calendar.dates[world.calendar.burn_in] == START and world.calendar.steps == 50


def test_a_second_replicate_costs_a_small_part_of_the_first():
    """The reason for all this: several times cheaper (measured: ten times); half would mean that the blueprint is not used."""
    p = rich(workers=300)
    like = assemble(p, 1, 0)

    def seconds(clear: bool) -> float:
        if clear:
            blueprint.cache_clear()
        began = time.process_time()
        assemble(p, 1, 0, like=like)
        return time.process_time() - began

    assert min(seconds(False) for _ in range(5)) < 0.5 * min(seconds(True) for _ in range(5))
