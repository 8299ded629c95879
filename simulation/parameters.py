"""Every number the model takes, typed: unit, bounds, meaning, source and grade stand beside the default.

A parameter without unit, range, source and grade does not exist: `quantity()` takes them all, and a test
walks the groups. Unknown keys are errors (`extra="forbid"`), types are strict, groups are frozen.
Sources are keys of the project's fact sheets (S1..S162, trial ids) or the section of the model description.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Grade = Literal["measured", "expert", "guess"]
PayerName = Literal["branch", "village", "regency", "company", "group", "scheme", "worker"]
GradeName = Grade


def quantity(default, unit, low, high, text, source, grade):
    """A number with its unit, closed range [low, high], meaning, source and grade (*measured / expert / guess*)."""
    return Field(default, ge=low, le=high, description=text, json_schema_extra={"unit": unit, "source": source, "grade": grade})


def choice(default, text, source="model", grade="expert"):
    """A setting that is not a number (name, switch, date, list)."""
    return Field(default, description=text, json_schema_extra={"unit": "-", "source": source, "grade": grade})


class InputError(ValueError):
    """Data handed to the simulation that it cannot use; the message names the file or key and the remedy."""


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Behavior(Group):
    """What people do, shared by every village and every trial. Draws of these are what calibration returns."""

    # comparing (7.3)
    value_sd: float = quantity(0.495, "log Rp", 0.3, 2.0, "spread of perceived value between workers of a village (sigma_w)", "CN-RICE-8, GH-NHIS, ID-JKN fit", "measured")
    community_sd_ratio: float = quantity(0.71, "ratio", 0.0, 0.9, "spread between communities over value_sd (sigma_v / sigma_w)", "CN-RICE ICC .17, IN-MF43 SD 8.2", "measured")
    understanding_weight: float = quantity(1.22, "log Rp", 0.0, 4.0, "log value gained from understanding nothing to understanding all (b_K)", "CN-RICE-1, -4", "measured")
    trust_weight: float = quantity(0.755, "log Rp", 0.0, 3.0, "log value per unit of trust that a claim is paid (b_T)", "IN-PAY", "guess")
    trust_reference: float = quantity(0.5, "share", 0.0, 1.0, "trust at which trust neither adds nor takes value", "convention", "expert")
    imitation_weight: float = quantity(1.9, "log Rp", 0.0, 4.0, "log value if all ties are enrolled and all see it (b_N)", "CN-RICE-6, -7", "measured")
    risk_weight: float = quantity(0.323, "log Rp per log risk", 0.0, 1.0, "log value per log of own and of seen risk (b_R)", "model 7.3", "guess")
    income_weight: float = quantity(0.226, "log Rp per log income", 0.0, 0.7, "log value per log of income over the median (b_Y)", "model 7.3", "guess")
    misbelief_weight: float = quantity(3.2, "log Rp", 0.0, 6.0, "log value lost to a misbelief", "seed Kadugenep; model 7.2", "guess")
    death_fund_weight: float = quantity(0.1, "log Rp", -1.0, 1.0, "log value lost by members of an arisan with its own death fund", "prototype 4", "guess")
    own_risk_sd: float = quantity(0.5, "log risk", 0.0, 1.5, "spread of own accident and death risk around the occupation's", "prototype 4; VN-VHI", "expert")
    own_money_weight: float = quantity(3.18, "ratio", 1.0, 5.0, "weight of money that leaves the hand against money never held (lambda)", "KE-CANE-1..4", "measured")
    auto_debit_money_weight: float = quantity(1.57, "ratio", 1.0, 5.0, "the same for auto-debit", "prototype C1", "guess")
    horizon_months: float = quantity(3.55, "months", 1.0, 24.0, "months over which price and one-off values are averaged (H)", "not identified; prior 1-12", "guess")
    # hearing (7.1)
    talk_enrolled_prob: float = quantity(0.0349, "per week and tie", 0.0, 1.0, "an enrolled person passes word to one tie (q_P)", "IN-MF43-4: .30-.35 per four months", "measured")
    talk_aware_prob: float = quantity(0.00332, "per week and tie", 0.0, 1.0, "an aware person who is not enrolled passes word to one tie (q_N)", "IN-MF43-3: .05 per four months", "measured")
    talk_boost: float = quantity(49.6, "ratio", 1.0, 100.0, "how much more people talk whom a campaign reached in person (B)", "IN-MF43-5, CN-RICE-3", "measured")
    talk_boost_weeks: int = quantity(9, "weeks", 0, 52, "for how long they do (F)", "IN-MF43-5", "measured")
    close_tie_ratio: float = quantity(3.26, "ratio", 1.0, 20.0, "weight of a close tie over another tie (mean weight stays 1)", "CN-RICE-3", "guess")
    # understanding and trust (7.2)
    session_intensity: float = quantity(0.452, "share of gap", 0.0, 1.0, "gap in understanding closed by a session", "CN-RICE-1: .25 -> .57", "measured")
    talk_intensity: float = quantity(0.749, "share of gap", 0.0, 1.0, "by a conversation", "CN-RICE-3", "measured")
    visit_intensity: float = quantity(0.189, "share of gap", 0.0, 1.0, "by a visit", "GH-NHIS-6", "expert")
    kit_intensity: float = quantity(0.0397, "share of gap", 0.0, 1.0, "by a leaflet or kit", "ID-JKN-5, PH-IPP-1, VN-VHI-1", "measured")
    kit_attention_prob: float = quantity(0.454, "per kit", 0.0, 1.0, "a leaflet, kit or voucher that is left with somebody, who is not asked, is noticed", "PH-IPP-1; VN-VHI", "guess")
    teach_ceiling_share: float = quantity(0.573, "share", 0.0, 1.0, "understanding up to which contacts of a campaign teach", "CN-RICE: .57 after one session, .51 after talk and session", "measured")
    media_intensity: float = quantity(0.01, "share of gap", 0.0, 1.0, "by a banner or a post", "model 5", "guess")
    bonding_credibility: float = quantity(1.0, "share", 0.0, 1.0, "constant of kin and neighbors as messengers", "model 7.2", "guess")
    linking_credibility: float = quantity(0.9, "share", 0.0, 1.0, "constant of leaders and Perisai as messengers", "ID-WJ (no difference)", "guess")
    institution_credibility: float = quantity(0.8, "share", 0.0, 1.0, "constant of officials and BPJS staff as messengers", "model 7.2", "guess")
    belief_clearing_ratio: float = quantity(1.37, "ratio", 0.0, 3.0, "chance that a personal contact clears a misbelief, per unit of intensity (.8 per session)", "prototype 1", "guess")
    paid_claim_count: float = quantity(1.0, "counts", 0.0, 10.0, "added to alpha by one paid claim seen", "IN-PAY; domain (a)", "guess")
    bad_claim_count: float = quantity(2.0, "counts", 0.0, 20.0, "added to beta by one late or refused claim seen", "domain (a): losses weigh double", "guess")
    sour_talk_count: float = quantity(0.5, "counts", 0.0, 5.0, "added to beta when a disappointed former member speaks", "model 7.2", "guess")
    learning_share: float = quantity(0.0175, "share of gap per month", 0.0, 0.1, "gap in understanding closed by an active month (e_x)", "ID-JKN-7, GH-NHIS-4", "measured")
    learning_clearing_ratio: float = quantity(3.0, "ratio", 0.0, 10.0, "chance that an active month clears a misbelief, over learning_share", "prototype C10", "guess")
    seen_risk_step: float = quantity(0.5, "log risk", 0.0, 2.0, "added to seen risk by one unprotected misfortune nearby", "model 7.8", "guess")
    seen_risk_fade_share: float = quantity(0.1, "share per month", 0.0, 1.0, "seen risk lost each month", "IN-PAY: fades in a year", "guess")
    # stages (7.1, 7.3, 7.5)
    self_persuasion_prob: float = quantity(0.0167, "per week", 0.0, 1.0, "KNOWLEDGE to PERSUASION by oneself", "prototype 3.2", "guess")
    compare_prob: float = quantity(0.0539, "per week", 0.0, 1.0, "unprompted comparison in PERSUASION (h)", "ID-JKN, PH-IPP controls", "expert")
    recompare_ratio: float = quantity(0.0943, "ratio", 0.0, 1.0, "the same in REJECTED and LAPSED, prompted or not (r)", "GH-NHIS m36, weakly", "guess")
    reopen_margin: float = quantity(0.1, "log Rp", 0.0, 5.0, "rise of the margin that reopens REJECTED", "model 7.3", "guess")
    attempt_prob: float = quantity(0.662, "per week", 0.0, 1.0, "a worker in DECISION tries to register (a)", "ID-JKN full, short window", "measured")
    discourage_prob: float = quantity(0.483, "per failure", 0.0, 1.0, "a failed attempt ends in REJECTED (d)", "ID-JKN-4", "measured")
    fade_prob: float = quantity(0.0642, "per week", 0.0, 1.0, "DECISION fades to PERSUASION when nothing is tried (f)", "not identified", "guess")
    # paying (7.6, 7.7)
    forget_start_prob: float = quantity(0.339, "per due month", 0.0, 1.0, "forgetting without habit (f0)", "LAPSE-1..5", "measured")
    forget_floor_prob: float = quantity(0.0283, "per due month", 0.0, 1.0, "forgetting with full habit", "LAPSE-1..5", "measured")
    habit_months: float = quantity(4.35, "months", 0.1, 24.0, "scale on which habit forms", "LAPSE-1", "expert")
    subsidized_habit_ratio: float = quantity(0.534, "ratio", 0.0, 1.0, "a subsidized month as habit (w_sub)", "ID-JKN-7, weakly", "guess")
    missed_month_ratio: float = quantity(0.233, "share", 0.0, 1.0, "chance to pay lost per unpaid month (rho)", "LAPSE-1, -2", "measured")
    collector_forgetting_ratio: float = quantity(0.632, "ratio", 0.0, 1.0, "forgetting when a collector comes", "domain (a); ID-CHEPS", "guess")
    auto_debit_forgetting_ratio: float = quantity(0.544, "ratio", 0.0, 1.0, "forgetting under auto-debit", "domain (a); ID-TK-P pending", "guess")
    reminder_forgetting_ratio: float = quantity(0.699, "ratio", 0.0, 1.0, "forgetting after the first reminder", "CO-BEPS-1, MX-SMS-1", "guess")
    reminder_wear_share: float = quantity(0.15, "share per reminder", 0.0, 1.0, "a reminder's effect lost with each one received", "CO-BEPS-1", "guess")
    cash_multiple: float = quantity(1.35, "ratio", 0.0, 5.0, "cash left must be this many times the amount due", "LAPSE shape, KE-CANE", "guess")
    solidarity_prob: float = quantity(0.164, "per missed month", 0.0, 1.0, "an enrolled tie or the arisan covers a month missed for want of cash", "seed Ajibarang (qualitative)", "guess")
    resentment_ratio: float = quantity(1.5, "ratio", 1.0, 5.0, "not paying, after forced entry or a refused claim", "domain (a)", "guess")
    confirm_months: int = quantity(6, "months", 1, 36, "own-paid months from IMPLEMENTATION to CONFIRMATION (m_c)", "model 7.7", "guess")


class Occupation(Group):
    """One occupation of a village: its share of workers, income and risk."""

    name: str = choice(..., "name, as used by targets")
    share: float = quantity(..., "share", 0.0, 1.0, "share of the village's workers", "domain (a)", "expert")
    income_median_rp: int = quantity(1_500_000, "Rp/month", 0, 100_000_000, "median monthly income", "domain 5a", "expert")
    income_cv: float = quantity(0.4, "ratio", 0.0, 1.5, "month-to-month variation of one worker's income", "domain 5b", "guess")
    season: list[float] = choice([1.0] * 12, "income by month, January first, mean 1", "domain (a), rice output", "expert")
    need_share: float = quantity(0.4, "share", 0.0, 1.0, "share of mean income that is spent before anything else", "prototype (sd_need .4)", "guess")
    risk_ratio: float = quantity(1.0, "ratio", 0.0, 10.0, "accident risk over the village's mean", "model 7.8", "guess")

    @model_validator(mode="after")
    def _season(self):
        if len(self.season) != 12 or any(not 0.0 <= x <= 12.0 for x in self.season) or abs(sum(self.season) - 12.0) > 0.02:
            raise ValueError("season needs twelve numbers from 0 to 12 that sum to 12")
        return self


def _occupations():
    flat = [1.0] * 12
    rice = [0.4, 0.6, 1.9, 2.4, 1.2, 0.8, 1.1, 1.2, 1.0, 0.7, 0.4, 0.3]
    rows = (
        ("farmer", 0.35, 1_400_000, 0.8, rice), ("farm_labor", 0.12, 1_000_000, 0.5, rice), ("trader", 0.20, 1_700_000, 0.3, flat),
        ("home_industry", 0.10, 1_500_000, 0.3, flat), ("daily_labor", 0.12, 1_600_000, 0.5, flat), ("transport", 0.05, 1_500_000, 0.3, flat),
        ("other", 0.06, 1_500_000, 0.4, flat),
    )  # fmt: skip
    return [Occupation(name=n, share=s, income_median_rp=i, income_cv=c, season=list(m)) for n, s, i, c, m in rows]


class Village(Group):
    """Who lives there, how they are tied, and the context in which they decide."""

    title: str = choice("Desa", "the village's name")
    workers: int = quantity(1300, "workers", 1, 20_000_000, "informal workers", "domain (a): Kadugenep 1,240", "expert")
    people_file: str = choice("", "CSV of workers instead of synthesis (see CONTRIBUTING)")
    ties_file: str = choice("", "CSV of ties (source, target[, kind, weight, close]) instead of synthesis")
    workers_per_household: float = quantity(1.6, "workers", 1.0, 5.0, "informal workers in a household", "domain (a)", "guess")
    households_per_community: int = quantity(40, "households", 2, 2000, "size of a community (RT, hamlet, market row)", "S122; Lerep 41", "measured")
    occupations: list[Occupation] = choice(_occupations(), "occupations and their shares, which sum to one", "domain (a), S47")
    female_share: float = quantity(0.42, "share", 0.0, 1.0, "women among informal workers", "Sakernas, general knowledge", "expert")
    income_sd: float = quantity(0.5, "log Rp", 0.0, 1.5, "spread of mean income within an occupation", "domain (a)", "guess")
    phone_share: float = quantity(0.6, "share", 0.0, 1.0, "workers who use a phone with internet", "S131: 59.33 % rural 2023", "measured")
    waste_bank_share: float = quantity(0.0, "share", 0.0, 1.0, "workers who save in a waste bank", "domain 7", "expert")
    waste_yield_median_rp: int = quantity(9_000, "Rp/month", 0, 1_000_000, "median value of a saver's waste", "domain 7, S142-S151", "expert")
    waste_yield_sd: float = quantity(0.8, "log Rp", 0.0, 2.0, "spread of the same", "domain 7 (assumed)", "guess")
    arisan_share: float = quantity(0.4, "share", 0.0, 1.0, "workers in an arisan", "IFLS, general knowledge", "expert")
    farmer_group_share: float = quantity(0.2, "share", 0.0, 1.0, "workers in a farmers' group", "general knowledge", "guess")
    pkh_share: float = quantity(0.15, "share", 0.0, 1.0, "workers whose household receives PKH", "general knowledge", "guess")
    group_size: int = quantity(20, "people", 2, 500, "members of one association", "domain (a)", "guess")
    # network
    degree_mean: float = quantity(8.0, "ties", 0.0, 60.0, "bonding and bridging ties per worker", "Alatas et al. 2016 (lower bound 3.8); BCDJ 8.9", "expert")
    clustering: float = quantity(0.4, "share", 0.0, 0.75, "closed triangles among bonding and bridging ties", "S45: .41 Indonesia", "measured")
    bridging_share: float = quantity(0.2, "share", 0.0, 1.0, "ties that cross communities", "domain (a)", "guess")
    broker_inequality: float = quantity(1.0, "exponent", 0.0, 3.0, "how unequal bridging ties are spread (0: evenly)", "BCDJ degree spread", "guess")
    close_ties: int = quantity(5, "ties", 0, 20, "how many bonding ties of a worker are close", "CN-RICE: five named friends", "measured")
    linking_share: float = quantity(0.3, "share", 0.0, 1.0, "workers tied to the head of their community", "model 2", "guess")
    village_linking_share: float = quantity(0.05, "share", 0.0, 1.0, "workers tied to the village head, and to each religious or group leader", "model 2", "guess")
    religious_leaders: int = quantity(3, "leaders", 0, 1000, "religious leaders", "model 2", "guess")
    group_leaders: int = quantity(3, "leaders", 0, 1000, "leaders of associations, waste bank included", "model 2", "guess")
    agent_candidates_per_1000: float = quantity(10.0, "people per 1,000 workers", 0.0, 200.0, "people with ties of their own who could become Perisai; silent until a campaign makes them agents", "model 2", "guess")
    leader_enrolled_share: float = quantity(0.25, "share", 0.0, 1.0, "leaders who are members themselves", "S67: officials 25 %, 2018", "measured")
    leader_understanding: float = quantity(0.7, "share", 0.0, 1.0, "understanding of an engaged leader", "model 7.4", "guess")
    # where things stand before any campaign
    baseline_awareness_share: float = quantity(0.3, "share", 0.01, 0.95, "workers who know the program", "domain (a)", "guess")
    baseline_coverage_share: float = quantity(0.03, "share", 0.0, 0.8, "workers with cover in force", "S49: 2.6-2.8 % 2017-18", "measured")
    understanding_mean: float = quantity(0.25, "share", 0.0, 1.0, "understanding of those who have not been told", "CN-RICE: .25", "measured")
    understanding_spread: float = quantity(0.15, "share", 0.0, 0.5, "half-width of the same", "model 6", "guess")
    misbelief_share: float = quantity(0.5, "share", 0.0, 1.0, "workers with a misbelief (health BPJS is enough, only for employees, invites death)", "seed Kadugenep; domain (a)", "guess")
    trust_mean: float = quantity(0.5, "share", 0.01, 0.99, "belief that a claim would be paid", "seed Kadugenep", "guess")
    trust_strength: float = quantity(4.0, "counts", 0.5, 100.0, "how firmly it is held (alpha + beta)", "model 7.2", "guess")
    never_share: float = quantity(0.15, "share", 0.0, 1.0, "workers who join at no price, or are out of all reach", "GH-NHIS full subsidy: 79 %", "measured")
    median_value_rp: float | None = quantity(None, "Rp/month", 1.0, 10_000_000.0, "perceived monthly value of an informed, median worker (absent: solved from baseline coverage)", "solved from baseline_coverage_share", "expert")
    forget_prob: float | None = quantity(None, "per week", 0.0, 1.0, "an uncovered worker whom nobody reached forgets (absent: solved from baseline awareness)", "solved from baseline_awareness_share", "expert")
    start_coverage_share: float | None = quantity(None, "share", 0.0, 1.0, "workers enrolled at the first step of the burn-in (absent: solved, so that the run starts at baseline coverage)", "solved from baseline_coverage_share", "expert")
    # registering
    documents_prob: float = quantity(0.85, "per attempt", 0.0, 1.0, "papers are in order", "ID-JKN-4", "expert")
    system_prob: float = quantity(0.9, "per attempt", 0.0, 1.0, "the office or its system works", "ID-JKN-4", "expert")
    form_prob: float = quantity(0.5, "per attempt", 0.0, 1.0, "the form is filled in right without help", "prototype C4", "guess")
    travel_rp: int = quantity(30_000, "Rp", 0, 1_000_000, "travel and time of an attempt at the office", "PH-IPP-2 set-up", "guess")
    hassle_rp: int = quantity(10_000, "Rp", 0, 1_000_000, "trouble of registering that help does not remove", "prototype C12", "guess")
    service_contact_prob: float = quantity(0.1, "per month", 0.0, 1.0, "a worker needs a village service", "domain (a)", "guess")
    # risk, claims, turnover
    accident_per_1000_year: float = quantity(4.0, "per 1,000 a year", 0.0, 200.0, "work accidents that lead to a claim", "S155-S157: 3.6-4.3, 2024", "measured")
    death_per_1000_year: float = quantity(2.5, "per 1,000 a year", 0.0, 50.0, "deaths", "domain (a)", "expert")
    migration_per_1000_year: float = quantity(20.0, "per 1,000 a year", 0.0, 500.0, "workers who move away", "model 3", "guess")
    formal_per_1000_year: float = quantity(15.0, "per 1,000 a year", 0.0, 500.0, "workers who take a formal job", "model 3", "guess")
    claim_days_mean: float = quantity(14.0, "days", 0.0, 365.0, "mean handling time of a claim", "domain 8", "expert")
    claim_late_days: float = quantity(30.0, "days", 1.0, 365.0, "a claim paid later than this is told as late", "S22: promise 3-7 days", "guess")
    claim_refused_share: float = quantity(0.05, "share", 0.0, 1.0, "claims refused or stuck", "domain (a), cases only", "guess")

    @model_validator(mode="after")
    def _shares(self):
        total = sum(o.share for o in self.occupations)
        if not self.occupations or abs(total - 1.0) > 1e-6:
            raise ValueError(f"occupations: shares sum to {total:.6g}, they must sum to 1")
        names = [o.name for o in self.occupations]
        if len(set(names)) != len(names):
            raise ValueError("occupations: a name stands twice")
        return self


class SchemeRule(Group):
    """The scheme's rules from `start` on. A key left out keeps the value of the rule before it."""

    start: dt.date = choice(..., "first day of the rule")
    price_rp: int | None = quantity(None, "Rp/month", 0, 1_000_000, "contribution for JKK + JKM, lowest band", "S2: 16,800", "measured")
    death_benefit_rp: int | None = quantity(None, "Rp", 0, 1_000_000_000, "JKM benefit", "S16-S19", "measured")
    waiting_months: int | None = quantity(None, "months", 0, 24, "months paid before the full JKM is due", "S8", "measured")
    waiting_benefit_rp: int | None = quantity(None, "Rp", 0, 1_000_000_000, "JKM before that", "S8, S20", "measured")
    accident_claim_rp: int | None = quantity(None, "Rp", 0, 1_000_000_000, "mean JKK claim of informal workers", "S158: 8.0 million", "measured")
    grace_months: int | None = quantity(None, "months", 1, 24, "unpaid months until membership ends", "S1: 3", "measured")
    relief_share: float | None = quantity(None, "share", 0.0, 1.0, "contribution waived by decree for self-payers", "S9: 50 %", "measured")
    relief_occupations: list[str] | None = choice(None, "occupations that get the relief (absent or empty: all)", "S10-S12")
    agent_bonus_members: int | None = quantity(None, "members/month", 0, 10_000, "new members in a month from which the bonus is paid", "S23: 50; S29: 25", "measured")
    agent_bonus_rp: int | None = quantity(None, "Rp/month", 0, 100_000_000, "bonus for reaching it", "S23: 500,000", "measured")
    agent_per_member_rp: int | None = quantity(None, "Rp", 0, 10_000_000, "per new member once it is reached", "S29: 10,000", "measured")
    agent_early_bp: int | None = quantity(None, "basis points", 0, 10_000, "share of contributions, member's months 1 to agent_early_months", "S23: 750; S29: 1,500", "measured")
    agent_late_bp: int | None = quantity(None, "basis points", 0, 10_000, "share of contributions after that", "S29: 500", "measured")
    agent_early_months: int | None = quantity(None, "months", 0, 600, "length of the early share", "S29: 24", "measured")
    agent_late_months: int | None = quantity(None, "months", 0, 600, "month in which the late share ends", "S29: 60", "measured")
    agent_idle_months: int | None = quantity(None, "months", 1, 60, "barren months that strike an agent off", "S26, S31: 3", "measured")
    agent_return_months: int | None = quantity(None, "months", 0, 60, "months until a struck agent may return", "S26: 6", "measured")


class Scheme(Group):
    title: str = choice("BPU JKK + JKM", "the scheme's name")
    rules: list[SchemeRule] = choice(..., "dated rules, oldest first; the first must be complete")

    @model_validator(mode="after")
    def _complete(self):
        if not self.rules:
            raise ValueError("rules: at least one is needed")
        missing = [k for k, v in self.rules[0] if v is None and k != "relief_occupations"]
        if missing:
            raise ValueError(f"rules.0: the first rule must be complete, missing: {', '.join(missing)}")
        starts = [r.start for r in self.rules]
        if starts != sorted(set(starts)):
            raise ValueError("rules: start dates must rise")
        return self

    def at(self, day: dt.date) -> SchemeRule:
        """The rule in force on `day`, with every key filled in. Before the first rule, the first rule."""
        now = self.rules[0].model_dump()
        for rule in self.rules[1:]:
            if rule.start <= day:
                if rule.relief_share is not None:
                    now["relief_occupations"] = None
                now.update({k: v for k, v in rule.model_dump().items() if v is not None})
        return SchemeRule(**now)


class Target(Group):
    """Whom a lever is for. Absent: everybody. Conditions are joined by *and*; a list is *any of*."""

    occupation: list[str] = choice([], "occupations")
    sex: list[Literal["female", "male"]] = choice([], "sex")
    membership: list[Literal["waste_bank", "arisan", "farmer_group", "pkh"]] = choice([], "memberships, any of")
    phone: bool | None = choice(None, "only those with (true) or without (false) a phone with internet")
    income_fifth: list[Annotated[int, Field(ge=1, le=5)]] = choice([], "income fifths, 1 poorest to 5")
    community: list[Annotated[int, Field(ge=0, le=10_000_000)]] = choice([], "communities by number, from 0")
    share: float = quantity(1.0, "share", 0.0, 1.0, "random share of those, the same workers throughout", "campaign", "expert")
    share_from: float = quantity(0.0, "share", 0.0, 1.0, "where that share begins: 0.5 with share 0.5 are those whom 0 with share 0.5 leaves out", "trials", "expert")


class ContactMechanism(Group):
    """Reach people: the chance is per week and worker of the target while an event takes place."""

    channel: Literal["session", "visit", "talk", "media", "kit", "reminder"] = choice(..., "channel class: fixes the intensity")
    attendance: int | None = quantity(None, "people per event", 0, 10_000_000, "people reached by one event (over the target)", "domain (a): 50", "expert")
    weekly_prob: float | None = quantity(None, "per week", 0.0, 1.0, "or: chance to be reached in a week", "campaign", "guess")
    every_weeks: int = quantity(1, "weeks", 1, 520, "weeks between events", "campaign", "expert")
    events: int | None = quantity(None, "events", 1, 10_000, "number of events (absent: until the end)", "campaign", "expert")
    credibility: Literal["bonding", "linking", "institution"] = choice("institution", "who speaks")
    helps: bool = choice(False, "help with the form is given on the spot")
    asks: bool = choice(False, "those reached are asked for an answer: all of them weigh it; with help, who says yes tries at once")

    @model_validator(mode="after")
    def _one(self):
        if (self.attendance is None) == (self.weekly_prob is None):
            raise ValueError("give either attendance or weekly_prob")
        return self


class PriceMechanism(Group):
    """Money off: a share of the contribution for some months from registration, or while the lever runs."""

    discount_share: float = quantity(1.0, "share", 0.0, 1.0, "share of the contribution paid for the worker", "campaign", "expert")
    months: int | None = quantity(None, "months", 1, 120, "months from registration (absent: while the lever runs)", "campaign", "expert")
    new_members_only: bool = choice(True, "months off are for those never registered before")
    known_share: float = quantity(0.0, "share", 0.0, 1.0, "workers who know of it without having been contacted since it began", "campaign", "guess")


class SponsorMechanism(Group):
    """A third party (village or regency budget, company, group fund) enrolls workers and pays for a term."""

    share: float = quantity(1.0, "share", 0.0, 1.0, "share of the target that is put on the list", "campaign", "expert")
    term_months: int = quantity(12, "months", 1, 120, "months paid per term", "S2: budget year", "expert")
    renewal_prob: float = quantity(0.8, "per term", 0.0, 1.0, "the budget is renewed at the end of a term", "domain 4 (no data)", "guess")


class GiftMechanism(Group):
    value_rp: int = quantity(..., "Rp", 0, 100_000_000, "value to the worker at registration", "domain 6", "guess")
    new_members_only: bool = choice(True, "only for those never registered before")


class ProcedureMechanism(Group):
    """A standing change of the procedure for the target (office in the village, app, trained officials)."""

    form_prob: float | None = quantity(None, "per attempt", 0.0, 1.0, "the form is filled in right", "prototype C4", "expert")
    system_prob: float | None = quantity(None, "per attempt", 0.0, 1.0, "the system works", "ID-JKN-4", "expert")
    travel_rp: int | None = quantity(None, "Rp", 0, 1_000_000, "travel and time of an attempt", "PH-IPP-2", "expert")


class ChannelMechanism(Group):
    """How contributions are taken."""

    kind: Literal["collector", "auto_debit", "waste_bank", "harvest", "group_fund", "flexible"] = choice(..., "pay channel")
    window_months: int = quantity(1, "months", 1, 12, "a due month may be paid from the cash of this many months", "campaign", "expert")


class RequirementMechanism(Group):
    """Membership is asked for at village services."""

    asked_share: float = quantity(..., "share", 0.0, 1.0, "share of service contacts at which it is asked for", "domain (a): .5", "guess")
    worth_rp: int = quantity(..., "Rp", 0, 100_000_000, "what the service is worth to the worker", "model 5", "guess")


class PublicityMechanism(Group):
    visibility_share: float = quantity(0.0, "share", 0.0, 1.0, "how visible the enrollment of others becomes", "CN-RICE-6: 1 when announced", "expert")
    announces_claims: bool = choice(False, "paid claims are announced in the community")


class ServiceMechanism(Group):
    claim_days_mean: float | None = quantity(None, "days", 0.0, 365.0, "mean handling time of a claim", "domain 8", "expert")
    claim_refused_share: float | None = quantity(None, "share", 0.0, 1.0, "claims refused or stuck", "domain (a)", "guess")
    answers_complaints: bool = choice(False, "a desk answers complaints: disappointment does not raise lapse")


class AgentsMechanism(Group):
    """Perisai agents or facilitators who choose whom to visit."""

    number: int = quantity(..., "agents", 0, 100_000, "agents", "domain (a): 1 per 1,000", "expert")
    visits_per_week: int = quantity(25, "visits/week", 0, 500, "contacts an agent can make in a week", "five a working day; S23: 114 members in ten months", "guess")
    candidates: int = quantity(4, "people", 1, 4, "people an agent weighs before each visit", "model 7.4", "guess")
    collects: bool = choice(True, "agents collect contributions from those they registered")
    collections_per_visit: int = quantity(4, "members", 1, 50, "members served in the time of one visit", "domain (a): 120 served", "guess")
    commission: bool = choice(True, "paid by the scheme's dated agent rule (facilitators on a salary: false)")
    reserve_income_rp: int = quantity(200_000, "Rp/month", 0, 50_000_000, "income below which an agent may leave", "domain 2 (attrition 12-46 %)", "guess")
    leave_prob: float = quantity(0.03, "per month", 0.0, 1.0, "chance to leave in such a month", "S32, S23, S30", "guess")
    preferred_occupation: list[str] = choice([], "occupations an agent goes to first")


class LeadersMechanism(Group):
    kinds: list[Literal["village_head", "community_head", "religious", "group"]] = choice(..., "which leaders are engaged")
    share: float = quantity(1.0, "share", 0.0, 1.0, "share of them", "campaign", "expert")


class GroupMechanism(Group):
    """Members of an association decide together at a meeting."""

    membership: Literal["waste_bank", "arisan", "farmer_group", "pkh"] = choice(..., "which associations")
    every_weeks: int = quantity(4, "weeks", 1, 520, "weeks between meetings", "S128", "expert")
    fund_months: int = quantity(3, "months", 0, 120, "months the group fund pays for members without cash", "model 5", "guess")
    leave_prob: float = quantity(0.1, "per meeting", 0.0, 1.0, "an outvoted member leaves rather than stay forced", "model 5", "guess")


class Cost(Group):
    fixed_rp: int = quantity(0, "Rp", 0, 10**13, "once, in the first week", "domain 6", "expert")
    monthly_rp: int = quantity(0, "Rp/month", 0, 10**13, "each calendar month begun", "domain 6", "expert")
    event_rp: int = quantity(0, "Rp/event", 0, 10**13, "each event", "domain 6", "expert")
    contact_rp: int = quantity(0, "Rp/person", 0, 10**11, "each person reached", "domain 6", "expert")
    registration_rp: int = quantity(0, "Rp/member", 0, 10**11, "each registration in the target while it runs", "domain 6", "expert")


class Lever(Group):
    """One dated measure: a set of mechanisms from a closed list. A new lever is data, never a branch in the kernel."""

    name: str = choice(..., "unique in the campaign")
    preset: str = choice("", "entry of the lever library it was made from")
    title: str = choice("", "for people to read")
    start: dt.date = choice(..., "first day")
    end: dt.date | None = choice(None, "last day (absent: until the run ends)")
    payer: PayerName = choice("branch", "who bears its cost")
    grade: GradeName = choice("guess", "how well its effect is known")
    source: str = choice("", "where its numbers come from")
    target: Target = choice(Target(), "whom it is for")
    cost: Cost = choice(Cost(), "what it costs")
    contact: ContactMechanism | None = choice(None, "reach people")
    price: PriceMechanism | None = choice(None, "money off")
    sponsor: SponsorMechanism | None = choice(None, "a third party enrolls and pays")
    gift: GiftMechanism | None = choice(None, "a gift at registration")
    procedure: ProcedureMechanism | None = choice(None, "easier registration")
    channel: ChannelMechanism | None = choice(None, "another way to pay")
    requirement: RequirementMechanism | None = choice(None, "membership asked for at services")
    publicity: PublicityMechanism | None = choice(None, "enrollment or claims made visible")
    service: ServiceMechanism | None = choice(None, "claims handled better")
    agents: AgentsMechanism | None = choice(None, "Perisai or facilitators")
    leaders: LeadersMechanism | None = choice(None, "leaders engaged")
    group: GroupMechanism | None = choice(None, "groups decide together")

    @model_validator(mode="after")
    def _dates(self):
        if self.end is not None and self.end < self.start:
            raise ValueError(f"end {self.end} lies before start {self.start}")
        reaching = [name for name in ("contact", "agents", "requirement") if getattr(self, name)]
        if len(reaching) > 1:
            raise ValueError(f"{' and '.join(reaching)} cannot stand in one lever (both would use cost.contact_rp); make two levers")
        return self


class Campaign(Group):
    title: str = choice("no campaign", "for people to read")
    budget_rp: int | None = quantity(None, "Rp", 0, 10**15, "all that may be spent (absent: no limit)", "campaign", "expert")
    monthly_ceiling_rp: int | None = quantity(None, "Rp/month", 0, 10**15, "in one calendar month (absent: no limit)", "campaign", "expert")
    levers: list[Lever] = choice([], "dated levers")

    @model_validator(mode="after")
    def _names(self):
        names = [lever.name for lever in self.levers]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"levers: the name {twice[0]!r} stands twice")
        if len(names) > 60:
            raise ValueError("levers: at most 60 in one campaign")
        return self


class Limits(Group):
    """For trials and verification only (model section 9): everyday scenarios leave all of this alone."""

    billing_months: int = quantity(1, "months", 0, 120, "months paid at once; 0: one-off, never due again", "model 9", "expert")
    sale_from_week: int = quantity(0, "weeks", 0, 5200, "first week of sale, from the start", "model 9", "expert")
    sale_until_week: int | None = quantity(None, "weeks", 0, 5200, "first week without sale (absent: always on sale)", "model 9", "expert")
    default_in: bool = choice(False, "in unless one opts out: the trouble of registering becomes the trouble of staying out")
    late_fee_rp: int = quantity(0, "Rp", 0, 10_000_000, "fee for coming back after lapse", "GH-NHIS set-up", "expert")
    owes_arrears: bool = choice(False, "unpaid months are owed on coming back")
    household_decides: bool = choice(False, "the unit is the household: one row each")
    step_days: int = quantity(7, "days", 1, 31, "days in one step; weekly chances are converted", "model 9", "expert")
    exposure_weeks: list[Annotated[int, Field(ge=0, le=100_000)]] = choice([], "steps each community is followed for (empty: all to the end)")
    pass_once: bool = choice(False, "a member talks only in the step after joining (independent cascade)")
    silence_prob: float = quantity(0.0, "per step", 0.0, 1.0, "a member falls silent for good (recovery in SIR)", "model 9", "expert")
    lapse_prob: float = quantity(0.0, "per step", 0.0, 1.0, "a member lapses, whatever he pays", "model 9", "expert")
    join_on_hearing: bool = choice(False, "whoever hears is enrolled at once")
    threshold: bool = choice(False, "a worker hears when the share of ties enrolled reaches the own threshold")
    claims: bool = choice(True, "accidents and claims happen")
    turnover: bool = choice(True, "workers leave and are replaced")


class Parameters(Group):
    """All that a run needs but seed and replicate."""

    start: dt.date = choice(dt.date(2018, 1, 1), "first day of the run")
    until: dt.date = choice(dt.date(2020, 1, 1), "the run ends before this day")
    burn_in_weeks: int = quantity(104, "steps", 0, 2000, "steps without campaign before the start", "model 6", "expert")
    village: Village = choice(Village(), "people, ties and context")
    scheme: Scheme = choice(..., "the social-security scheme's dated rules")
    behavior: Behavior = choice(Behavior(), "what people do")
    campaign: Campaign = choice(Campaign(), "dated levers")
    limits: Limits = choice(Limits(), "trial and verification settings")

    @model_validator(mode="after")
    def _agree(self):
        if self.until <= self.start:
            raise ValueError(f"until {self.until} must lie after start {self.start}")
        known = {o.name for o in self.village.occupations}
        for lever in self.campaign.levers:
            named = {"target.occupation": lever.target.occupation, "agents.preferred_occupation": lever.agents.preferred_occupation if lever.agents else []}
            for key, names in named.items():
                for name in names:
                    if name not in known:
                        raise ValueError(f"campaign.levers.{lever.name}.{key}: no occupation {name!r} in the village; known: {', '.join(sorted(known))}")
        return self


def walk(group: type[Group] = Parameters, path: str = ""):
    """Yield (key path, pydantic field) of every parameter below `group`, nested groups included."""
    for name, info in group.model_fields.items():
        inner = [a for a in (info.annotation, *getattr(info.annotation, "__args__", ())) if isinstance(a, type) and issubclass(a, Group)]
        here = f"{path}.{name}" if path else name
        yield here, info
        for one in inner:
            yield from walk(one, here)
