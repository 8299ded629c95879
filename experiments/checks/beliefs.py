"""Understanding and trust under contact that is certain, against their closed forms (section 7.2 of the ODD).

Nobody here weighs the offer, so nothing else moves. The kernel keeps both as 32-bit floats: a few parts in a million.
"""

import numpy as np

from experiments.checks import worlds
from experiments.checks.worlds import ERRORS, MUTE, PLAIN, Found, flags, lever
from simulation.stages import ACTIVE, MISBELIEF

DIGITS = 5e-6
IDLE = dict(MUTE, compare_prob=0.0, self_persuasion_prob=0.0)
NOVICE = dict(understanding_mean=0.25, understanding_spread=0.15)
UNWILLING = dict(median_value_rp=1.0)


def understanding(world) -> np.ndarray:
    return world.village.workers["understanding"].astype(float)


def farthest(expected: np.ndarray, got: np.ndarray, unit: str, note: str) -> Found:
    """The worker who lies farthest from the closed form."""
    at = int(np.abs(got - expected).argmax())
    return Found(float(expected[at]), float(got[at]), DIGITS, unit, 1, f"worst of {len(got)} workers; {note}")


def taught(channel: str, intensity: float, weeks=8, workers=200) -> Found:
    """A channel that reaches everybody every week: K(t) = 1 - (1 - K0)(1 - i)^t."""
    every_week = lever("contact", contact=dict(channel=channel, weekly_prob=1.0))
    idle = IDLE | {f"{channel}_intensity": intensity}
    world = worlds.play(weeks, village=NOVICE | UNWILLING | dict(workers=workers), behavior=idle, levers=[every_week])
    start = understanding(world)
    world.advance()
    return farthest(1 - (1 - start) * (1 - intensity) ** weeks, understanding(world), "share understood", f"{channel} {weeks} times")


def told(weeks=8, workers=200, knows=0.7, intensity=0.4, credibility=0.9) -> Found:
    """Word of an engaged village head, every week, and of nobody else: K(t) = k - (k - K0)(1 - i c)^t, K0 where K0 lies above k."""
    village = NOVICE | UNWILLING | dict(workers=workers, village_linking_share=1.0, leader_understanding=knows, understanding_spread=0.5)
    head = lever("head", leaders=dict(kinds=["village_head"]))
    behavior = IDLE | dict(talk_aware_prob=1.0, talk_enrolled_prob=1.0, talk_intensity=intensity, linking_credibility=credibility)
    world = worlds.play(weeks, village=village, behavior=behavior, levers=[head])
    start = understanding(world)
    world.advance()
    expected = start + (1 - (1 - intensity * credibility) ** weeks) * np.maximum(0, knows - start)
    return farthest(expected, understanding(world), "share understood", f"a leader's word {weeks} times")


def learned(months=12, workers=200, share=0.02) -> Found:
    """Members who pay: K(m) = 1 - (1 - K0)(1 - e)^m over active months."""
    behavior = MUTE | dict(forget_start_prob=0.0, forget_floor_prob=0.0, learning_share=share)
    village = NOVICE | dict(workers=workers, start_coverage_share=1.0)
    world = worlds.play(52, village=village, behavior=behavior)
    start = understanding(world)
    world.advance()
    return farthest(1 - (1 - start) * (1 - share) ** months, understanding(world), "share understood", f"{months} active months")


def cleared(workers=4000, intensity=0.43, ratio=1.86) -> Found:
    """One session clears a misbelief with chance 1.86 x .43."""
    once = lever("session", contact=dict(channel="session", weekly_prob=1.0, events=1))
    behavior = IDLE | dict(session_intensity=intensity, belief_clearing_ratio=ratio)
    world = worlds.play(2, village=UNWILLING | dict(workers=workers, misbelief_share=1.0), behavior=behavior, levers=[once])
    world.advance()
    share, expected = (world.village.workers["marks"] & MISBELIEF == 0).mean(), intensity * ratio
    error = (expected * (1 - expected) / workers) ** 0.5
    return Found(expected, float(share), ERRORS * error, "misbeliefs cleared", workers, "one session")


# ------------------------------------------------------------------ trust: alpha / (alpha + beta)


def couples(pairs: int) -> np.ndarray:
    """Ties 0-1, 2-3, ..."""
    return np.arange(2 * pairs).reshape(-1, 2).T


def trust(world) -> np.ndarray:
    alpha, beta = (world.village.workers[name].astype(float) for name in ("alpha", "beta"))
    return alpha / (alpha + beta)


def claims_seen(refused: bool, pairs=300, weeks=104, strength=4.0, counts=(1.0, 2.0)) -> Found:
    """Each member has one tie who is not: (a + n) / (a + b + n) after n paid claims, a / (a + b + 2 n) after n refused ones.

    n is read week by week from the letter box of the tie. Accidents are as frequent as they can be.
    """
    members = flags(2 * pairs, range(0, 2 * pairs, 2))
    village = dict(
        claim_refused_share=float(refused), claim_days_mean=0.0, accident_per_1000_year=200.0, death_per_1000_year=0.0,
        trust_mean=0.5, trust_strength=strength, occupations=[job.model_copy(update={"risk_ratio": 10.0}) for job in PLAIN["occupations"]],
    )  # fmt: skip
    behavior = IDLE | dict(
        forget_start_prob=0.0, forget_floor_prob=0.0, resentment_ratio=1.0, paid_claim_count=counts[0], bad_claim_count=counts[1],
    )  # fmt: skip
    setting = dict(village=village, behavior=behavior, limits=dict(claims=True))
    world = worlds.play(weeks, people={"enrolled": members}, ties=couples(pairs), **setting)
    seen = np.zeros((2, 2 * pairs))
    while world.running:
        seen += [world.village.workers["news_paid"], world.village.workers["news_bad"]]
        world.advance(world.week + 1)
    seen = seen[:, members == 0]
    good, bad = seen * np.array(counts)[:, None]
    found = farthest((strength / 2 + good) / (strength + good + bad), trust(world)[members == 0], "trust", f"{seen.sum():.0f} claims seen")
    return found._replace(sound=seen[1 - int(refused)].sum() == 0 and seen.mean() > 0.5)


def soured(weeks=10, pairs=100, strength=4.0, counts=0.5) -> Found:
    """A former member who was forced to join speaks every week: a / (a + b + .5 n) after n weeks."""
    forced = flags(2 * pairs, range(0, 2 * pairs, 2))
    people = {"pkh": forced, "enrolled": np.zeros(2 * pairs, int), "value": np.zeros(2 * pairs)}
    # asked for at a service he cannot do without, he joins against his wish, in the first week; he leaves in the second
    asked = lever("asked", end=worlds.START, requirement=dict(asked_share=1.0, worth_rp=10_000_000), target=dict(membership=["pkh"]))
    village = UNWILLING | dict(service_contact_prob=1.0, trust_mean=0.5, trust_strength=strength)
    behavior = dict(talk_enrolled_prob=0.0, talk_aware_prob=1.0, self_persuasion_prob=1.0, sour_talk_count=counts)
    setting = dict(village=village, behavior=behavior, limits=dict(lapse_prob=1.0), levers=[asked])
    world = worlds.play(weeks + 2, people=people, ties=couples(pairs), **setting)
    world.advance()
    tie = forced == 0
    expected = np.full(pairs, strength / 2 / (strength + counts * weeks))
    found = farthest(expected, trust(world)[tie], "trust", f"{weeks} weeks of a disappointed tie")
    return found._replace(sound=not (world.village.workers["marks"] & ACTIVE).any())
