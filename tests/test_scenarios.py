"""Scenario files: all shipped ones load, every number has a source, bad input ends in one message that helps."""

import datetime as dt
import random
import re
import shutil
import time
import tomllib
from pathlib import Path

import pytest

from scenarios.diff import diff
from scenarios.errors import ScenarioError
from scenarios.loader import content_hash, library, load, names
from scenarios.reading import FOLDERS, HERE
from simulation.parameters import Behavior, Village

SHIPPED = [path for folder in FOLDERS.values() for path in sorted((HERE / folder).glob("*.toml"))]
DATA = [*SHIPPED, HERE / "levers.toml"]
CASES = [name for name, _, _ in names("case")]
PRESETS = """session session_in_event gapura banner social_media leader_endorsement official_training perisai pkh_facilitators free_months
partial_subsidy sembako_coupon waste_bank_payment shop_rebate village_regulation regency_regulation assisted_registration market_booth
mobile_app flexible_contributions auto_debit reminders claim_ceremony faster_claims complaint_desk regular_forum collective_enrollment
financial_education village_budget_pays regency_budget_pays""".split()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file into an empty current directory; gives its name."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "my.toml") -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


def fails(*args, **keywords) -> str:
    with pytest.raises(ScenarioError) as caught:
        load(*args, **keywords)
    message = str(caught.value)
    assert message and "\n" not in message and "Traceback" not in message and "pydantic" not in message
    return message


def lever(scenario, name):
    return next(x for x in scenario.parameters.campaign.levers if x.name == name)


# ------------------------------------------------------------------ what is shipped


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_shipped_file_loads_alone(path, capsys):
    scenario = load(path)
    assert scenario.name == path.stem and path in scenario.files
    assert scenario.parameters.until > scenario.parameters.start
    assert capsys.readouterr() == ("", "")


def test_what_must_be_there_is_there():
    assert set(CASES) == {"lerep", "hessa", "ajibarang", "bunutin", "kadugenep"}
    assert {n for n, _, _ in names("village")} == {"lerep", "hessa_air_genting", "ajibarang_market", "bunutin", "kadugenep", "desa", "trial"}
    assert {n for n, _, _ in names("campaign")} == {
        "lerep-2018",
        "hessa-2018",
        "ajibarang-perisai",
        "bunutin-2024",
        "kadugenep-2017",
        "none",
    }
    assert set(PRESETS) <= set(library())
    assert all(title and path.is_file() for kind in [*FOLDERS, "lever"] for _, title, path in names(kind))
    with pytest.raises(ScenarioError, match="did you mean 'village'"):
        names("villag")


@pytest.mark.parametrize("name", sorted(library()))
def test_every_preset_works_in_a_campaign(name, write):
    preset = library()[name]
    assert not {"name", "start", "end", "preset"} & set(preset)
    assert preset["title"] and preset["source"] and preset["grade"] in ("measured", "expert", "guess")
    made = lever(load(write(f'kind = "campaign"\n[[lever]]\npreset = "{name}"\nstart = 2018-01-01\n')), name)
    assert made.preset == name and made.title == preset["title"] and made.grade == preset["grade"]
    mechanisms = {k for k in preset if k not in ("title", "grade", "source", "payer", "target", "cost")}
    assert mechanisms and all(getattr(made, m) is not None for m in mechanisms)


def unsourced(text: str) -> list[int]:
    """Lines with a number but without words in a comment on the line or the one above."""
    bare, comments = [], []
    for line in text.splitlines():
        line = re.sub(r'"[^"]*"', '""', line)
        code, _, comment = line.partition("#")
        header = re.fullmatch(r"\s*\[\[?[\w.-]+\]\]?\s*", code)
        bare.append("" if header else code.partition("=")[2] if re.match(r"\s*[\w.-]+\s*=", code) else code)
        comments.append((code.strip() == "", bool(re.search(r"[A-Za-z]{2}|[SI]\d", comment))))
    return [n + 1 for n, code in enumerate(bare) if re.search(r"\d", code) and not comments[n][1] and not (n and all(comments[n - 1]))]


def test_the_source_checker_can_fail():
    assert unsourced("a = 5\n") == [1]
    assert unsourced("# why\n\na = 5") == [3]
    assert unsourced('# why\na = 5\nb = [1, 2]\ntext = "5"\n[x5]\nd = 2018-01-01 #\n  { share = 0.5 },') == [3, 6, 7]
    assert unsourced("a = 5  # S12\n# why\nb = 7\n") == []


@pytest.mark.parametrize("path", DATA, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_number_has_a_source(path):
    text = path.read_text(encoding="utf-8")
    assert [f"{path.name}:{n}: {text.splitlines()[n - 1]}" for n in unsourced(text)] == []


def test_villages_leave_the_solved_values_alone():
    for path in (HERE / "villages").glob("*.toml"):
        if path.stem == "trial":  # trials begin with people who know and are visited: nothing there stands still
            continue
        assert not {"median_value_rp", "forget_prob"} & set(tomllib.loads(path.read_text(encoding="utf-8")))
        parameters = load(path).parameters
        assert parameters.village.median_value_rp is None and parameters.village.forget_prob is None


@pytest.mark.parametrize("name", CASES)
def test_cases_run_two_years_and_contain_what_was_observed(name):
    scenario = load(name)
    parameters = scenario.parameters
    first = min(x.start for x in parameters.campaign.levers)
    assert parameters.start <= first and parameters.until >= first.replace(year=first.year + 2)
    assert scenario.observed and all(parameters.start <= o.date < parameters.until and o.source for o in scenario.observed)


def test_observed_counts_are_those_of_the_fact_sheet():
    counts = {n: [(o.value, o.tolerance_share) for o in load(n).observed if o.kind == "count"] for n in CASES}
    assert counts == {"lerep": [(1500, 0.3)], "hessa": [(2000, 0.5)], "kadugenep": [(930, 0.2)], "ajibarang": [], "bunutin": []}
    sizes = {n: load(n).parameters.village.workers for n in ("lerep", "kadugenep")}
    assert sizes == {"lerep": 3000, "kadugenep": 1240}
    shares = {o.name: o.share for o in load("kadugenep").parameters.village.occupations}
    assert shares["home_industry"] > 0.6


@pytest.mark.parametrize(
    "day, price, benefit, waiting, relief, occupations, bonus_rp, early_bp",
    [
        ("2017-06-01", 16_800, 24_000_000, 0, 0.0, [], 500_000, 750),
        ("2019-11-30", 16_800, 24_000_000, 0, 0.0, [], 500_000, 750),
        ("2019-12-31", 16_800, 42_000_000, 0, 0.0, [], 500_000, 750),
        ("2022-03-31", 16_800, 42_000_000, 0, 0.0, [], 500_000, 750),
        ("2022-04-01", 16_800, 42_000_000, 0, 0.0, [], 0, 1_500),
        ("2025-06-01", 16_800, 42_000_000, 3, 0.0, [], 0, 1_500),
        ("2026-03-31", 16_800, 42_000_000, 3, 0.5, ["transport"], 0, 1_500),
        ("2026-04-01", 16_800, 42_000_000, 3, 0.5, [], 0, 1_500),
        ("2027-01-01", 16_800, 42_000_000, 3, 0.5, ["transport"], 0, 1_500),
        ("2027-04-01", 16_800, 42_000_000, 3, 0.0, [], 0, 1_500),
    ],
)
def test_scheme_rules_by_date(day, price, benefit, waiting, relief, occupations, bonus_rp, early_bp):
    rule = load("lerep").parameters.scheme.at(dt.date.fromisoformat(day))
    assert (rule.price_rp, rule.death_benefit_rp, rule.waiting_months, rule.relief_share) == (price, benefit, waiting, relief)
    assert (rule.relief_occupations or [], rule.agent_bonus_rp, rule.agent_early_bp) == (occupations, bonus_rp, early_bp)
    assert rule.waiting_benefit_rp == (10_000_000 if waiting else benefit)


def test_loading_is_fast():
    load("lerep")
    best = min(_seconds(lambda: load("lerep")) for _ in range(3))
    assert best < 0.05


def _seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


# ------------------------------------------------------------------ names, extends, campaigns, overrides


def test_names_go_to_cases_first_and_folders_choose():
    assert load("lerep").observed and not load("villages/lerep").observed
    assert load("villages/lerep").parameters.campaign.levers == []
    assert load("villages/lerep").parameters.start == dt.date(2018, 1, 1)
    assert load("bunutin-2024").parameters.start == dt.date(2024, 7, 1)  # a campaign alone: the generic village, its own dates
    assert load("bunutin-2024").parameters.until == dt.date(2026, 7, 1)
    assert load("bunutin-2024").parameters.village.title == "Desa"


def test_extends_merges_tables_and_replaces_lists(write):
    write('kind = "village"\nextends = "lerep"\nworkers = 900\n', "part/small.toml")
    scenario = load(
        write('kind = "village"\nextends = "part/small.toml"\ntitle = "Mine"\noccupations = [{ name = "trader", share = 1.0 }]\n')
    )
    village = scenario.parameters.village
    assert (village.title, village.workers, village.waste_bank_share) == ("Mine", 900, load("lerep").parameters.village.waste_bank_share)
    assert [o.name for o in village.occupations] == ["trader"]
    assert [p.stem for p in scenario.files[:4]] == ["my", "small", "lerep", "desa"]


def test_a_case_extends_a_case_and_changes_a_part_by_a_table(write):
    parent = load("lerep").parameters
    child = load(write('kind = "case"\nextends = "lerep"\n[village]\nworkers = 400\n[behavior]\nown_money_weight = 1.5\n')).parameters
    assert child.village == parent.village.model_copy(update={"workers": 400})
    assert child.behavior.own_money_weight == 1.5 and child.campaign == parent.campaign
    write('kind = "case"\nextends = "lerep"\nvillage = { workers = 400, phone_share = 0.1 }\n', "parent.toml")
    deeper = load(write('kind = "case"\nextends = "parent.toml"\nvillage = { workers = 8 }\n')).parameters.village
    assert (deeper.title, deeper.workers, deeper.phone_share) == ("Desa Lerep", 8, 0.1)
    fresh = load(write('kind = "case"\nextends = "parent.toml"\nvillage = { extends = "desa", workers = 7 }\n')).parameters
    assert fresh.village == load("villages/desa").parameters.village.model_copy(update={"workers": 7})


def test_levers_merge_by_name_and_drop(write):
    text = """kind = "campaign"
extends = "lerep-2018"
budget_rp = 50_000_000
[[lever]]
name = "hamlet_sessions"
contact.attendance = 80
[[lever]]
name = "togoro"
drop = true
[[lever]]
preset = "gapura"
start = 2018-11-01
"""
    parent, child = load("lerep-2018").parameters.campaign, load(write(text)).parameters.campaign
    assert {x.name for x in child.levers} == {x.name for x in parent.levers} - {"togoro"} | {"gapura"}
    mine, theirs = (next(x for x in c.levers if x.name == "hamlet_sessions") for c in (child, parent))
    assert mine.contact.attendance == 80 and mine.contact.events == theirs.contact.events == 8
    assert mine.start == theirs.start and mine.cost == theirs.cost and child.budget_rp == 50_000_000


def test_unset_takes_out_what_a_preset_gave(write):
    text = L + 'cost = "unset"\n[lever.contact]\nattendance = "unset"\nweekly_prob = 0.1\n'
    made = lever(load(write(text)), "session")
    assert made.contact.attendance is None and made.contact.weekly_prob == 0.1 and made.cost.event_rp == 0
    assert lever(load("bunutin"), "officials_seminar").procedure is None


def test_campaigns_replace_those_of_the_case_and_add_up(write):
    write('kind = "campaign"\nbudget_rp = 5\n[[lever]]\npreset = "banner"\nstart = 2018-09-01\n', "a.toml")
    write('kind = "campaign"\nbudget_rp = 7\nmonthly_ceiling_rp = 2\n[[lever]]\npreset = "gapura"\nstart = 2018-09-01\n', "b.toml")
    none = load("lerep", campaigns=["none"])
    assert none.parameters.campaign.levers == [] and none.observed == load("lerep").observed
    both = load("lerep", campaigns=["a.toml", Path("b.toml")]).parameters.campaign
    assert [x.name for x in both.levers] == ["banner", "gapura"] and both.budget_rp == 12 and both.monthly_ceiling_rp == 2
    assert load("lerep", campaigns=["b.toml", "a.toml"]).parameters.campaign.levers == both.levers


def test_village_and_until_from_outside():
    scenario = load("lerep", village="kadugenep", until="2019-08-01")
    assert scenario.parameters.village.workers == 1240 and scenario.parameters.until == dt.date(2019, 8, 1)
    assert load("lerep", until=dt.date(2019, 8, 1)).parameters.until == dt.date(2019, 8, 1)


def test_overrides():
    scenario = load(
        "lerep",
        overrides=[
            "village.workers=500", "behavior.own_money_weight = 1.5", "campaign.budget_rp=50000000", "start=2018-07-01",
            "campaign.levers.togoro.price.months=6", "campaign.levers.hamlet_sessions.contact.attendance=80", "village.title=Desa Baru",
            "scheme.rules.0.price_rp=10_000", "village.occupations.farmer.income_cv=0.5", "limits.claims=false",
            "village.waste_bank_share=unset",
        ],
    )  # fmt: skip
    p = scenario.parameters
    assert (p.village.workers, p.behavior.own_money_weight, p.campaign.budget_rp) == (500, 1.5, 50_000_000)
    assert (p.start, p.village.title, p.scheme.rules[0].price_rp, p.limits.claims) == (dt.date(2018, 7, 1), "Desa Baru", 10_000, False)
    assert lever(scenario, "togoro").price.months == 6 and lever(scenario, "togoro").price.discount_share == 0.3
    assert lever(scenario, "hamlet_sessions").contact.attendance == 80 and lever(scenario, "hamlet_sessions").contact.events == 8
    assert p.village.occupations[0].income_cv == 0.5 and p.village.waste_bank_share == 0.0
    assert load("lerep", overrides={"village.workers": 500}).parameters.village.workers == 500
    assert load("lerep").parameters.village.workers == 3000 and library() == library()  # nothing shared was changed
    assert lever(load("lerep"), "hamlet_sessions").contact.attendance == 50


def test_library_hands_out_copies():
    library()["leader_endorsement"]["leaders"]["kinds"].append("x")
    assert "x" not in library()["leader_endorsement"]["leaders"]["kinds"]


# ------------------------------------------------------------------ hash and difference


def test_hash_knows_content_only(write, tmp_path):
    same = load(write('kind = "case"\nextends = "lerep"\n', "elsewhere/copy.toml"))
    assert same.content_hash == load("lerep").content_hash == content_hash(load("lerep").parameters)
    assert re.fullmatch("[0-9a-f]{64}", same.content_hash)
    one = 'kind = "campaign"\ntitle = "t"\n[[lever]]\nname = "a"\npreset = "banner"\nstart = 2018-09-01\n'
    two = '[[lever]]\nstart = 2018-09-01\npreset = "gapura"\nname = "b"\n'
    turned = 'kind = "campaign"\ntitle = "t"\n' + two + one.partition('"t"\n')[2]
    assert load(write(one + two)).content_hash == load(write(turned, "turned.toml")).content_hash
    assert (
        load("lerep", overrides=["village.workers_per_household=2"]).content_hash
        == load("lerep", overrides=["village.workers_per_household=2.0"]).content_hash
    )


def _numbers(group):
    for name, field in group.model_fields.items():
        bounds = {k: getattr(m, k) for m in field.metadata for k in ("ge", "le") if hasattr(m, k)}
        if bounds:
            yield name, bounds["ge"] if field.default in (None, bounds["le"]) else bounds["le"]


def test_hash_changes_with_every_number():
    seen = {load("lerep").content_hash}
    changes = [
        f"{part}.{name}={value}" for part, group in (("village", Village), ("behavior", Behavior)) for name, value in _numbers(group)
    ]
    changes += ["start=2018-07-31", "until=2021-01-01", "burn_in_weeks=0", "limits.step_days=1", "campaign.budget_rp=1", "campaign.title=x"]
    changes += ["campaign.levers.togoro.start=2018-09-01", "campaign.levers.togoro.price.months=1", "scheme.rules.1.start=2019-12-02"]
    changes += ["campaign.levers.togoro.target.share=0.31", "scheme.rules.0.price_rp=1", "village.occupations.farmer.income_median_rp=1"]
    assert len(changes) > 80
    for change in changes:
        found = load("lerep", overrides=[change]).content_hash
        assert found not in seen, change
        seen.add(found)


def test_people_and_ties_count_by_content(write, tmp_path):
    write("id,occupation\n1,farmer\n", "here/people.csv")
    write("source,target\n1,2\n", "here/ties.csv")
    write('kind = "village"\nextends = "desa"\npeople_file = "people.csv"\nties_file = "ties.csv"\n', "here/village.toml")
    scenario = load("here/village.toml")
    assert scenario.parameters.village.people_file == str((tmp_path / "here/people.csv").resolve())
    assert (tmp_path / "here/ties.csv").resolve() in scenario.files
    case = load(write('kind = "case"\nvillage = "here/village.toml"\n'))  # the path starts from the village's file
    assert case.parameters.village.people_file == scenario.parameters.village.people_file
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    assert load("there/village.toml").content_hash == scenario.content_hash
    (tmp_path / "there/people.csv").write_text("id,occupation\n1,trader\n")
    assert load("there/village.toml").content_hash != scenario.content_hash


def test_diff_is_empty_only_for_equals():
    assert diff(load("lerep"), load("lerep")) == []
    changed = [
        "village.workers=500",
        "campaign.levers.togoro.price.months=6",
        "scheme.rules.1.death_benefit_rp=1",
        "village.occupations.trader.income_cv=0.1",
    ]
    assert sorted(diff(load("lerep"), load("lerep", overrides=changed))) == [
        ("campaign.levers.togoro.price.months", None, 6),
        ("scheme.rules.2019-12-01.death_benefit_rp", 42_000_000, 1),
        ("village.occupations.trader.income_cv", 0.3, 0.1),
        ("village.workers", 3000, 500),
    ]


def test_diff_names_a_lever_that_only_one_has(write):
    rows = diff(load("lerep"), load("lerep", campaigns=["none"]))
    left = {key: (a, b) for key, a, b in rows}
    assert left["campaign.levers.togoro"] == ("Free contribution for shopping at the village shop (Togoro), 2018-08-01 to the end", None)
    assert set(left) == {"campaign.title"} | {f"campaign.levers.{x.name}" for x in load("lerep").parameters.campaign.levers}
    moved = diff(load("lerep"), load(write('kind = "case"\nextends = "lerep"\nobserved = []\n')))
    assert len(moved) == 1 and moved[0][0] == "observed.registered.2018-12-05" and moved[0][2] is None


# ------------------------------------------------------------------ bad input: one message that helps

V = 'kind = "village"\nextends = "desa"\n'
C = 'kind = "case"\n'
L = 'kind = "campaign"\n[[lever]]\npreset = "session"\nstart = 2018-08-01\n'
BAD = [
    # unknown keys: the nearest, or where it belongs
    (V + "workres = 500\n", ["my.toml, line 3", "workres", "unknown key", "did you mean 'workers'"]),
    (C + 'villag = "lerep"\n', ["line 2", "did you mean 'village'", "known here: title, village"]),
    (C + "workers = 5\n", ["workers", "it belongs in village.workers"]),
    (C + '[village]\nextends = "lerep"\nworkrs = 5\n', ["my.toml, line 4", "village.workrs", "did you mean 'workers'"]),
    (C + "[behavior]\nown_money_weigth = 1.0\n", ["behavior.own_money_weigth", "did you mean 'own_money_weight'"]),
    (C + "[limits]\nlapse = 1\n", ["limits.lapse", "did you mean 'lapse_prob'"]),
    (
        L + "contact.atendance = 5\n",
        ["my.toml, line 5", "lever.session.contact.atendance", "did you mean 'attendance'", "known here: channel"],
    ),
    (L + "[lever.prise]\nmonths = 3\n", ["lever.session.prise", "did you mean 'price'"]),
    ('kind = "campaign"\n[[levers]]\nname = "x"\n', ["my.toml, line 2", "levers", "did you mean 'lever'"]),
    (V + "[people]\nx = 1\n", ["my.toml, line 3", "people", "did you mean 'people_file'"]),
    (V + 'occupations = [{ name = "a", share = 1.0, incme_cv = 1.0 }]\n', ["line 3", "occupations.a.incme_cv", "did you mean 'income_cv'"]),
    ('kind = "scheme"\nextends = "bpu"\nprice_rp = 5\n', ["price_rp", "it belongs in scheme.rules.price_rp"]),
    # wrong type or unit
    (V + 'workers = "many"\n', ['workers = "many"', "not allowed", "a whole number from 1 to 20,000,000", "unit: workers"]),
    (V + 'workers = "1_300"\n', ['workers = "1_300"', "without quotes"]),
    (V + "workers = 500.5\n", ["workers = 500.5", "a whole number"]),
    (V + "workers = true\n", ["workers = true", "a whole number"]),
    (V + "workers = [1, 2]\n", ["workers = [1, 2]", "a whole number"]),
    (V + "title = 5\n", ["title = 5", "text in quotes"]),
    (V + "phone_share = 60\n", ["phone_share = 60", "from 0.0 to 1.0", "unit: share", "write 60 % as 0.6"]),
    (C + 'start = "2020-01-01"\n', ['start = "2020-01-01"', "a date without quotes, such as 2018-08-01"]),
    (C + "start = 2020-01-01T00:00:00\n", ["start = 2020-01-01T00:00:00", "a date without quotes"]),
    (C + "title = 5\n", ["my.toml, line 2", "title = 5", "text in quotes"]),
    (C + 'campaigns = "lerep-2018"\n', ["campaigns", "a list of names or paths"]),
    (C + "campaigns = [5]\n", ["campaigns.0 = 5", "a name or a path, in quotes"]),
    (C + "village = 5\n", ["village = 5", "a name or a path"]),
    (C + "[[village]]\nworkers = 5\n", ["[[village]] makes a list", "one table [village]"]),
    (C + "observed = 5\n", ["observed = 5", "a list"]),
    (L + 'contact.helps = "yes"\n', ['lever.session.contact.helps = "yes"', "true or false"]),
    (L + "contact = 5\n", ["lever.session.contact = 5", "a table with the keys channel, attendance"]),
    ('kind = "campaign"\n[lever]\nname = "x"\n', ["lever", "under [[lever]]"]),
    ('kind = "campaign"\nbudget_rp = "a lot"\n', ['budget_rp = "a lot"', "unit: Rp"]),
    # out of range
    (V + "workers = 0\n", ["workers = 0", "out of range", "from 1 to 20,000,000"]),
    (V + "workers = 99999999999999999999999\n", ["workers = 99999999999999999999999", "out of range"]),
    (V + "phone_share = nan\n", ["phone_share = nan", "from 0.0 to 1.0"]),
    (V + "income_sd = inf\n", ["income_sd = inf", "from 0.0 to 1.5"]),
    (V + f"workers = {'9' * 5000}\n", ["my.toml", "too many digits"]),
    ('kind = "campaign"\nbudget_rp = -1\n', ["my.toml, line 2", "budget_rp = -1", "from 0 to"]),
    (C + "burn_in_weeks = -4\n", ["burn_in_weeks = -4", "from 0 to 2,000"]),
    (C + "until = 9999-01-01\n", ["until = 9999-01-01", "1950 to 2150"]),
    (C + "start = 0001-01-01\n", ["start = 0001-01-01", "1950 to 2150"]),
    (L + "[lever.contact]\nattendance = -5\n", ["my.toml, line 6", "lever.session.contact.attendance = -5", "from 0"]),
    # choices and names
    (L + 'target.sex = ["femal"]\n', ['lever.session.target.sex.0 = "femal"', '"female", "male"', "did you mean 'female'"]),
    (L + 'payer = "brnch"\n', ['payer = "brnch"', "did you mean 'branch'"]),
    (L + 'target.occupation = ["farmr"]\n', ["lever.session.target.occupation", "no occupation 'farmr'", "did you mean 'farmer'"]),
    (L.replace("session", "sesion"), ["my.toml, line 3", 'preset = "sesion"', "did you mean 'session'", "known: session"]),
    (L.replace('"session"', '["session"]') + 'name = "x"\n', ["lever.x.preset", "no such lever preset"]),
    (C + 'village = "leerp"\n', ["my.toml, line 2", 'village = "leerp"', "did you mean 'lerep'", "known: ajibarang_market"]),
    (C + 'campaigns = ["lerep-2019"]\n', ["campaigns.0", "did you mean 'lerep-2018'"]),
    (C + 'scheme = "bpo"\n', ["scheme", "did you mean 'bpu'"]),
    (V.replace("desa", "desaa"), ["my.toml, line 2", "extends", "did you mean 'desa'"]),
    (V.replace("village", "vilage"), ["my.toml, line 1", 'kind = "vilage"', "did you mean 'village'"]),
    ("workers = 5\n", ["my.toml", "kind is missing", '"case" or "village"']),
    (C + 'village = "campaigns/none.toml"\n', ['kind = "campaign"', 'needed here: kind = "village"']),
    # what must agree
    (C + "start = 2020-01-01\nuntil = 2019-01-01\n", ["my.toml, line 3", "until = 2019-01-01", "after start 2020-01-01"]),
    (L + "end = 2018-07-01\n", ["my.toml, line 5", "lever.session.end = 2018-07-01", "lies before start 2018-08-01"]),
    (
        V + 'occupations = [{ name = "a", share = 0.5 }, { name = "b", share = 0.4 }]\n',
        ["line 3", "occupations", "sum to 0.9", "must sum to 1"],
    ),
    (V + 'occupations = [{ name = "a", share = 0.5 }, { name = "a", share = 0.5 }]\n', ["occupations", "a name stands twice"]),
    (V + "occupations = []\n", ["occupations", "must sum to 1"]),
    (V + 'occupations = [{ name = "a", share = 1.0, season = [1.0, 2.0] }]\n', ["occupations.a.season = [1.0, 2.0]", "twelve numbers"]),
    (L + "contact.weekly_prob = 0.1\n", ["my.toml", "lever.session.contact", "either attendance or weekly_prob"]),
    ('kind = "scheme"\nrules = [{ start = 2018-01-01 }]\n', ["rules.0", "must be complete", "price_rp"]),
    ('kind = "scheme"\nextends = "bpu"\nrules = []\n', ["rules = []", "at least one"]),
    (
        C + '[[observed]]\nmeasure = "registered"\ndate = 2018-01-01\nkind = "count"\nsource = "x"\ngrade = "guess"\n',
        ["observed.0.value", "needed where kind"],
    ),
    (
        C + '[[observed]]\nmeasure = "registerd"\ndate = 2018-01-01\nkind = "qualitative"\nsource = "x"\ngrade = "guess"\n',
        ["observed.0.measure", "did you mean 'registered'"],
    ),
    # levers
    (L + L.partition("\n")[2], ["lever.session", '"session" stands twice']),
    (L + 'name = "a.b"\n', ["a.b", "text without dots"]),
    ('kind = "campaign"\n[[lever]]\nstart = 2018-01-01\n', ["my.toml", "lever.0.name", "missing"]),
    ('kind = "campaign"\n[[lever]]\nname = "x"\n', ["lever.x.start", "missing", "a date without quotes"]),
    (
        'kind = "campaign"\nextends = "lerep-2018"\n[[lever]]\nname = "togro"\ndrop = true\n',
        ["lever.togro.drop", "no lever", "did you mean 'togoro'"],
    ),
    (L + "drop = 5\n", ["lever.session.drop = 5", "allowed: true"]),
    (C + 'campaigns = ["lerep-2018", "hessa-2018"]\n', ['"officials"', "lerep-2018.toml", "hessa-2018.toml"]),
    (
        'kind = "campaign"\n' + "".join(f'[[lever]]\npreset = "banner"\nname = "b{i}"\nstart = 2018-01-01\n' for i in range(61)),
        ["at most 60"],
    ),
    # files
    (V + "workers = \n", ["my.toml", "broken TOML", "line 3"]),
    (V + "workers = 5\nworkers = 6\n", ["my.toml", "broken TOML"]),
    (V + "start = 2018-02-30\n", ["my.toml", "broken TOML", "line 3"]),
    (V + 'people_file = "nobody.csv"\n', ["my.toml, line 3", 'people_file = "nobody.csv"', "no such file"]),
    (V + 'ties_file = "."\n', ["ties_file", "a directory"]),
    (C + 'extends = "my.toml"\n', ["my.toml, line 2", "circular extends: my.toml -> my.toml"]),
    (C + "x = " + "[" * 5000 + "]" * 5000, ["my.toml", "nested too deeply"]),
    (V + "a." * 3000 + "b = 1\n", ["my.toml", "nested too deeply"]),
    (C + "extends = 5\n", ["extends = 5", "a name or a path, in quotes"]),
]


@pytest.mark.parametrize("text, parts", BAD, ids=range(len(BAD)))
def test_bad_files_end_in_one_message(text, parts, write):
    message = fails(write(text))
    assert [part for part in parts if part not in message] == [], message


def test_several_problems_are_counted(write):
    assert "(and 2 more problems)" in fails(write(V + "workers = 0\nphone_share = 2.0\ntitle = 5\n"))
    message = fails(write(V + "workers = 0\nphone_shar = 0.5\n"))
    assert "phone_shar" in message and "(and 1 more problem)" in message  # misspelt keys first: they explain the rest


def test_circular_extends_over_two_files(write):
    write('kind = "village"\nextends = "b.toml"\n', "a.toml")
    write('kind = "village"\nextends = "a.toml"\n', "b.toml")
    assert "circular extends: a.toml -> b.toml -> a.toml" in fails("a.toml")


def test_the_message_names_the_parent_that_is_wrong(write):
    write('kind = "village"\nextends = "desa"\n\nworkers = 0\n', "parent.toml")
    assert fails(write('kind = "village"\nextends = "parent.toml"\nphone_share = 0.5\n')).startswith("parent.toml, line 4: workers = 0")


@pytest.mark.parametrize(
    "name, parts",
    [
        ("lerpe", ['"lerpe"', "did you mean 'lerep'", "known: ajibarang"]),
        ("nowhere.toml", ["nowhere.toml", "no such file"]),
        ("nowhere/lerep", ["no such file"]),
        ("folder", ["folder", "a directory"]),
        ("latin.toml", ["latin.toml", "not UTF-8"]),
        ("levers.toml", ['kind = "levers"', "needed here"]),
        ("", ["a name or a path"]),
        ("a\0b", ["cannot be used as a path"]),
        ("x" * 5000, ["cannot be used as a path"]),
        ("/dev/zero", ["not a regular file"]),
    ],
)
def test_bad_names_and_paths(name, parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.toml").write_bytes('kind = "village"\ntitle = "Désa"\n'.encode("latin-1"))
    message = fails(name)
    assert [part for part in parts if part not in message] == [] and len(message) < 600, message


@pytest.mark.parametrize(
    "override, parts",
    [
        ("village.worker=5", ["--set", "village.worker", "did you mean 'workers'"]),
        ("vilage.workers=5", ["vilage", "did you mean 'village'"]),
        ("village.workers=abc", ['village.workers = "abc"', "a whole number from 1"]),
        ("village.workers=-5", ["village.workers = -5", "out of range"]),
        ("village.workers", ["key=value"]),
        ("=5", ["key=value"]),
        ("village..workers=5", ["key=value"]),
        ("village.workers.x=5", ["workers = 3000 is one value"]),
        ("village=5", ["village = 5", "a table with the keys"]),
        ("campaign=5", ["campaign = 5", "a table"]),
        ("campaign.levers=5", ["campaign.levers = 5", "a list"]),
        ("campaign.levers.togro.price.months=3", ["no lever 'togro'", "did you mean 'togoro'"]),
        ("campaign.levers.togoro.price.months=0", ["campaign.levers.togoro.price.months = 0", "from 1 to 120"]),
        ("campaign.levers.togoro.name=waste_bank", ["'waste_bank' stands twice"]),
        ("campaign.levers.togoro.start=unset", ["campaign.levers.togoro.start", "missing"]),
        ("village.occupations.farmr.share=0.1", ["did you mean 'farmer'"]),
        ("village.occupations.farmer.share=0.9", ["occupations", "must sum to 1"]),
        ("scheme.rules.99.price_rp=1", ["nothing called '99'"]),
        ("village.people_file=none.csv", ["village.people_file", "no such file"]),
        ("start=2030-01-01", ["until = 2020-08-01", "after start 2030-01-01"]),
        ("limits.step_days=nan", ["limits.step_days = nan", "from 1 to 31"]),
        ("a." * 5000 + "b=1", ["nested too deeply"]),
    ],
)
def test_bad_overrides(override, parts):
    message = fails("lerep", overrides=[override])
    assert [part for part in parts if part not in message] == [], message


def test_bad_until_village_and_campaign():
    assert "such as 2019-12-31" in fails("lerep", until="2019-13-01")
    assert "after start 2018-08-01" in fails("lerep", until="2018-01-01")
    assert "did you mean 'lerep'" in fails("lerep", village="lerp")
    assert "did you mean 'hessa-2018'" in fails("lerep", campaigns=["hesa-2018"])


def test_mangled_files_never_crash(write):
    """Shipped files with characters cut, doubled or exchanged: a scenario or a message, nothing else."""
    chance = random.Random(7)
    broken = 0
    for _ in range(600):
        text = chance.choice(SHIPPED).read_text(encoding="utf-8")
        for _ in range(chance.randint(1, 3)):
            at, size = chance.randrange(len(text)), chance.randint(1, 12)
            text = text[:at] + chance.choice(["", text[at : at + size] * 2, chance.choice('"[]{}=.#-5\n\\x')]) + text[at + size :]
        try:
            load(write(text))
        except ScenarioError as error:
            broken += 1
            assert str(error) and len(str(error)) < 2000
    assert 100 < broken < 600
