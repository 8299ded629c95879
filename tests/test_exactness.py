"""Digits do not change: with the way a run is cut up, with the compiler off, with another process, with rows' order of work."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from worlds import lever, parameters, run

from simulation import world
from simulation.parameters import Occupation

EVERYTHING = [
    lever("session", contact=dict(channel="session", attendance=30, helps=True), cost=dict(event_rp=1_000_000, contact_rp=5_000)),
    lever("media", contact=dict(channel="media", weekly_prob=0.1), target=dict(phone=True)),
    lever("leaders", leaders=dict(kinds=["community_head", "religious"])),
    lever("free", price=dict(months=3)),
    lever("coupon", gift=dict(value_rp=50_000), target=dict(income_fifth=[1, 2])),
    lever("waste", channel=dict(kind="waste_bank"), target=dict(membership=["waste_bank"])),
    lever("sponsor", sponsor=dict(share=0.5, term_months=3, renewal_prob=0.5), target=dict(income_fifth=[1])),
    lever("rule", requirement=dict(asked_share=0.5, worth_rp=50_000)),
    lever("perisai", agents=dict(number=2, visits_per_week=5), payer="scheme"),
    lever("group", group=dict(membership="arisan", every_weeks=3)),
    lever("public", publicity=dict(visibility_share=0.8, announces_claims=True)),
    lever("remind", contact=dict(channel="reminder", weekly_prob=0.2)),
    lever("rebate", price=dict(discount_share=0.2), target=dict(share=0.3)),
]


OCCUPATIONS = [Occupation(name="a", share=0.5, income_cv=0.8, need_share=0.7), Occupation(name="b", share=0.5, income_cv=0.3)]


def rich(workers=150, weeks=40):
    village = dict(workers=workers, waste_bank_share=0.3, accident_per_1000_year=100.0, median_value_rp=30_000.0, forget_prob=0.02, start_coverage_share=0.05,
                   agent_candidates_per_1000=40.0, occupations=OCCUPATIONS)  # fmt: skip
    return parameters(weeks=weeks, village=village, levers=EVERYTHING, campaign=dict(budget_rp=60_000_000, monthly_ceiling_rp=15_000_000), burn_in=10)


def fingerprint(w) -> str:
    """A hash of everything a run left behind."""
    digest = hashlib.sha256()
    for name in ("workers", "public", "ledger", "events", "passages", "counts", "agents", "levers", "day"):
        table = np.asarray(getattr(w.village, name))
        for column in table.dtype.names or [None]:
            digest.update(np.ascontiguousarray(table if column is None else table[column]).tobytes())
    return digest.hexdigest()


def test_a_run_cut_into_weeks_equals_one_call():
    whole, cut = run(rich()), world.build(rich(), 1, 0)
    while cut.running:
        cut.advance(cut.week + 1)
    assert fingerprint(whole) == fingerprint(cut)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_any_number_of_threads_gives_the_same_digits(threads):
    one, many = run(rich(workers=1300)), world.build(rich(workers=1300), 1, 0)
    many.advance(workers=threads)
    assert fingerprint(one) == fingerprint(many)


def test_blocks_of_rows_in_any_order_give_the_same_digits():
    """The last block first: a worker reads nobody else's row."""
    from simulation import kernel

    one, other = run(rich()), world.build(rich(), 1, 0)
    v, n = other.village, len(other.village.workers)
    while other.running:
        t = other.week
        kernel.run_open(v, t)
        for first in reversed(range(0, n, 13)):
            kernel.run_rows(v, t, first, min(n, first + 13))
        count = int(v.day["misfortunes"][0])
        v.misfortunes[:count] = v.misfortunes[:count][np.argsort(v.misfortunes["person"][:count], kind="stable")]
        kernel.run_close(v, t)
        other.week += 1
    assert fingerprint(one) == fingerprint(other)


def test_the_rich_campaign_exercises_everything():
    w = run(rich())
    e = dict(zip(world_events(), w.village.events.sum(axis=0), strict=True))
    quiet = [k for k, v in e.items() if v == 0]
    assert set(quiet) <= {"VISITS_LOST", "CLAIMS_LATE", "EXIT_DEATH", "EXIT_FORMAL", "EXIT_MIGRATION", "CLAIMS_REFUSED"}, quiet


def world_events():
    from simulation.stages import Event

    return [e.name for e in Event]


CHILD = """
import sys
sys.path[:0] = {path!r}
from test_exactness import fingerprint, rich
from worlds import run
print(fingerprint(run(rich(workers=80, weeks=20))))
"""


def child(**environment) -> str:
    code = CHILD.format(path=[os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))])
    done = subprocess.run([sys.executable, "-W", "error::RuntimeWarning", "-c", code], capture_output=True, text=True, env=os.environ | environment, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_with_the_compiler_off_the_digits_are_the_same():
    assert child(NUMBA_DISABLE_JIT="1") == fingerprint(run(rich(workers=80, weeks=20)))


def test_another_process_and_a_generic_processor_give_the_same_digits(tmp_path):
    here = fingerprint(run(rich(workers=80, weeks=20)))
    assert child() == here


def test_seed_and_replicate_are_a_key_not_a_sum():
    prints = {fingerprint(run(rich(), seed=s, replicate=r)) for s in (1, 2, 3) for r in (0, 1, 2)}
    assert len(prints) == 9


def test_the_campaign_does_not_change_the_people_or_the_past():
    with_levers, without = world.build(rich(), 5, 2), world.build(rich().model_copy(update={"campaign": parameters().campaign}), 5, 2)
    one, two = with_levers.village.workers, without.village.workers
    for name in set(one.dtype.names) - {"segment", "group"}:
        assert np.array_equal(one[name], two[name]), name
    assert np.array_equal(with_levers.network.indices, without.network.indices)
