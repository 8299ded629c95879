"""What real networks say of the chance that a tie passes something on, in the units of the simulation: per tie and week.

    rows = of_dated(people, period_weeks) + of_lending(villages, points, likelihoods) + of_farmers(farmers)

A cross-check for the calibration, not its input. In the sets with dates a tie is counted when it brings somebody to *adopt*: a lower bound
of talk. In bcdj and cai what passes is knowledge, which is what the simulation calls talk.
"""

import numpy as np

from experiments.networks import hazards, insurance, insurance_fit, lending
from experiments.networks.insurance import Farmers
from experiments.networks.lending_fit import Point
from experiments.networks.reading import Dated
from experiments.networks.scoring import drawn

#: days between the rounds of cai
DAYS = 3
ADOPTION, TALK, FRIENDS = "an adopter brings a tie to adopt", "passes word to a tie", "a friend tells what he learnt in a session"


def row(name: str, what: str, parameter: str, values, weeks: float) -> dict:
    """A line of the table. values: estimate, low and high of the chance in a period of so many weeks."""
    weekly = [float(1.0 - (1.0 - min(value, 1.0)) ** (1.0 / weeks)) for value in values]
    return {"set": name, "what": what, "parameter": parameter, "period_weeks": weeks, "per_period": float(values[0])} | dict(
        zip(("per_week", "low", "high"), weekly)
    )


def of_dated(people: Dated, period_weeks: float) -> list[dict]:
    """Villages have effects here, so that what all in a village like is not taken for influence. Likelihood interval."""
    model = hazards.fit(people, hazards.COMMUNITIES)
    rates = (model.tie_rate, *hazards.rate_interval(people, model))
    return [row(people.name, ADOPTION, "talk_enrolled_prob", -np.expm1(-np.array(rates)), period_weeks)]


def of_farmers(farmers: Farmers) -> list[dict]:
    """Likelihood interval. Friends had just been in a session: talk that is boosted."""
    model = insurance_fit.fit(farmers)
    values = (model.tie_prob, *insurance_fit.tie_interval(farmers, model))
    return [row(insurance.NAME, FRIENDS, "talk_boost x talk_enrolled_prob", values, DAYS / 7)]


def of_lending(points: list[Point], likelihoods: np.ndarray, seed: int) -> list[dict]:
    """The best point of the design, and the range of best points when villages are drawn anew. likelihoods: [point, village]."""
    best = (drawn(likelihoods.shape[1], seed) @ likelihoods.T).argmax(axis=1)
    values = np.array([[p.rates.joined, p.rates.informed, min(1.0, p.rates.joined * p.rates.boost)] for p in points])[best]
    named = ((f"who joined {TALK}", "talk_enrolled_prob"), (f"who knows and did not join {TALK}", "talk_aware_prob"),
             (f"a leader who joined {TALK}, first weeks", "talk_boost x talk_enrolled_prob"))  # fmt: skip
    return [
        row(lending.NAME, what, parameter, (column[0], *np.quantile(column, (0.025, 0.975))), 1.0)
        for (what, parameter), column in zip(named, values.T)
    ]
