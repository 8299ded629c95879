"""The tables of the ODD (simulation/README.md), made from the code that they describe.

`python -m simulation.document` rewrites the blocks between `<!-- generated: NAME -->` and `<!-- end: NAME -->`;
with `--check` it writes nothing and exits 1 when a block is stale. Every `*_rows` function returns plain rows of
strings for other fronts (`sadar schedule` prints `schedule_rows`). Imports neither numba nor files of a scenario.
"""

import re
import sys
from pathlib import Path
from typing import Literal, NamedTuple, get_args, get_origin

from simulation import records
from simulation.parameters import Group, walk
from simulation.stages import LEGAL_PASSAGES, Event, Item, Measure, Payer, Source, Stage

README = Path(__file__).with_name("README.md")
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end: \2 -->)", re.DOTALL)


class Step(NamedTuple):
    """One process of a week. `number` 6.2 means: inside step 6, once per worker."""

    number: str
    function: str
    does: str
    reads: str
    writes: str


SCHEDULE = (
    Step("1", "fund", "which levers run: fixed costs paid, renewals drawn", "plan, levers, budget", "day.off, levers, ledger"),
    Step("1.1", "renew", "a sponsor's budget is renewed or not", "offers", "day.never"),
    Step("1.2", "ration", "contacts, discounts, gifts, subsidies cut to the money", "levers, workers, rows", "denied, day.off, spent_out"),
    Step("2", "publish", "copy what others may read this week", "workers, leader_on, day.off, agents", "public"),
    Step("3", "send_agents", "agents choose whom to visit", "agents, lists, workers", "visited, visitor, agents, ledger"),
    Step("3.1", "settle_agent", "months' starts, end: pay, strike-off, leaving, return", "weeks.agent_rule", "agents, ledger"),
    Step("4", "nominate", "sponsors fill their lists", "offers, lists, plan, spent_out", "stage, marks, told_week, sources"),
    Step("5", "meet_groups", "groups vote; members enroll, leave or are forced", "groups, lists, rows, public", "stage, margin, as 6.5"),
    Step("6", "live_rows", "each worker once (`live`), own row only", "own row, rows, public", "own row, day, ledger"),
    Step("6.1", "digest_news", "last week's news of claims and misfortunes", "own news counters", "alpha, beta, seen_risk"),
    Step("6.2", "outsider", "no cover: hear (`meet`), know, consider, forget", "public, contacts", "understanding, beta, marks, stage"),
    Step("6.3", "compare", "weigh the offer", "threshold, public", "margin, stage"),
    Step("6.4", "register", "try to register", "success, threshold, first_due_rp", "attempts, stage"),
    Step("6.5", "enroll", "a registration: contribution, offer, gifts, agent", "offers, levers", "marks, months, offer, agents, ledger"),
    Step("6.6", "member", "with cover: sessions, visits and reminders", "contacts", "reached_week, REMINDED, reminders"),
    Step("6.7", "month", "month start: due contribution, learning, fate", "rows, occupations", "see 6.8, understanding, misfortunes"),
    Step("6.8", "pay", "a due month is paid or missed; confirm or lapse", "offer, pay_threshold, public", "months, unpaid, stage, ledger"),
    Step("7", "file_claims", "deaths and accidents: a claim, or seen misfortune", "misfortunes", "claims, news_risk of ties"),
    Step("8", "close_claims", "paid, late, refused; news leaves", "claims, rows", "ledger, news of ties or community, DISAPPOINTED"),
    Step("9", "turn_over", "exits; newcomers take the places", "misfortunes", "own row, agents, day"),
    Step("10", "record", "count the week from the states", "workers, day", "counts, events, passages"),
)


class Lane(NamedTuple):
    """Where a uniform goes. `who`: counter word 0, `week`: word 1, `block`: word 2."""

    purpose: str
    block: str
    lane: int
    use: str
    function: str
    who: str = "worker"
    week: str = "week"


def _lanes(purpose, block, who, week, functions, uses) -> list[Lane]:
    functions = functions.split()
    functions += functions[-1:] * (4 - len(functions))
    return [Lane(purpose, block, k, use, f, who, week) for k, (use, f) in enumerate(zip(uses.split("; "), functions, strict=True))]


#: purpose, block, what the four lanes are for, functions (the last one repeated), id and week of the counter
_LANE_TABLE = (
    ("WORKER", "WEEKLY", "worker", "week", "hear outsider compare register",
     "hears from a tie, and from which; persuaded (low), forgets (high); compares; attempt: fade, success, discouraged"),
    ("WORKER", "MONTHLY", "worker", "week", "settle liquid settle fate",
     "pays a due month; income of the month; a tie or the arisan covers; death, accident, move, formal job"),
    ("WORKER", "CONTACT_A", "worker", "week", "campaign_contact",
     "session; visit; talk; service counter"),
    ("WORKER", "CONTACT_B", "worker", "week", "campaign_contact campaign_contact campaign_contact -",
     "media; kit; reminder; free"),
    ("WORKER", "BELIEF", "worker", "week", "meet month -",
     "misbelief cleared by a contact; misbelief cleared by an active month; free; free"),
    ("WORKER", "COLLECT", "worker", "week", "settle -",
     "the agent collects this month; free; free; free"),
    ("WORKER", "NEWCOMER_A", "worker", "week", "newcomer",
     "value; own risk; understanding; misbelief"),
    ("WORKER", "NEWCOMER_B", "worker", "week", "newcomer newcomer -",
     "aware; never joins; free; free"),
    ("WORKER", "LIMITS", "worker", "week", "member member -",
     "lapses whatever is paid; falls silent; free; free"),
    ("WORKER", "GROUP", "worker", "week", "join_with_group join_with_group meet_groups -",
     "an outvoted member leaves; the office serves a group's member; misbelief cleared at the meeting; free"),
    ("AGENT", "visit number", "agent", "week", "send_agents",
     "1st candidate; 2nd; 3rd; 4th"),
    ("AGENT", "0xFFFF", "agent", "week", "settle_agent -",
     "leaves for low income; free; free; free"),
    ("AGENT", "0xFFFE", "agent", "week", "visit -",
     "priority where two agents meet; free; free; free"),
    ("LEVER", "0", "lever", "week", "renew -",
     "a sponsor's term is renewed; free; free; free"),
    ("CLAIM", "kind", "worker", "week", "file_claims file_claims -",
     "claim refused; handling time; free; free"),
    ("ALLOT", "lever", "worker", "week", "serve -",
     "priority for what is rival (the word itself); free; free; free"),
    ("PEOPLE", "0", "worker", "0", "population",
     "opens a household; occupation; sex; income"),
    ("PEOPLE", "1", "worker", "0", "population",
     "phone; waste bank; arisan; farmers' group"),
    ("PEOPLE", "2", "worker", "0", "population",
     "PKH (the household's first worker); value draw eta; own risk; waste yield"),
    ("PEOPLE", "3", "worker", "0", "population",
     "never joins; knows of an offer unasked; understanding; misbelief"),
    ("PEOPLE", "4", "worker", "0", "population",
     "share of a target or list; aware at first; member at first (noise); months paid at first"),
    ("PEOPLE", "5", "community", "0", "population -",
     "value of the community nu; free; free; free"),
    ("PEOPLE", "6", "leader", "0", "population population campaign -",
     "leader enrolled; leader's home; engaged under a share; free"),
    ("PEOPLE", "7", "candidate", "0", "population -",
     "agent candidate's home; free; free; free"),
    ("NETWORK", "1 to 30", "worker", "0", "network network network -",
     "rewire; far end; keep; free"),
    ("NETWORK", "101", "worker", "0", "network -",
     "broker's weight; free; free; free"),
    ("NETWORK", "102", "tie", "0", "network",
     "broker; by association or broker; fellow member; broker at the other end"),
    ("NETWORK", "103", "tie", "0", "network",
     "1st other try; 2nd; 3rd; 4th"),
    ("NETWORK", "104", "tie", "0", "network",
     "low digits of the brokers; low digits; low digits; low digits"),
    ("NETWORK", "110", "worker", "0", "network -",
     "tied to the community's head; free; free; free"),
    ("NETWORK", "111", "worker", "leader + 1", "network -",
     "tied to this leader; free; free; free"),
    ("NETWORK", "112", "leader or candidate", "tie number", "network -",
     "private tie of a leader or candidate; free; free; free"),
)  # fmt: skip
LANES = tuple(lane for row in _LANE_TABLE for lane in _lanes(*row))

#: field | unit | meaning, under the name of each record of records.py
RECORD_TEXT = """
WORKER
stage | code | Stage
occupation | code | row of the occupations
marks | bits | marks of stages.py
segment | row | segment of the campaign
first | tie | first tie
last | tie | end of the ties (exclusive)
next_due | step | when the next contribution is due; -1 never a member
reached_week | step | last reached in person by a campaign
told_week | step | last reached by any campaign contact: knows offers that began by then
listed | lever | sponsor on whose list he is; -1 none
visited | step | last agent's visit; -1 none
understanding | share | K
alpha | counts | trust, for
beta | counts | trust, against
value | log Rp | persistent value relative to the median: place + own draw + own risk; -1000 never joins
news_paid | claims | paid claims heard of, not digested
news_bad | claims | late and refused ones
news_risk | events | unprotected misfortunes nearby
attempts | attempts | to register, so far
margin | log Rp | log W - L at the last comparison or group meeting
seen_risk | log risk | from misfortunes nearby
risk | ratio | own accident and death risk
understanding_start | share | K before anybody told
value_slot | log Rp | part of value that stays with the place
known_draw | uniform | knows an offer unasked if below its known share
threshold | share | of ties, threshold limit only
own_months | months | paid by own money, ever
other_months | months | paid by others, ever
unpaid | dues | missed in a row
sub_left | months | left of an offer's term
offer | row | offer of the last registration; -1 none
reminders | count | received, at most 255
stage_week | step | since when in the stage
joined_week | step | last registration; -1 none
first_week | step | first registration; -1 none
stop_week | step | first missed month of this spell; -1 none
first_stop | step | date of stopping of the first lapse; -1 none
agent | row | the worker's agent; -1 none
visitor | row | agent of the last visit; -1 none
community | number |
income_rp | Rp/month | mean income
exposure | step | the worker is followed until this step
first_source | code | Source: what brought him first
last_source | code | Source: what brought him last
arisan | 0/1 | member of an arisan
group | row | report group
denied_contact | bits | levers whose contacts do not reach him this week for want of money
denied_claim | bits | levers whose gift, subsidy or cost per registration goes to others this week
TIE
other | row | who can be heard
weight | ratio | mean 1
linking | 0/1 | to a leader or agent candidate
PUBLIC
talk | per step and tie | chance to pass word, before the tie's weight
told | share | understanding that is passed on, 0 under a misbelief
standing | bits | 1 enrolled, 2 disappointed former member
OCCUPATION
need | share | of mean income, spent first
accident_prob | per month | at own risk 1
season | ratio | by month
shock | ratio | income of a month over its mean, by quantile
ROW
threshold | log Rp | L by route: subset of slots + 16 helped + 32 asked + 64 back
success | per attempt | without and with help
first_due_rp | Rp | own part of the first contribution, by subset
slot_levers | bits | the slot's lever; 0 empty
slot_since | step | told since then: knows it
slot_known | share | who know it unasked
slot_fresh | 0/1 | for those never registered before
subset_offer | row | offer taken, by subset; -1 none
pay_threshold | log Rp | log weighted price; added under the running discount
contact | per step | chance by channel class
contact_from | row | first contact share of the class
due_rp | Rp | contribution of one due date
source_rp | Rp | part of it taken at source
discount_rp | Rp | running discount on one due date
discount_lever | lever | its lever; -1 none
channel | code | Channel
window | months | whose cash counts
visibility | share | of others' enrollment
refused_share | share | of claims
claim_days | days | mean handling time
paid_levers | bits | levers with a cost per registration
announces | 0/1 | paid claims are announced
complaints | 0/1 | a desk answers
contact_blocks | bits | 1: a chance in classes 0 to 3, 2: in 4 or 5
PLACE
row | row | first row of a segment in a period
levers | bits | standing levers that may be off; bit k of the variant: mask k is off
WEEK
week | step |
period | row | of the campaign tables
month_start | 0/1 | first step of a calendar month
month_week | step | the month's first step
calendar_month | 0-11 |
ledger_month | month | of the run; -1 in the burn-in
due_from_join | step | next due after joining now
due_from_due | step | next due after a due date now
on_sale | 0/1 |
contact_blocks | bits | contact blocks drawn ahead
death_benefit_rp | Rp |
waiting_benefit_rp | Rp | before waiting_months are paid
waiting_months | months |
accident_claim_rp | Rp | mean claim
grace_months | dues | missed until lapse
agent_rule | - | bonus members, bonus, per member, early and late basis points; early, late, idle, return months
LEVER
payer | code | Payer
bound | 0/1 | its payer is bound by the budget
helps | 0/1 | its contacts help with the form
asks | 0/1 | its contacts ask for an answer
kind | code | Contact: class it speaks through; SERVICE without a contact
contact_rp | Rp | per contact or agent's visit
registration_rp | Rp | per registration
gift_rp | Rp | per registration
claim_rp | Rp | worst case of one registration
discount_rp | Rp | running discount, worst case a due date
month_unit_rp | Rp | subsidized due date, worst case
visits | per step | that its agents can make
owed_once_rp | Rp | fixed cost not yet paid
owed_month_rp | Rp | monthly cost not yet paid
unmet_rp | Rp | planned costs, running discounts, contacts and visits that could not be paid
credibility | share | of its messenger class
PLAN
once_rp | Rp | fixed cost
monthly_rp | Rp | cost of a month begun
event_rp | Rp | cost of an event
running | 0/1 |
CONTACT_SHARE
lever | lever |
cumulative | per step | chance to be reached by this lever or an earlier one of the class
OFFER
lever | lever |
months | months | from registration, or a term
basis_points | 1/10,000 | share paid by others
unit_rp | Rp | set aside for a month
bill_rp | Rp | the same for a due date
term | steps | between renewals
list_week | step | first step, from which terms are counted; 2^30 never
first | place | of the list
last | place | its end (exclusive)
log_own | log | of the worker's share
renewal_prob | per term | 0: not renewed
GROUP
lever | lever |
from_week | step |
until_week | step | exclusive
every | steps | between meetings
offer | row | the fund's offer; -1 none
first | place | of the list
last | place | its end (exclusive)
leave_prob | per meeting | an outvoted member leaves
AGENT
lever | lever |
from_week | step |
until_week | step | stops at its start; -1 never runs
row | row | in `public`
visits | per step |
candidates | people | weighed before a visit
collects | 0/1 |
per_visit | members | collected from in the time of a visit
commission | 0/1 | paid by the dated rule
reserve_rp | Rp/month | income below which he may leave
first | place | of the list
last | place | its end (exclusive)
active | 0/1 |
new_members | members | this month
commissions_rp | Rp | this month
portfolio | members | enrolled
income_rp | Rp | last month
idle_months | months | in a row
away_months | months | since struck off; -1 left or never
leave_prob | per month |
collect_prob | per due month | a member is collected from
preferred | bits | occupations
CLAIM
person | row | worker
joined | step | his last registration when it was filed
week | step | when it closes
outcome | code | 0 paid, 1 late, 2 refused
kind | code | 0 death, 3 accident
amount_rp | Rp |
MISFORTUNE
person | row | worker
kind | code | 0 death, 1 moves away, 2 formal job, 3 accident
DAY
events | count | this week, by Event
passages | count | this week, from x to
joined_by | count | over the run: first and last source of registrations
off | bits | levers off this week
never | bits | levers not renewed
off_month | bits | levers off until the next month start: running discount without the money
spent_out | bits | levers without money for new claims this week: their offers are closed
spent_rp | Rp | by bound payers
committed_rp | Rp | set aside for subsidized months
obligation_rp | Rp/month | of that, a month
month_spent_rp | Rp | by bound payers since the month start
left_rp | Rp | left for agents' visits this week
misfortunes | count | this week
claims | count | open
"""


def _explained(text: str) -> dict[str, dict[str, tuple[str, str]]]:
    """{record: {field: (unit, meaning)}} of RECORD_TEXT."""
    out: dict[str, dict[str, tuple[str, str]]] = {}
    for line in text.split("\n"):
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == 1 and line:
            fields = out[line] = {}
        elif line:
            fields[parts[0]] = (parts[1], parts[2])
    return out


RECORDS = _explained(RECORD_TEXT)

#: mechanism (field of a lever) -> (what it becomes, functions that use it)
MECHANISMS = {
    "contact": ("contact, contact_from, contact shares, credibility, helps, asks", "campaign_contact, take_contact, member, reached"),
    "price": ("slots, threshold, first_due_rp, subset_offer, offers; or discount_rp, pay_threshold", "offers_known, compare, enroll, pay"),
    "sponsor": ("an offer with a list and a term; a slot for those listed", "nominate, renew, enroll, pay"),
    "gift": ("slots, threshold, gift_rp", "offers_known, compare, enroll"),
    "procedure": ("success, threshold (travel)", "register, join_with_group, compare"),
    "channel": ("channel, source_rp, window, threshold, pay_threshold", "register, settle, liquid"),
    "requirement": ("contact of class SERVICE, threshold (worth)", "campaign_contact, take_contact, register"),
    "publicity": ("visibility, announces", "log_value, close_claims"),
    "service": ("claim_days, refused_share, complaints", "file_claims, settle"),
    "agents": ("agents and their lists", "send_agents, settle_agent, visit, take_visit, settle, receive"),
    "leaders": ("leader_on (lever bits)", "publish, hear_ties"),
    "group": ("groups and their lists, the fund's offer", "meet_groups, attend, join_with_group"),
}

EVENTS = {
    "ATTEMPTS": "attempts to register (also those that end for want of cash or a changed mind)",
    "FAILURES": "attempts that failed at papers, system or form",
    "CASH_FAILURES": "attempts without the cash",
    "REGISTRATIONS": "first registrations",
    "REENTRIES": "registrations of former members",
    "PAYMENTS_OWN": "due dates paid by the worker's own money, first ones included",
    "PAYMENTS_OTHER": "due dates paid by others (subsidy, ties)",
    "MISSED": "due dates not paid",
    "STOPS": "first missed due dates of a spell",
    "LAPSES": "passages to LAPSED",
    "CLAIMS_PAID": "claims paid in time",
    "CLAIMS_LATE": "claims paid late",
    "CLAIMS_REFUSED": "claims refused",
    "UNPROTECTED": "deaths and accidents without cover",
    "EXIT_DEATH": "deaths",
    "EXIT_MIGRATION": "moves away",
    "EXIT_FORMAL": "formal jobs",
    "NEWCOMERS": "newcomers, one for each exit",
    "HEARD": "workers without cover who heard from a tie",
    "CONTACTED": "contacts by campaign channels, members included (one worker may count more than once a week)",
    "VISITS": "agents' visits",
    "VISITS_LOST": "visits to somebody already visited this week",
    "FORGOTTEN": "workers who forgot and are unaware again",
}

MEASURES = {
    "REGISTERED": ("workers", "registered, ever"),
    "ACTIVE": ("workers", "cover in force"),
    "PAYING": ("workers", "cover in force and last paid by own money"),
    "UNDERSTANDING": ("1/65,536", "sum of K"),
    "TRUST": ("1/65,536", "sum of alpha / (alpha + beta)"),
    "MISBELIEF": ("workers", "with a misbelief"),
}

ITEMS = {
    "FIXED": "fixed and monthly costs",
    "EVENT": "costs of events",
    "CONTACT": "per person reached and per agent's visit",
    "GIFT": "gifts at their value",
    "REGISTRATION": "per registration",
    "COMMISSION": "pay of agents by the dated rule",
    "SUBSIDY": "contributions paid for workers",
    "CONTRIBUTION": "contributions paid by workers or their ties, late fees and arrears included",
    "CLAIM": "benefits paid",
}

STAGES = {
    "UNAWARE": "has not heard, or has forgotten",
    "KNOWLEDGE": "knows that the program exists",
    "PERSUASION": "considers it",
    "DECISION": "has decided to join and tries to register",
    "IMPLEMENTATION": "enrolled",
    "CONFIRMATION": "enrolled, with `confirm_months` paid by own money",
    "REJECTED": "compared and said no, or was discouraged",
    "LAPSED": "was enrolled, membership ended",
}

#: (from, to) -> who makes the passage
PASSAGES = {
    ("UNAWARE", "KNOWLEDGE"): "outsider, attend",
    ("UNAWARE", "DECISION"): "nominate",
    ("KNOWLEDGE", "PERSUASION"): "outsider",
    ("KNOWLEDGE", "UNAWARE"): "outsider (forgets)",
    ("KNOWLEDGE", "DECISION"): "nominate, join_with_group",
    ("PERSUASION", "DECISION"): "compare, nominate, join_with_group",
    ("PERSUASION", "REJECTED"): "compare",
    ("PERSUASION", "UNAWARE"): "outsider (forgets)",
    ("REJECTED", "PERSUASION"): "compare (reopens)",
    ("REJECTED", "DECISION"): "compare, nominate, join_with_group",
    ("REJECTED", "UNAWARE"): "outsider (forgets)",
    ("LAPSED", "DECISION"): "compare, nominate, join_with_group",
    ("DECISION", "IMPLEMENTATION"): "register, join_with_group",
    ("DECISION", "REJECTED"): "register (discouraged)",
    ("DECISION", "PERSUASION"): "register (fades, or changes his mind)",
    ("IMPLEMENTATION", "CONFIRMATION"): "pay",
    ("IMPLEMENTATION", "LAPSED"): "lapse",
    ("CONFIRMATION", "LAPSED"): "lapse",
    ("UNAWARE", "IMPLEMENTATION"): "allowed, taken by none: a meeting tells first",
    ("KNOWLEDGE", "IMPLEMENTATION"): "join_with_group; outsider under join_on_hearing",
    ("PERSUASION", "IMPLEMENTATION"): "join_with_group; outsider under join_on_hearing",
    ("REJECTED", "IMPLEMENTATION"): "join_with_group; outsider under join_on_hearing",
    ("LAPSED", "IMPLEMENTATION"): "join_with_group; outsider under join_on_hearing",
}


# ------------------------------------------------------------------ rows


def schedule_rows() -> list[list[str]]:
    """Step, function, what it does, what it reads and writes."""
    return [[s.number, f"`{s.function}`", s.does, s.reads, s.writes] for s in SCHEDULE]


def lane_rows() -> list[list[str]]:
    """Purpose, block, counter words, and the four lanes, one row per block."""
    blocks: dict = {}
    for lane in LANES:
        blocks.setdefault((lane.purpose, lane.block, lane.who, lane.week), []).append(lane)
    use = lambda x: x.use if x.function == "-" else f"{x.use} (`{x.function}`)"  # noqa: E731
    return [[*head[:2], head[2], head[3], *map(use, lanes)] for head, lanes in blocks.items()]


def record_rows() -> list[list[str]]:
    """Record, field, width, unit, meaning."""
    rows = []
    for name, meanings in RECORDS.items():
        kind = getattr(records, name)
        for field in kind.names:
            base, shape = kind[field].base, kind[field].shape
            width = f"{base.kind}{base.itemsize}" + (f" × {' × '.join(map(str, shape))}" if shape else "")
            rows.append([name, f"`{field}`", width, *meanings[field]])
    return rows


def mechanism_rows() -> list[list[str]]:
    """Mechanism, what it becomes, functions, meaning."""
    infos = dict(walk())
    rows = []
    for name, (made, used) in MECHANISMS.items():
        functions = ", ".join(f"`{f}`" for f in used.split(", "))
        rows.append([f"`{name}`", infos[f"campaign.levers.{name}"].description, made, functions])
    return rows


def event_rows() -> list[list[str]]:
    return [[str(int(e)), e.name, EVENTS[e.name]] for e in Event]


def measure_rows() -> list[list[str]]:
    stages = [[str(int(s)), s.name, "workers", "in this stage"] for s in Stage]
    return stages + [[str(int(m)), m.name, *MEASURES[m.name]] for m in Measure]


def ledger_rows() -> list[list[str]]:
    bound = {True: "bound by the budget", False: "not bound"}
    items = [["item", str(int(i)), i.name, ITEMS[i.name]] for i in Item]
    return items + [["payer", str(int(p)), p.name, bound[p <= Payer.COMPANY]] for p in Payer]


def source_rows() -> list[list[str]]:
    return [[str(int(s)), s.name] for s in Source]


def stage_rows() -> list[list[str]]:
    return [[str(int(s)), s.name, STAGES[s.name]] for s in Stage]


def passage_rows() -> list[list[str]]:
    """From, to, function: the passages of `stages.LEGAL_PASSAGES`."""
    return [[a.name, b.name, PASSAGES[a.name, b.name]] for a, b in sorted(LEGAL_PASSAGES)]


def parameter_rows() -> list[list[str]]:
    """Group, key, unit, range, default, grade, source, meaning of every parameter, in the order of the code."""
    rows = []
    for path, info in walk():
        group, _, key = path.rpartition(".")
        extra = info.json_schema_extra or {}
        if group_of(info.annotation):
            allowed, default = "group", "-"
        else:
            allowed, default = _range(info), _default(info)
        graded = [extra.get("grade", ""), extra.get("source", ""), info.description or ""]
        rows.append([group or "(top)", f"`{key}`", extra.get("unit", ""), allowed, default, *graded])
    return rows


def group_of(annotation) -> type[Group] | None:
    """The parameter group inside an annotation, or None for a plain value."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, Group):
            return one
    return None


def bounds(info) -> tuple:
    """(lowest, highest) of a number; None where there is none."""
    low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in info.metadata if hasattr(m, "le")), None)
    return low, high


def _number(x) -> str:
    if isinstance(x, float) and x.is_integer() and abs(x) >= 1000:
        x = int(x)
    return f"{x:,}" if isinstance(x, int) and not isinstance(x, bool) else f"{x:g}" if isinstance(x, float) else str(x)


def _range(info) -> str:
    low, high = bounds(info)
    if low is not None:
        return f"{_number(low)} to {_number(high)}"
    for one in (info.annotation, *get_args(info.annotation)):
        if get_origin(one) is Literal:
            return " / ".join(map(str, get_args(one)))
    text = getattr(info.annotation, "__name__", str(info.annotation)) if not get_args(info.annotation) else str(info.annotation)
    kinds = {"bool": "true / false", "str": "text", "date": "date", "list[float]": "list", "list[int]": "list", "list[str]": "list"}
    plain = text.replace("datetime.", "").replace(" | None", "")
    return "list" if plain.startswith("list") else kinds.get(plain, plain)


def _default(info) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None:
        return "absent"
    if isinstance(value, list):
        return "none" if not value else "12 × 1" if value == [1.0] * 12 else f"{len(value)} entries"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value == "" else _number(value)


# ------------------------------------------------------------------ text

TABLES = {
    "schedule": (schedule_rows, "step | function of kernel.py | does | reads | writes"),
    "lanes": (lane_rows, "purpose | block | id | week | lane 0 | lane 1 | lane 2 | lane 3"),
    "records": (record_rows, "record | field | width | unit | meaning"),
    "mechanisms": (mechanism_rows, "mechanism | what it is | becomes | used by"),
    "events": (event_rows, "column | event | counts"),
    "measures": (measure_rows, "column | measure | unit | counts"),
    "ledger": (ledger_rows, "axis | code | name | holds"),
    "stages": (stage_rows, "code | stage | meaning"),
    "passages": (passage_rows, "from | to | by"),
}


def table(headers: str, rows: list[list[str]]) -> str:
    """A Markdown table."""
    names = headers.split(" | ")
    cell = lambda x: str(x).replace("|", "\\|")  # noqa: E731
    lines = [names, ["---"] * len(names), *rows]
    return "".join("| " + " | ".join(map(cell, line)) + " |\n" for line in lines)


def parameter_tables() -> str:
    """One table per group of parameters."""
    out, groups = [], {}
    for row in parameter_rows():
        groups.setdefault(row[0], []).append(row[1:])
    for group, rows in groups.items():
        out.append(f"**`{group}`**\n\n" + table("key | unit | range | default | grade | source | meaning", rows))
    return "\n".join(out)


def block(name: str) -> str:
    """The text of one generated block. Raises KeyError for a name that is not known."""
    if name == "parameters":
        return parameter_tables()
    rows, headers = TABLES[name]
    return table(headers, rows())


def render(text: str) -> str:
    """`text` with every generated block made anew."""
    return BLOCK.sub(lambda m: f"{m[1]}\n{block(m[2])}\n{m[4]}", text)


def main(arguments: list[str]) -> int:
    old = README.read_text(encoding="utf-8")
    new = render(old)
    if "--check" in arguments:
        if old != new:
            print(f"{README}: the generated tables are stale; run: python -m simulation.document", file=sys.stderr)
        return int(old != new)
    if old != new:
        README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
