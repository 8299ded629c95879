"""Names of outcomes: every outcome has one, what is misspelt is refused with the nearest that there is."""

import pytest

from experiments.run import one
from experiments.running.keys import HEADLINES, catalog, key_of, text_of
from scenarios.loader import load
from simulation import outcomes
from simulation.parameters import InputError


@pytest.mark.parametrize(
    "text, key",
    [
        ("registered", ("registered", "end", "all", "all")),
        ("active@12", ("active", "12", "all", "all")),
        ("active@0", ("active", "0", "all", "all")),
        (" active@1200 ", ("active", "1200", "all", "all")),
        ("active_share/sex=female", ("active_share", "end", "sex", "female")),
        ("active_share@24/community=17", ("active_share", "24", "community", "17")),
        ("lever_rp@3/lever=a/b=c@d e", ("lever_rp", "3", "lever", "a/b=c@d e")),
        ("in_stage/stage=lapsed", ("in_stage", "end", "stage", "lapsed")),
        ("at_risk/contribution=13", ("at_risk", "end", "contribution", "13")),
    ],
)
def test_a_name_and_its_key(text, key):
    assert key_of(text) == key and text_of(key) == text.strip()


def test_the_end_may_be_said_and_months_have_one_spelling():
    assert key_of("active@end") == key_of("active") and key_of("active@012") == key_of("active@12")
    assert text_of(key_of("active@end")) == "active"


def test_every_outcome_of_a_run_has_a_name():
    small = [
        "village.workers=200",
        "burn_in_weeks=5",
        "village.median_value_rp=27000.0",
        "village.forget_prob=0.02",
        "village.start_coverage_share=0.04",
    ]
    parameters = load("kadugenep", overrides=small).parameters
    keys = list(one(parameters, 1, 0, months=(4, 7))["values"])
    names = [text_of(key) for key in keys]
    assert len(set(names)) == len(names) > 900
    assert [key_of(name) for name in names] == keys == [key_of(name, parameters) for name in names]
    assert {key[0] for key in keys} == set(catalog()) == set(outcomes.MEASURES)
    assert {(key[0], key[2]) for key in keys} == {(measure, kind) for measure, kinds in catalog().items() for kind in kinds}


def test_headlines_are_outcomes():
    assert [text_of(key_of(name)) for name in HEADLINES] == list(HEADLINES)
    assert {"registered", "active", "paying", "campaign_rp", "campaign_per_person_month_rp"} <= set(HEADLINES)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("activ", "outcome 'activ': unknown measure 'activ', did you mean 'active'?"),
        ("", "unknown measure ''; known: workers, aware"),
        ("zzz@4", "unknown measure 'zzz'; known: workers, aware"),
        ("active@4.5", "month '4.5': not allowed; allowed: a whole number of months from 1 to 1200, a date such as 2019-03-01, 0 (the start) or end"),
        ("active@2019-02-30", "month '2019-02-30'"),
        ("active@20190301", "month '20190301'"),
        ("adopters@2019-03-01/adopter=laggard", "adopters is measured at the end alone, not at 2019-03-01"),
        ("active@", "month ''"),
        ("active@-1", "month '-1'"),
        ("active@1201", "month '1201'"),
        ("active@²", "month '²'"),
        ("active@End", "month 'End'"),
        ("registrations@0", "registrations adds up from the start on, there is none at month 0"),
        ("adopters@12/adopter=laggard", "adopters is measured at the end alone, not at month 12"),
        ("in_stage", "in_stage needs a group, such as in_stage/stage=unaware"),
        ("registered/sex=female", "no group kind 'sex' of registered; registered is of all workers alone"),
        ("active_share/sec=female", "no group kind 'sec' of active_share, did you mean 'sex'?; allowed: sex=male, occupation=NAME"),
        ("active_share/sex", "no sex ''; allowed: male, female"),
        ("active_share/", "no group kind ''"),
        ("active_share/sex=femal", "no sex 'femal', did you mean 'female'?; allowed: male, female"),
        ("active_share/community=x", "no community 'x'; allowed: its number"),
        ("active_share/community=07", "no community '07'"),
        ("lever_rp/lever=", "no lever ''"),
        ("in_stage/stage=lapse", "no stage 'lapse', did you mean 'lapsed'?"),
    ],
)
def test_what_no_run_has_is_refused(text, problem):
    with pytest.raises(InputError) as told:
        key_of(text)
    assert str(told.value).startswith(f"outcome {text!r}: ") and problem in str(told.value) and "\n" not in str(told.value)


def test_levers_and_occupations_of_a_scenario():
    parameters = load("lerep").parameters
    lever = parameters.campaign.levers[0].name
    assert key_of(f"lever_rp/lever={lever}", parameters) == ("lever_rp", "end", "lever", lever)
    assert key_of("lever_rp/lever=another") == ("lever_rp", "end", "lever", "another")
    with pytest.raises(InputError, match=f"no lever {lever[:-1]!r}, did you mean {lever!r}"):
        key_of(f"lever_rp/lever={lever[:-1]}", parameters)
    with pytest.raises(InputError, match="no occupation 'pilot'; allowed: "):
        key_of("active_share/occupation=pilot", parameters)
    with pytest.raises(InputError, match="no lever 'visits'; allowed: none"):
        key_of("lever_rp/lever=visits", load("desa").parameters)
