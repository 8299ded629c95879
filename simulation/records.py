"""The tables the kernel works on: NumPy record types, one row per worker, tie, segment and period, week, lever, agent ...

A record is passed to compiled code as one pointer; fields read the same with the compiler off (`workers[i].stage`).
Columns come first that every week touches. Units stand in the field names; see the ODD for meanings.
"""

import numpy as np

from simulation.stages import Event, Item, Measure, Payer, Source

EVENTS, ITEMS, PAYERS, SOURCES = len(Event), len(Item), len(Payer), len(Source)
MEASURES = len(Measure) + 8
SLOTS = 4
SUBSETS = 2**SLOTS
STANDING = 4
CELLS = 1024
HABIT_CELLS = 960


def record(*fields) -> np.dtype:
    return np.dtype([f if isinstance(f, tuple) else (f, "i8") for f in fields], align=True)


def columns(kind: str, names: str) -> list[tuple[str, str]]:
    return [(name, kind) for name in names.split()]


WORKER = record(
    # touched every week
    *columns("u1", "stage occupation"), *columns("u2", "marks segment"), *columns("i4", "first last next_due reached_week told_week visited"),
    *columns("f4", "understanding alpha beta value"), *columns("i2", "news_paid news_bad news_risk attempts"),
    # touched when something happens
    *columns("f4", "margin seen_risk risk understanding_start value_slot known_draw threshold"),
    *columns("i2", "own_months other_months unpaid sub_left offer listed reminders"),
    *columns("i4", "stage_week joined_week first_week stop_week first_stop agent visitor community income_rp exposure"),
    *columns("u1", "first_source last_source arisan group"), *columns("u8", "denied_contact denied_claim"),
)  # fmt: skip

TIE = record(("other", "i4"), ("weight", "f4"), ("linking", "u1"))

#: what others may read of a person this week; told: understanding, 0 under a misbelief; standing: 1 enrolled, 2 disappointed former member
PUBLIC = record(("talk", "f4"), ("told", "f4"), ("standing", "u1"))

PAR = record(
    *columns("u8", "key0 key1"),
    *columns(
        "f8",
        "log_value forget_prob talk_enrolled talk_aware talk_boost peer_intensity bonding_credibility linking_credibility understanding_weight "
        "trust_weight trust_reference imitation_weight misbelief_weight risk_weight clearing_ratio paid_count bad_count sour_count learning "
        "teach_ceiling learning_clearing seen_risk_step seen_risk_keep self_persuasion compare_prob recompare_ratio reopen_margin attempt_prob discourage_prob "
        "fade_prob subsidized_habit collector_ratio auto_debit_ratio resentment cash_multiple solidarity_prob death_prob migration_prob "
        "formal_prob late_days leader_understanding trust_alpha trust_beta understanding_mean understanding_spread misbelief_share "
        "awareness_share never_share value_sd own_risk_sd silence_prob lapse_prob",
    ),
    *columns(
        "i8",
        "boost_weeks confirm_months billing_months step_days late_fee_rp owes_arrears claims_on turnover_on pass_once join_on_hearing "
        "threshold_rule budget_rp ceiling_rp workers segments levers leaders",
    ),
    ("intensity", "f8", (8,)), ("forget", "f8", (HABIT_CELLS,)), ("missed", "f8", (128,)), ("reminder", "f8", (256,)),
    ("normal", "f8", (CELLS + 1,)), ("mid", "f8", (CELLS,)), ("risk_table", "f8", (CELLS,)), ("wait", "f8", (CELLS,)),
)  # fmt: skip

OCCUPATION = record(*columns("f8", "need accident_prob"), ("season", "f8", (12,)), ("shock", "f8", (CELLS,)))

#: what one segment meets in one period
ROW = record(
    ("threshold", "f8", (8 * SUBSETS,)), ("success", "f8", (2,)), ("first_due_rp", "i8", (SUBSETS,)), ("slot_levers", "u8", (SLOTS,)), ("slot_since", "i8", (SLOTS,)),
    ("slot_fresh", "u1", (SLOTS,)),
    ("slot_known", "f8", (SLOTS,)), ("subset_offer", "i8", (SUBSETS,)), ("pay_threshold", "f8", (2,)), ("contact", "f8", (8,)), ("contact_from", "i8", (8,)),
    *columns("i8", "due_rp source_rp discount_rp discount_lever channel window"), *columns("f8", "visibility refused_share claim_days"),
    *columns("u8", "paid_levers"), *columns("u1", "announces complaints contact_blocks"),
)  # fmt: skip

#: where the row of (period, segment) stands; with levers that may be off, 2**k variants follow, bit k: lever mask k is off
PLACE = record(("row", "i8"), ("levers", "u8", (STANDING,)))

WEEK = record(
    *columns("i8", "week period month_start month_week calendar_month ledger_month due_from_join due_from_due on_sale contact_blocks death_benefit_rp "
             "waiting_benefit_rp waiting_months accident_claim_rp grace_months"), ("agent_rule", "i8", (9,)),
)  # fmt: skip

LEVER = record(
    *columns("i8", "payer bound helps asks kind contact_rp registration_rp gift_rp claim_rp discount_rp month_unit_rp visits owed_once_rp owed_month_rp unmet_rp"),
    ("credibility", "f8"),
)  # fmt: skip
PLAN = record(*columns("i8", "once_rp monthly_rp event_rp running"))
CONTACT_SHARE = record(("lever", "i8"), ("cumulative", "f8"))
OFFER = record(*columns("i8", "lever months basis_points unit_rp bill_rp term list_week first last"), *columns("f8", "log_own renewal_prob"))
GROUP = record(*columns("i8", "lever from_week until_week every offer first last"), ("leave_prob", "f8"))
AGENT = record(
    *columns("i8", "lever from_week until_week row visits candidates collects per_visit commission reserve_rp first last"),
    *columns("i8", "active new_members commissions_rp portfolio income_rp idle_months away_months"), *columns("f8", "leave_prob collect_prob"),
    ("preferred", "u8"),
)  # fmt: skip
CLAIM = record(*columns("i8", "person joined week outcome kind amount_rp"))
MISFORTUNE = record(*columns("i8", "person kind"))

#: the day book: what this week adds up, all integers; copied to the records and cleared at the week's end
DAY = record(
    ("events", "i8", (EVENTS,)), ("passages", "i8", (8, 8)), ("joined_by", "i8", (2, SOURCES)), *columns("u8", "off never off_month spent_out"),
    *columns("i8", "spent_rp committed_rp obligation_rp month_spent_rp left_rp misfortunes claims"),
)  # fmt: skip


def table(kind: np.dtype, shape) -> np.recarray:
    """A zeroed record array whose rows also answer to attribute access."""
    return np.zeros(shape, kind).view(np.recarray)


def ledger(months: int, levers: int) -> np.ndarray:
    """Integer rupiah by [month, lever, item, payer]; the last lever row holds what belongs to no lever."""
    return np.zeros((months, levers + 1, ITEMS, PAYERS), np.int64)
