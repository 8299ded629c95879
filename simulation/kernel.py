"""Everything compiled: Philox, one small function per process of the ODD, and `run()`.

Rules of this file (see simulation/README.md, "Schedule" and "Submodels"):
* a worker reads others only through the published copy (`public`) of the start of the week and
  writes only the own row; what is rival or concerns ties is done in the serial passes before and after;
* only + - x / and comparisons touch the state (tables come from the host), so digits agree on every machine;
* loads are widened to float64, stores round to the column's width; sums across workers are integers;
* no allocation inside a week; serial, `nogil`, no fastmath, no parallel=True (numba drops NamedTuple writes).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from simulation import stages
from simulation.records import CELLS, SLOTS, STANDING
from simulation.stages import Block, Channel, Contact, Event, Item, Payer, Purpose, Source, Stage, TieKind


def codes(values) -> tuple:
    """Codes as typed integers: plain ones would make numba compile every function once for each literal it is called with."""
    return tuple(np.int64(x) for x in values)


# One list of codes: all are taken from the enums in stages.py.
UNAWARE, KNOWLEDGE, PERSUASION, DECISION, IMPLEMENTATION, CONFIRMATION, REJECTED, LAPSED = codes(Stage)
(
    ATTEMPTS, FAILURES, CASH_FAILURES, REGISTRATIONS, REENTRIES, PAYMENTS_OWN, PAYMENTS_OTHER, MISSED, STOPS, LAPSES, CLAIMS_PAID,
    CLAIMS_LATE, CLAIMS_REFUSED, UNPROTECTED, EXIT_DEATH, EXIT_MIGRATION, EXIT_FORMAL, NEWCOMERS,
    HEARD, CONTACTED, VISITS, VISITS_LOST, FORGOTTEN,
) = codes(Event)  # fmt: skip
(
    MISBELIEF, HELPED, FORCED, DISAPPOINTED, ACTIVE, REGISTERED, REMINDED, PAID_OWN, SILENT, ON_SPOT, ASKED, VISITED, BELIEVED,
    ALL_MARKS,
) = codes(
    (stages.MISBELIEF, stages.HELPED, stages.FORCED, stages.DISAPPOINTED, stages.ACTIVE, stages.REGISTERED, stages.REMINDED,
     stages.PAID_OWN, stages.SILENT, stages.ON_SPOT, stages.ASKED, stages.VISITED, stages.BELIEVED, stages.ALL_MARKS)
)  # fmt: skip
WEEKLY, MONTHLY, CONTACT_A, CONTACT_B, BELIEF, COLLECT, NEWCOMER_A, NEWCOMER_B, LIMITS, GROUP_BLOCK = codes(Block)
HEAR_LANE, STAGE_LANE, COMPARE_LANE, REGISTER_LANE = codes(range(4))  # of WEEKLY
PAY_LANE, _, TIE_LANE, FATE_LANE = codes(range(4))  # of MONTHLY; lane 1, income, is drawn in `liquid`
P_WORKER, P_AGENT, P_LEVER, P_CLAIM, P_ALLOT, _, _ = codes(Purpose)
PAY_BLOCK, MEET_BLOCK = codes((0xFFFF, 0xFFFE))  # of P_AGENT, beside the visits 0, 1, ...
RENEWAL_BLOCK = np.int64(0)  # of P_LEVER
FIXED, EVENT, CONTACT, GIFT, REGISTRATION, COMMISSION, SUBSIDY, CONTRIBUTION, CLAIM = codes(Item)
SERVICE, MEDIA, KIT, REMINDER, VISIT = codes((Contact.SERVICE, Contact.MEDIA, Contact.KIT, Contact.REMINDER, Contact.VISIT))
PEER, LEADER, AGENT, GROUP, NONE = codes((Source.PEER, Source.LEADER, Source.AGENT, Source.GROUP, Source.NONE))
_, COLLECTOR, AUTO_DEBIT, AT_SOURCE = codes(Channel)
WORKER_PAYS, TIES_PAY, SCHEME_PAYS, LAST_BOUND = codes((Payer.WORKER, Payer.TIES, Payer.SCHEME, Payer.COMPANY))
DEATH, MIGRATION, FORMAL_JOB, ACCIDENT, NOTHING = codes((0, 1, 2, 3, -1))  # fates of a month
PAID, LATE, REFUSED = codes(range(3))  # outcomes of a claim
GOOD_NEWS, BAD_NEWS, SAW_MISFORTUNE = codes(range(3))
BONDING, _, _ = codes(TieKind)
BONUS_MEMBERS, BONUS_RP, PER_MEMBER_RP, EARLY_BP, LATE_BP, EARLY_MONTHS, LATE_MONTHS, IDLE_MONTHS, RETURN_MONTHS = codes(range(9))
ZERO, ONE, NO_OFFER = codes((0, 1, -1))
CONTACTS, CLAIMS = codes((0, 1))  # what `serve` rations
ALL_LEVERS = np.uint64(0xFFFFFFFFFFFFFFFF)
NO_LEVERS = np.uint64(0)
NO_CLAIM = np.int64(1 << 33)
NEVER_VALUE = -1000.0
LONG_AGO = -10000
#: how far one voice can pull a group's mean margin (log rupiah)
VOICE = 3.0
BLOCK_ROWS = 512
#: places of a route in `threshold`: known offers, then helped, asked, registered before
HELP, ASK, BACK = 16, 32, 64
EVENTS = len(Event)


#: Without numba's reference counts (`_nrt`): passing the tables from function to function costs nothing (with them,
#: 240 ns a call were measured), and code that would allocate does not compile: "no allocation" is proved at each build.
compiled = njit(cache=True, nogil=True, _nrt=False)
#: the same, always inlined: the short functions that every worker passes every week
inlined = njit(cache=True, nogil=True, _nrt=False, forceinline=True)


class Village(NamedTuple):
    """The tables a run works on (types in records.py). `day` and `par` are one-row tables."""

    par: np.ndarray
    workers: np.ndarray
    ties: np.ndarray
    public: np.ndarray
    occupations: np.ndarray
    rows: np.ndarray
    places: np.ndarray
    weeks: np.ndarray
    contacts: np.ndarray
    levers: np.ndarray
    plan: np.ndarray
    segment_levers: np.ndarray
    offers: np.ndarray
    groups: np.ndarray
    agents: np.ndarray
    lists: np.ndarray
    leader_on: np.ndarray
    claims: np.ndarray
    misfortunes: np.ndarray
    day: np.ndarray
    ledger: np.ndarray
    events: np.ndarray
    passages: np.ndarray
    counts: np.ndarray
    priority: np.ndarray
    words: np.ndarray


# ------------------------------------------------------------------ random numbers


@inlined
def philox(c0, c1, c2, c3, k0, k1):
    """Philox 4x32-10 (Salmon et al. 2011). All arguments and results uint64 below 2**32."""
    mask = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    for _ in range(10):
        p0 = c0 * np.uint64(0xD2511F53)
        p1 = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (p1 >> shift) ^ c1 ^ k0, p1 & mask, (p0 >> shift) ^ c3 ^ k1, p0 & mask
        k0 = (k0 + np.uint64(0x9E3779B9)) & mask
        k1 = (k1 + np.uint64(0xBB67AE85)) & mask
    return c0, c1, c2, c3


@compiled
def draw(par, person, week, block, purpose):
    """The four uniforms of (person, week, block, purpose): (word + 1/2) / 2**32."""
    a, b, c, d = philox(np.uint64(person), np.uint64(week), np.uint64(block), np.uint64(purpose), par.key0, par.key1)
    s = 2.0**-32
    return (np.float64(a) + 0.5) * s, (np.float64(b) + 0.5) * s, (np.float64(c) + 0.5) * s, (np.float64(d) + 0.5) * s


@compiled
def draw_ahead(par, v, week, block, first, count):
    """Fill `v.words[block]` with one worker block for workers first, first + 1, ...: the loop vectorizes, about 1 ns a block against 9."""
    key0 = par.key0
    key1 = par.key1
    words = v.words[block]
    for i in range(count):
        c0, c1, c2, c3 = philox(np.uint64(first + i), np.uint64(week), np.uint64(block), np.uint64(P_WORKER), key0, key1)
        words[0, i] = c0
        words[1, i] = c1
        words[2, i] = c2
        words[3, i] = c3


@inlined
def drawn(v, block, lane, k):
    """Uniform from the words drawn ahead for the k-th worker of the present block of rows."""
    return (np.float64(v.words[block, lane, k]) + 0.5) * 2.0**-32


@compiled
def normal(par, u):
    """Standard normal deviate by linear interpolation in the quantile table, as in rng.normal."""
    place = u * CELLS
    cell = int(place)
    left = par.normal[cell]
    return left + (place - cell) * (par.normal[cell + 1] - left)


# ------------------------------------------------------------------ small parts


@inlined
def has(levers, lever):
    """Is `lever` in the bit set `levers` (uint64)?"""
    return (levers >> np.uint64(lever)) & np.uint64(1) != np.uint64(0)


@compiled
def bit(lever):
    return np.uint64(1) << np.uint64(lever)


@inlined
def row_of(par, v, day, now, w):
    """The campaign row of a worker this week: of the row's variants, the one without the standing levers that are off."""
    place = v.places[now.period * par.segments + w.segment]
    variant = 0
    if day.off != np.uint64(0):
        for k in range(STANDING):
            if place.levers[k] & day.off != np.uint64(0):
                variant |= 1 << k
    return v.rows[place.row + variant]


@inlined
def enrolled(w):
    return w.stage == IMPLEMENTATION or w.stage == CONFIRMATION


@inlined
def move(day, now, w, to):
    """Pass a worker to another stage; every passage is counted."""
    day.passages[w.stage, to] += 1
    w.stage = to
    w.stage_week = now.week


@inlined
def trust(w):
    """7.2: belief that a claim would be paid, the mean of Beta(alpha, beta)."""
    alpha = np.float64(w.alpha)
    return alpha / (alpha + np.float64(w.beta))


@compiled
def share_enrolled(ties, public, w):
    """Share of a worker's bonding and bridging ties that were enrolled at the start of the week."""
    count = 0
    members = 0
    for e in range(w.first, w.last):
        if ties[e].linking == 0:
            count += 1
            if public[ties[e].other].standing & 1:
                members += 1
    if count == 0:
        return 0.0
    return members / count


@compiled
def log_value(par, v, r, w):
    """7.3: log of the perceived monthly value in rupiah."""
    value = par.log_value + np.float64(w.value) + par.understanding_weight * (np.float64(w.understanding) - 1.0)
    value += par.trust_weight * (trust(w) - par.trust_reference)
    value += par.risk_weight * np.float64(w.seen_risk)
    if r.visibility > 0.0:
        value += par.imitation_weight * r.visibility * share_enrolled(v.ties, v.public, w)
    if w.marks & MISBELIEF:
        value -= par.misbelief_weight
    return value


@compiled
def liquid(par, v, r, now, w, i, amount_rp):
    """7.6: is there cash for an amount, from this month's income or, where the channel allows, of months before?"""
    if amount_rp <= 0:
        return True
    occupation = v.occupations[w.occupation]
    needed = occupation.need + par.cash_multiple * amount_rp / w.income_rp
    start = now.month_week
    for _ in range(r.window):
        _, u, _, _ = draw(par, i, start, MONTHLY, P_WORKER)
        if occupation.season[v.weeks[start].calendar_month] * occupation.shock[int(u * CELLS)] >= needed:
            return True
        if start == 0:
            return False
        start = v.weeks[start - 1].month_week
    return False


@compiled
def offers_known(day, r, w, refused):
    """Bit set of the row's price and gift slots that the worker knows of and that are funded (and not in `refused`)."""
    subset = 0
    for k in range(SLOTS):
        levers = r.slot_levers[k]
        if levers != NO_LEVERS and levers & (day.off | day.spent_out | refused) == NO_LEVERS:
            if r.slot_fresh[k] and w.marks & REGISTERED:
                continue
            if (
                (w.listed >= 0 and has(levers, np.int64(w.listed)))
                or w.told_week >= r.slot_since[k]
                or np.float64(w.known_draw) < r.slot_known[k]
            ):
                subset |= 1 << k
    return subset


@compiled
def book(v, day, now, lever, item, payer, amount_rp):
    """Enter rupiah in the ledger (the run's own months only); what a bound payer pays counts against the budget."""
    if now.ledger_month >= 0 and amount_rp != 0:
        v.ledger[now.ledger_month, lever, item, payer] += amount_rp
        if payer <= LAST_BOUND:
            day.spent_rp += amount_rp
            day.month_spent_rp += amount_rp


@compiled
def commit(v, day, offer, months, members):
    """Set aside (or, negative, give back) the money of `months` subsidized months; `members` begin (or end) a term."""
    if offer >= 0 and v.levers[v.offers[offer].lever].bound:
        day.committed_rp += months * v.offers[offer].unit_rp
        day.obligation_rp += members * v.offers[offer].bill_rp


@compiled
def release(v, day, w):
    """Give back what was set aside for the remaining subsidized months."""
    if w.sub_left > 0:
        commit(v, day, np.int64(w.offer), -np.int64(w.sub_left), -ONE)
        w.sub_left = 0


@compiled
def leave_agent(v, w):
    """A member is no longer in his agent's portfolio."""
    if w.agent >= 0:
        if enrolled(w):
            v.agents[w.agent].portfolio -= 1
        w.agent = -1


# ------------------------------------------------------------------ hearing


@inlined
def hear(ties, public, first, last, u):
    """7.1: P = 1 - prod(1 - q_j w_j) over a worker's ties. Returns the tie that is believed, or -1.

    Of those who spoke, the best informed is believed; the same uniform finds it, so that more talk never means a
    worse teller: the teller is the first tie with the highest understanding x with u < 1 - prod over ties at or above x.
    """
    silent = 1.0
    for e in range(first, last):  # without a branch on talk: the silent multiply by one
        silent *= 1.0 - min(1.0, np.float64(public[ties[e].other].talk) * np.float64(ties[e].weight))
    if u >= 1.0 - silent:
        return -1
    silent = 1.0
    above = 2.0
    teller = -1
    while True:
        best = -1.0
        for e in range(first, last):
            other = public[ties[e].other]
            told = np.float64(other.told)
            if other.talk > 0.0 and told < above and told > best:
                best = told
                teller = e
        if best < 0.0:
            return teller
        for e in range(first, last):
            other = public[ties[e].other]
            if other.talk > 0.0 and np.float64(other.told) == best:
                silent *= 1.0 - min(1.0, np.float64(other.talk) * np.float64(ties[e].weight))
        if u < 1.0 - silent:
            return teller
        above = best


@compiled
def publish(par, v, day, now):
    """Copy what others may read this week: how much each person talks, what he knows, where he stands."""
    boosted_member = min(1.0, par.talk_enrolled * par.talk_boost)
    boosted_aware = min(1.0, par.talk_aware * par.talk_boost)
    for i in range(par.workers):
        w = v.workers[i]
        p = v.public[i]
        member = enrolled(w)
        boosted = w.reached_week >= now.week - par.boost_weeks
        if w.stage == UNAWARE or w.marks & SILENT:
            p.talk = 0.0
        elif par.pass_once:
            p.talk = par.talk_enrolled if member and w.joined_week == now.week - 1 else 0.0
        elif member:
            p.talk = boosted_member if boosted else par.talk_enrolled
        else:
            p.talk = boosted_aware if boosted else par.talk_aware
        # who holds a misbelief passes on that there is something, not what it is
        p.told = 0.0 if w.marks & MISBELIEF else w.understanding
        sour = w.stage == LAPSED and w.marks & (FORCED | DISAPPOINTED) != 0
        p.standing = (1 if member else 0) | (2 if sour else 0)
    for k in range(par.leaders):
        p = v.public[par.workers + k]
        p.talk = 0.0
        if v.leader_on[now.week, k] & (day.off ^ ALL_LEVERS) != np.uint64(0):
            p.talk = boosted_member if p.standing & 1 else boosted_aware
        p.told = par.leader_understanding
    for i in range(par.workers + par.leaders, v.public.size):
        v.public[i].talk = 0.0
        v.public[i].told = par.leader_understanding
    for a in range(v.agents.size):
        if v.agents[a].active and not has(day.off, v.agents[a].lever):
            v.public[v.agents[a].row].talk = boosted_member


# ------------------------------------------------------------------ registering and paying


@compiled
def enroll(par, v, day, now, r, w, subset, offer, own_rp, source):
    """Register a worker: marks, first contribution, offer, gifts and costs, credit to the agent."""
    day.events[REENTRIES if w.marks & REGISTERED else REGISTRATIONS] += 1
    move(day, now, w, IMPLEMENTATION)
    w.marks = (w.marks | REGISTERED | ACTIVE) & (ALL_MARKS ^ (REMINDED | PAID_OWN))
    w.joined_week = now.week
    w.stop_week = -1
    w.unpaid = 0
    w.last_source = source
    if w.first_week < 0:
        w.first_week = now.week
    if w.first_source == NONE:
        w.first_source = source
    w.next_due = now.due_from_join
    if now.ledger_month >= 0:
        day.joined_by[0, w.first_source] += 1
        day.joined_by[1, source] += 1
    paid_for = max(1, par.billing_months)
    lever = r.discount_lever
    w.offer = offer
    w.sub_left = 0
    if offer >= 0:
        lever = v.offers[offer].lever
        if v.offers[offer].months > paid_for:
            w.sub_left = v.offers[offer].months - paid_for
            commit(v, day, offer, np.int64(w.sub_left), ONE)
    other_rp = r.due_rp - own_rp
    if other_rp > 0 and lever >= 0:
        book(v, day, now, lever, SUBSIDY, v.levers[lever].payer, other_rp)
    for k in range(par.levers):
        for slot in range(SLOTS):
            if subset >> slot & 1 and has(r.slot_levers[slot], k):
                book(v, day, now, k, GIFT, v.levers[k].payer, v.levers[k].gift_rp)
        if has(r.paid_levers, k) and not has(day.off | day.spent_out, k):
            book(v, day, now, k, REGISTRATION, v.levers[k].payer, v.levers[k].registration_rp)
    if w.agent >= 0 and v.agents[w.agent].active:
        v.agents[w.agent].new_members += 1
        v.agents[w.agent].portfolio += 1
    else:
        w.agent = -1
    receive(par, v, day, now, w, own_rp, other_rp, WORKER_PAYS)


@compiled
def receive(par, v, day, now, w, own_rp, other_rp, payer):
    """A contribution came in: months are counted, the part not subsidized is booked, the agent earns his share (7.4)."""
    paid_for = max(1, par.billing_months)
    if own_rp > 0 and payer == WORKER_PAYS:
        w.own_months += paid_for
        w.marks |= PAID_OWN
        day.events[PAYMENTS_OWN] += 1
    else:
        w.other_months += paid_for
        w.marks &= ALL_MARKS ^ PAID_OWN
        day.events[PAYMENTS_OTHER] += 1
    book(v, day, now, par.levers, CONTRIBUTION, payer, own_rp)
    if w.agent >= 0 and v.agents[w.agent].active:
        months = w.own_months + w.other_months
        if months <= now.agent_rule[EARLY_MONTHS]:
            v.agents[w.agent].commissions_rp += (own_rp + other_rp) * now.agent_rule[EARLY_BP] // 10000
        elif months <= now.agent_rule[LATE_MONTHS]:
            v.agents[w.agent].commissions_rp += (own_rp + other_rp) * now.agent_rule[LATE_BP] // 10000


@compiled
def must_wait(day, r, w, subset):
    """Money for an offer he counts on, or for being helped to register, went to others this week: he waits."""
    if w.denied_claim == np.uint64(0):
        return False
    return subset != offers_known(day, r, w, w.denied_claim) or r.paid_levers & w.denied_claim & (
        (day.off | day.spent_out) ^ ALL_LEVERS
    ) != np.uint64(0)


@compiled
def register(par, v, day, now, r, w, i, u):
    """7.5: one uniform is cut into success, discouraged, try again, fade, wait (in this order)."""
    helped = 1 if w.marks & HELPED else 0
    asked = 1 if w.marks & ASKED else 0
    a = 1.0 if w.marks & ON_SPOT else par.attempt_prob
    s = a * r.success[helped]
    if u >= a:
        if u - a < (1.0 - a) * par.fade_prob:
            move(day, now, w, PERSUASION)
        return
    subset = offers_known(day, r, w, NO_LEVERS)
    if must_wait(day, r, w, subset):
        return
    w.attempts += 1
    day.events[ATTEMPTS] += 1
    if u >= s:
        day.events[FAILURES] += 1
        if u - s < (a - s) * par.discourage_prob:
            move(day, now, w, REJECTED)
        return
    wish = log_value(par, v, r, w)
    back = BACK if w.marks & REGISTERED else 0
    if wish <= r.threshold[subset + HELP * helped + ASK * asked + back]:
        move(day, now, w, PERSUASION)
        return
    own_rp = r.first_due_rp[subset]
    late_rp = par.late_fee_rp + par.owes_arrears * w.unpaid * r.due_rp if back else 0
    in_hand_rp = own_rp - min(own_rp, r.source_rp) if r.channel == AT_SOURCE else own_rp
    if not liquid(par, v, r, now, w, i, in_hand_rp + late_rp):
        day.events[CASH_FAILURES] += 1
        if u < s * par.discourage_prob:
            move(day, now, w, REJECTED)
        return
    w.marks &= ALL_MARKS ^ FORCED
    if asked and wish <= r.threshold[subset + HELP * helped + back]:
        w.marks |= FORCED
    book(v, day, now, par.levers, CONTRIBUTION, WORKER_PAYS, late_rp)
    enroll(par, v, day, now, r, w, subset, r.subset_offer[subset], own_rp, np.int64(w.last_source))


@compiled
def renewable(v, day, now, w, offer):
    """Does a sponsor whose budget runs on, and suffices this week, take the worker for another term?"""
    lever = v.offers[offer].lever
    return (
        v.offers[offer].renewal_prob > 0.0
        and v.plan[now.week, lever].running == 1
        and not has(day.off | day.spent_out | w.denied_claim, lever)
    )


@compiled
def pay(par, v, day, now, r, w, i, u, u_tie):
    """7.6: a due month is paid if not forgotten, worth it and cash is there; else cover stops, in the end he lapses."""
    offer = np.int64(w.offer)
    lever = r.discount_lever
    other_rp = 0
    log_own = 0.0
    if w.sub_left == 0 and offer >= 0 and renewable(v, day, now, w, offer):
        w.sub_left = v.offers[offer].months
        commit(v, day, offer, np.int64(w.sub_left), ONE)
    subsidized = w.sub_left > 0
    if subsidized:
        lever = v.offers[offer].lever
        other_rp = r.due_rp * v.offers[offer].basis_points // 10000
        log_own = v.offers[offer].log_own
    elif lever >= 0 and not has(day.off, lever):
        other_rp = r.discount_rp
        log_own = r.pay_threshold[1]
    own_rp = r.due_rp - other_rp
    paid = True
    if own_rp > 0:
        paid = settle(par, v, day, now, r, w, i, u, u_tie, own_rp, other_rp, log_own)
    else:
        receive(par, v, day, now, w, ZERO, other_rp, WORKER_PAYS)
    if paid:
        if other_rp > 0:
            book(v, day, now, lever, SUBSIDY, v.levers[lever].payer, other_rp)
        w.unpaid = 0
        w.stop_week = -1
        w.marks |= ACTIVE
        if w.stage == IMPLEMENTATION and w.own_months >= par.confirm_months:
            move(day, now, w, CONFIRMATION)
    else:
        miss(v, day, now, w)
    if subsidized and w.sub_left > 0:
        used = min(max(1, par.billing_months), np.int64(w.sub_left))
        commit(v, day, offer, -used, -ONE if used == w.sub_left else ZERO)
        w.sub_left -= used
    w.marks &= ALL_MARKS ^ REMINDED
    w.next_due = now.due_from_due


@compiled
def collects(v, day, a):
    """Does agent a collect contributions these days?"""
    return v.agents[a].active == 1 and v.agents[a].collect_prob > 0.0 and not has(day.off, v.agents[a].lever)


@compiled
def settle(par, v, day, now, r, w, i, u, u_tie, own_rp, other_rp, log_own):
    """Does the worker, or a tie in his place, pay `own_rp`? `log_own`: log of the share of the price that is his."""
    forgets = par.forget[min(par.forget.size - 1, int((w.own_months + par.subsidized_habit * w.other_months) * 4.0))]
    collected = r.channel == COLLECTOR
    if not collected and w.agent >= 0 and collects(v, day, w.agent):
        u_collect, _, _, _ = draw(par, i, now.week, COLLECT, P_WORKER)
        collected = u_collect < v.agents[w.agent].collect_prob
    in_hand_rp = own_rp
    if r.channel == AT_SOURCE:
        in_hand_rp = own_rp - min(own_rp, r.source_rp)
        if in_hand_rp == 0:
            forgets = 0.0
    elif r.channel == AUTO_DEBIT:
        forgets *= par.auto_debit_ratio
    if collected:
        forgets *= par.collector_ratio
    reminded = w.marks & REMINDED != 0
    if reminded:
        forgets *= par.reminder[w.reminders]
    remembers = 1.0 - forgets
    if not (collected or reminded):
        remembers *= par.missed[w.unpaid]
    if w.marks & FORCED or (w.marks & DISAPPOINTED and not r.complaints):
        remembers = 1.0 - min(1.0, (1.0 - remembers) * par.resentment)
    if u >= remembers or log_value(par, v, r, w) <= r.pay_threshold[0] + log_own:
        return False
    if liquid(par, v, r, now, w, i, in_hand_rp):
        receive(par, v, day, now, w, own_rp, other_rp, WORKER_PAYS)
        return True
    if u_tie < par.solidarity_prob and (w.arisan or share_enrolled(v.ties, v.public, w) > 0.0):
        receive(par, v, day, now, w, own_rp, other_rp, TIES_PAY)
        return True
    return False


@compiled
def miss(v, day, now, w):
    """An unpaid month: cover has stopped; after the grace months the worker has lapsed, dated at the first of them."""
    day.events[MISSED] += 1
    if w.unpaid == 0:
        w.stop_week = now.week
        day.events[STOPS] += 1
    w.unpaid += 1
    w.marks &= ALL_MARKS ^ (ACTIVE | PAID_OWN)
    if w.unpaid >= now.grace_months:
        lapse(v, day, now, w)


@compiled
def lapse(v, day, now, w):
    """Membership ends: dated at the first unpaid month; what was set aside for him is given back."""
    day.events[LAPSES] += 1
    leave_agent(v, w)
    move(day, now, w, LAPSED)
    w.marks &= ALL_MARKS ^ (ACTIVE | PAID_OWN)
    if w.stop_week < 0:
        w.stop_week = now.week
    if w.first_stop < 0:
        w.first_stop = w.stop_week
    release(v, day, w)


@compiled
def month(par, v, day, now, r, w, i, k):
    """What the first step of a calendar month brings a worker: misfortune or exit, a due contribution, learning."""
    u, u_tie, u_fate = drawn(v, MONTHLY, PAY_LANE, k), drawn(v, MONTHLY, TIE_LANE, k), drawn(v, MONTHLY, FATE_LANE, k)
    w.seen_risk = np.float64(w.seen_risk) * par.seen_risk_keep
    if enrolled(w):
        if w.next_due == now.week:
            pay(par, v, day, now, r, w, i, u, u_tie)
        if w.marks & ACTIVE:
            known = np.float64(w.understanding)
            w.understanding = known + par.learning * (1.0 - known)
            if w.marks & MISBELIEF:
                _, u_clear, _, _ = draw(par, i, now.week, BELIEF, P_WORKER)
                if u_clear < par.learning_clearing:
                    w.marks &= ALL_MARKS ^ MISBELIEF
    kind = fate(par, v, w, u_fate)
    if kind != NOTHING:
        v.misfortunes[day.misfortunes].person = i
        v.misfortunes[day.misfortunes].kind = kind
        day.misfortunes += 1


@compiled
def fate(par, v, w, u):
    """7.8 and 3.5: one uniform is cut into death 0, accident 3, moving away 1, formal job 2, nothing -1 (monthly chances)."""
    if not par.claims_on and not par.turnover_on:
        return NOTHING
    edge = par.death_prob * np.float64(w.risk)
    if u < edge:
        return DEATH
    edge += v.occupations[w.occupation].accident_prob * np.float64(w.risk)
    if u < edge:
        return ACCIDENT
    edge += par.migration_prob
    if u < edge:
        return MIGRATION
    if u < edge + par.formal_prob:
        return FORMAL_JOB
    return NOTHING


# ------------------------------------------------------------------ one worker, one week


@compiled
def digest_news(par, w):
    """7.2, 7.8: news of claims and misfortunes that came at the end of last week changes trust and seen risk."""
    w.alpha = np.float64(w.alpha) + par.paid_count * w.news_paid
    w.beta = np.float64(w.beta) + par.bad_count * w.news_bad
    w.seen_risk = np.float64(w.seen_risk) + par.seen_risk_step * w.news_risk
    w.news_paid = 0
    w.news_bad = 0
    w.news_risk = 0


@compiled
def campaign_contact(v, day, now, r, w, kind, u):
    """Is the worker reached by channel class `kind`? The lever that reached him (attribution by thinning), or -1."""
    if u >= r.contact[kind]:
        return -1
    place = r.contact_from[kind]
    while u >= v.contacts[place].cumulative:
        place += 1
    lever = v.contacts[place].lever
    if has(day.off | w.denied_contact, lever):
        return -1
    day.events[CONTACTED] += 1
    book(v, day, now, lever, CONTACT, v.levers[lever].payer, v.levers[lever].contact_rp)
    return lever


@inlined
def hear_ties(par, v, day, now, w, u_hear, own_trust):
    """7.1, 7.2: word from a tie. Returns (source, prompted, chance not to be persuaded, chance to keep a misbelief)."""
    if par.threshold_rule:
        met = share_enrolled(v.ties, v.public, w) >= np.float64(w.threshold)
        return PEER if met else NONE, False, 1.0, 1.0
    e = hear(v.ties, v.public, w.first, w.last, u_hear)
    if e < 0:
        return NONE, False, 1.0, 1.0
    day.events[HEARD] += 1
    other = v.public[v.ties[e].other]
    strength = par.peer_intensity * (par.linking_credibility if v.ties[e].linking else par.bonding_credibility)
    known = np.float64(w.understanding)
    w.understanding = known + strength * max(0.0, np.float64(other.told) - known)
    keeps = 1.0 - min(1.0, par.clearing_ratio * strength) if other.told > 0.0 else 1.0
    source = PEER
    if v.ties[e].other >= par.workers:
        source = LEADER if v.ties[e].other < par.workers + par.leaders else AGENT
    if other.standing & 2:
        w.beta = np.float64(w.beta) + par.sour_count
        return source, False, 1.0, keeps
    return source, True, 1.0 - strength * own_trust, keeps


@inlined
def taught(par, known, strength):
    """7.2: understanding after a contact of the campaign: a share of the gap closed, but not beyond what contacts can teach."""
    return max(known, min(par.teach_ceiling, known + strength * (1.0 - known)))


@compiled
def take_visit(par, now, w, own_trust):
    """An agent came: he informs, prompts, helps with the form, and is the worker's agent from now on."""
    w.reached_week = now.week
    w.told_week = now.week
    w.marks |= HELPED | VISITED
    w.agent = w.visitor
    known = np.float64(w.understanding)
    w.understanding = taught(par, known, par.intensity[VISIT])
    return 1.0 - par.intensity[VISIT] * par.linking_credibility * own_trust, 1.0 - min(1.0, par.clearing_ratio * par.intensity[VISIT])


@compiled
def take_contact(par, v, now, w, kind, lever, own_trust):
    """A campaign channel reached the worker. Returns (chance not to be persuaded, chance to keep a misbelief)."""
    strength = par.intensity[kind]
    known = np.float64(w.understanding)
    w.understanding = taught(par, known, strength)
    w.told_week = now.week
    keeps = 1.0
    if kind < MEDIA:
        w.reached_week = now.week
        keeps = 1.0 - min(1.0, par.clearing_ratio * strength)
    if v.levers[lever].helps:
        w.marks |= HELPED
    if kind == SERVICE:
        w.marks |= ASKED
        return 0.0, keeps
    if v.levers[lever].asks:
        if v.levers[lever].helps:
            w.marks |= ON_SPOT
        return 0.0, keeps
    return 1.0 - strength * v.levers[lever].credibility * own_trust, keeps


@inlined
def meet(par, v, day, now, r, w, i, k, u_hear):
    """Everything that reaches a worker this week, in fixed order: ties, agent, campaign classes.

    Returns (prompted by a person or an offer, contacted at all, chance to be persuaded).
    """
    own_trust = trust(w)
    source, prompted, stays, keeps = hear_ties(par, v, day, now, w, u_hear, own_trust)
    stays *= 1.0 - par.self_persuasion
    if w.visited == now.week:
        a, b = take_visit(par, now, w, own_trust)
        stays *= a
        keeps *= b
        source = AGENT
        prompted = True
    for half in range(2):
        if r.contact_blocks >> half & 1:
            for lane in range(4):
                kind = 4 * half + lane
                u = drawn(v, CONTACT_A + half, lane, k)
                lever = campaign_contact(v, day, now, r, w, kind, u) if kind < REMINDER else -1
                if lever >= 0:
                    a, b = take_contact(par, v, now, w, kind, lever, own_trust)
                    stays *= a
                    keeps *= b
                    source = min(source, kind)
                    prompted = prompted or kind < MEDIA or v.levers[lever].asks != 0
    if not prompted and w.told_week == now.week:
        prompted = offers_known(day, r, w, NO_LEVERS) != 0
    if w.marks & MISBELIEF and keeps < 1.0:
        u_belief, _, _, _ = draw(par, i, now.week, BELIEF, P_WORKER)
        if u_belief < 1.0 - keeps:
            w.marks &= ALL_MARKS ^ MISBELIEF
    if source != NONE:
        w.last_source = source
        if w.first_source == NONE:
            w.first_source = source
    return prompted, source != NONE or w.told_week == now.week, 1.0 - stays


@compiled
def margin_of(par, v, day, r, w):
    """log W - L for the offers, the help and the requirement that the worker meets now."""
    route = offers_known(day, r, w, NO_LEVERS)
    if w.marks & HELPED:
        route += HELP
    if w.marks & ASKED:
        route += ASK
    if w.marks & REGISTERED:
        route += BACK
    return log_value(par, v, r, w) - r.threshold[route]


@inlined
def compare(par, v, day, now, r, w, u, prompted):
    """7.3: does the worker weigh the offer this week, and what comes of it?"""
    stage = w.stage
    if stage != PERSUASION and stage != REJECTED and stage != LAPSED:
        return
    weighs = 1.0 if prompted else par.compare_prob
    if stage != PERSUASION:
        weighs *= par.recompare_ratio
    if stage == REJECTED and (prompted or now.month_start):
        if margin_of(par, v, day, r, w) - np.float64(w.margin) > par.reopen_margin:
            move(day, now, w, PERSUASION)
            stage = PERSUASION
            weighs = 1.0 if prompted else par.compare_prob
    if u < weighs:
        margin = margin_of(par, v, day, r, w)
        w.margin = margin
        if margin > 0.0:
            move(day, now, w, DECISION)
        elif stage == PERSUASION:
            move(day, now, w, REJECTED)


@inlined
def outsider(par, v, day, now, r, w, i, k):
    """A worker without cover: the stages from UNAWARE to DECISION, several of which may pass in one week."""
    prompted, contacted, persuaded = meet(par, v, day, now, r, w, i, k, drawn(v, WEEKLY, HEAR_LANE, k))
    u_stage = drawn(v, WEEKLY, STAGE_LANE, k)
    if w.stage == UNAWARE and contacted:
        move(day, now, w, KNOWLEDGE)
    if par.join_on_hearing:
        if contacted and now.on_sale:
            enroll(par, v, day, now, r, w, ZERO, NO_OFFER, ZERO, np.int64(w.last_source))
        return
    if w.stage == KNOWLEDGE and u_stage < persuaded:
        move(day, now, w, PERSUASION)
    elif not contacted and u_stage >= 1.0 - par.forget_prob and (w.stage == KNOWLEDGE or w.stage == PERSUASION or w.stage == REJECTED):
        move(day, now, w, UNAWARE)
        w.understanding = w.understanding_start
        if w.marks & BELIEVED:
            w.marks |= MISBELIEF
        day.events[FORGOTTEN] += 1
        return
    if now.on_sale:
        compare(par, v, day, now, r, w, drawn(v, WEEKLY, COMPARE_LANE, k), prompted)
        if w.stage == DECISION:
            register(par, v, day, now, r, w, i, drawn(v, WEEKLY, REGISTER_LANE, k))
    if w.stage != DECISION:
        w.marks &= ALL_MARKS ^ (HELPED | ON_SPOT | ASKED)


@inlined
def member(par, v, day, now, r, w, i, k):
    """An enrolled worker between due months: he goes to sessions and talks of it; a visit or a reminder restores the chance to pay."""
    if w.visited == now.week:
        w.marks |= REMINDED | VISITED
        w.reached_week = now.week
    if r.contact_blocks & 1:
        for kind in range(SERVICE):
            if campaign_contact(v, day, now, r, w, kind, drawn(v, CONTACT_A, kind, k)) >= 0:
                w.reached_week = now.week
    if r.contact[REMINDER] > 0.0 and w.joined_week < now.week:
        if campaign_contact(v, day, now, r, w, REMINDER, drawn(v, CONTACT_B, REMINDER - 4, k)) >= 0:
            w.marks |= REMINDED
            w.reminders = min(255, w.reminders + 1)
    if par.lapse_prob > 0.0 or par.silence_prob > 0.0:
        u_lapse, u_silent, _, _ = draw(par, i, now.week, LIMITS, P_WORKER)
        if u_silent < par.silence_prob:
            w.marks |= SILENT
        if u_lapse < par.lapse_prob:
            lapse(v, day, now, w)


@inlined
def live(par, v, day, now, i, k):
    """One worker, one week: hear, understand and trust, compare and decide, register, (due month) pay, confirm or lapse."""
    w = v.workers[i]
    r = row_of(par, v, day, now, w)
    if w.news_paid + w.news_bad + w.news_risk > 0:
        digest_news(par, w)
    if enrolled(w):
        member(par, v, day, now, r, w, i, k)
    else:
        outsider(par, v, day, now, r, w, i, k)
    if now.month_start:
        month(par, v, day, now, r, w, i, k)


# ------------------------------------------------------------------ serial passes: money


@compiled
def available_rp(par, day, now):
    """Rupiah that may still be committed this week under the budget and the monthly ceiling (a large number without)."""
    left = 1 << 60
    if par.budget_rp >= 0:
        left = par.budget_rp - day.spent_rp - day.committed_rp
    if par.ceiling_rp >= 0:
        left = min(left, par.ceiling_rp - day.month_spent_rp - (day.obligation_rp if now.month_start else 0))
    return left


@compiled
def fund(par, v, day, now):
    """Which levers run this week: what is fixed is paid first; then gifts, contacts and subsidies are rationed if they must be."""
    if now.month_start:
        day.month_spent_rp = 0
        day.off_month = 0
    renew(par, v, day, now)
    day.off = day.never | day.off_month
    day.spent_out = 0
    left = available_rp(par, day, now)
    for k in range(par.levers):
        plan = v.plan[now.week, k]
        lever = v.levers[k]
        lever.owed_once_rp += plan.once_rp
        lever.owed_month_rp = plan.monthly_rp if now.month_start else lever.owed_month_rp + plan.monthly_rp
        if plan.running:
            fixed = lever.owed_once_rp + lever.owed_month_rp
            if lever.bound and fixed + plan.event_rp > left:
                day.off |= bit(k)
                lever.unmet_rp += plan.once_rp + plan.monthly_rp + plan.event_rp
            else:
                book(v, day, now, k, FIXED, lever.payer, fixed)
                book(v, day, now, k, EVENT, lever.payer, plan.event_rp)
                lever.owed_once_rp = 0
                lever.owed_month_rp = 0
                left -= (fixed + plan.event_rp) * lever.bound
    day.left_rp = left
    if par.budget_rp >= 0 or par.ceiling_rp >= 0:
        day.left_rp = ration(par, v, day, now, left)


@compiled
def renew(par, v, day, now):
    """A sponsor's budget is renewed, or not, at the end of each term; a lever that is not renewed stays off."""
    for k in range(v.offers.size):
        offer = v.offers[k]
        if offer.renewal_prob > 0.0 and now.week > offer.list_week and (now.week - offer.list_week) % offer.term == 0:
            u, _, _, _ = draw(par, offer.lever, now.week, RENEWAL_BLOCK, P_LEVER)
            if u >= offer.renewal_prob:
                day.never |= bit(offer.lever)


@compiled
def ration(par, v, day, now, left):
    """7.9, rival money: contacts, discounts, then gifts and subsidies are served by Philox priority as far as the money goes.

    Money is set aside for everybody who may draw on it this week, so that nothing can be overspent; where several
    levers compete for what is left, each in turn may take an equal share. Returns what is left for agents' visits.
    """
    claims = 0
    visits = 0
    left = max(left, 0)
    for i in range(par.workers):
        v.workers[i].denied_contact = 0
        v.workers[i].denied_claim = 0
    for k in range(par.levers):
        lever = v.levers[k]
        if v.plan[now.week, k].running == 0 or not lever.bound or has(day.off, k):
            continue
        if now.month_start and lever.discount_rp > 0:
            left -= reserve_discount(par, v, day, k, left)
        if lever.contact_rp > 0 and lever.visits == 0:
            left -= lever.contact_rp * serve(par, v, day, now, k, left // lever.contact_rp, CONTACTS)
        for_visits = min(left, lever.contact_rp * lever.visits)
        left -= for_visits
        visits += for_visits
        claims += lever.claim_rp > 0 and not has(day.off, k)
    for k in range(par.levers):
        lever = v.levers[k]
        if v.plan[now.week, k].running == 0 or not lever.bound or has(day.off, k):
            continue
        if lever.claim_rp > 0:
            most = left // claims // lever.claim_rp
            if par.ceiling_rp >= 0 and lever.month_unit_rp > 0:
                most = min(most, (par.ceiling_rp - day.obligation_rp) // lever.month_unit_rp)
            if most <= 0:
                day.spent_out |= bit(k)
            else:
                left -= lever.claim_rp * serve(par, v, day, now, k, most, CLAIMS)
            claims -= 1
    return visits


@compiled
def reserve_discount(par, v, day, k, left):
    """A discount on running contributions is paid to all members of the target this month, or to none."""
    members = 0
    for i in range(par.workers):
        w = v.workers[i]
        if has(v.segment_levers[w.segment], k) and enrolled(w):
            members += 1
    needed = members * v.levers[k].discount_rp
    if needed > left:
        day.off_month |= bit(k)
        day.off |= bit(k)
        v.levers[k].unmet_rp += needed
        return 0
    return needed


@compiled
def renews(v, now, w, k):
    """Is a term that sponsor k paid for the worker due for renewal this week?"""
    if w.offer < 0 or v.offers[w.offer].renewal_prob <= 0.0:
        return False
    return now.month_start == 1 and w.sub_left == 0 and enrolled(w) and v.offers[w.offer].lever == k and w.next_due == now.week


@compiled
def reached(par, v, day, now, w, i, k):
    """Will the worker be reached this week by the channel class that lever k speaks through?"""
    kind = v.levers[k].kind
    r = row_of(par, v, day, now, w)
    meant = kind < SERVICE or (kind == REMINDER) == enrolled(w)
    if not meant or r.contact[kind] <= 0.0:
        return False
    u = draw(par, i, now.week, CONTACT_A + kind // 4, P_WORKER)
    return u[kind % 4] < r.contact[kind]


@compiled
def serve(par, v, day, now, k, most, what):
    """Let the `most` claimants of lever k with the lowest priority draw on it, deny it to the others; returns how many may.

    Claimants of contacts are those who will be reached; of claims all without cover (those in DECISION first) and renewals.
    """
    claimants = 0
    for i in range(par.workers):
        w = v.workers[i]
        v.priority[i] = NO_CLAIM
        if not has(v.segment_levers[w.segment], k):
            continue
        late = 0
        if what == CLAIMS:
            if enrolled(w) and not renews(v, now, w, k):
                continue
            late = 0 if enrolled(w) or w.stage == DECISION else 1 << 32
        elif not reached(par, v, day, now, w, i, k):
            continue
        word, _, _, _ = philox(np.uint64(i), np.uint64(now.week), np.uint64(k), np.uint64(P_ALLOT), par.key0, par.key1)
        v.priority[i] = np.int64(word) + late
        claimants += 1
    cut = NO_CLAIM
    if claimants > most:
        low = 0
        while low < cut:  # the largest cut with at most `most` claimants strictly below it
            middle = (low + cut + 1) // 2
            below = 0
            for i in range(par.workers):
                below += v.priority[i] < middle
            if below <= most:
                low = middle
            else:
                cut = middle - 1
    served = 0
    for i in range(par.workers):
        if v.priority[i] < cut:
            served += 1
        elif v.priority[i] < NO_CLAIM:
            if what == CLAIMS:
                v.workers[i].denied_claim |= bit(k)
            else:
                v.workers[i].denied_contact |= bit(k)
                v.levers[k].unmet_rp += v.levers[k].contact_rp
    return served


# ------------------------------------------------------------------ serial passes: agents, lists, groups


@compiled
def settle_agent(par, v, day, now, a):
    """7.4, at a month's first step: pay slip by the dated rule, strike-off, leaving, return, and how many can be collected from."""
    agent = v.agents[a]
    rule = now.agent_rule
    if agent.active:
        agent.income_rp = agent.commissions_rp
        if agent.new_members >= rule[BONUS_MEMBERS]:
            agent.income_rp += rule[BONUS_RP] + rule[PER_MEMBER_RP] * agent.new_members
        if agent.commission:
            book(v, day, now, agent.lever, COMMISSION, SCHEME_PAYS, agent.income_rp)
            agent.idle_months = agent.idle_months + 1 if agent.new_members == 0 and agent.commissions_rp == 0 else 0
            u, _, _, _ = draw(par, a, now.week, PAY_BLOCK, P_AGENT)
            if agent.idle_months >= rule[IDLE_MONTHS]:
                agent.active = 0
                agent.away_months = 0
            elif agent.income_rp < agent.reserve_rp and u < agent.leave_prob:
                agent.active = 0
                agent.away_months = -1
    elif agent.away_months >= 0:
        agent.away_months += 1
        if agent.away_months >= rule[RETURN_MONTHS]:
            agent.active = 1
            agent.idle_months = 0
    agent.new_members = 0
    agent.commissions_rp = 0
    agent.collect_prob = 0.0
    if agent.active and agent.collects:
        # three fifths of the month's visits may go to collecting
        steps = 365.0 / (12.0 * par.step_days)
        agent.collect_prob = min(1.0, 0.6 * agent.visits * agent.per_visit * steps / max(1, agent.portfolio))


@compiled
def send_agents(par, v, day, now):
    """7.4: each agent spends the week's visits, each on the best of a few candidates by what an agent can observe."""
    for a in range(v.agents.size):
        agent = v.agents[a]
        if now.week < agent.from_week or now.week > agent.until_week:
            continue
        if now.week == agent.from_week:
            agent.active = 1
            agent.collect_prob = 1.0 if agent.collects else 0.0
        elif now.month_start:
            settle_agent(par, v, day, now, a)
        if now.week == agent.until_week:
            if not now.month_start:
                settle_agent(par, v, day, now, a)
            agent.active = 0
        people = agent.last - agent.first
        if not agent.active or has(day.off, agent.lever) or people == 0:
            continue
        visits = agent.visits
        if agent.collects:
            visits = max(visits - agent.portfolio * 12 * par.step_days // (agent.per_visit * 365), visits * 2 // 5)
        for k in range(visits):
            u = draw(par, a, now.week, k, P_AGENT)
            best = -1
            chosen = -1
            for c in range(agent.candidates):
                i = v.lists[agent.first + int(u[c] * people)]
                if v.workers[i].visited == now.week and v.workers[i].visitor == a:
                    continue
                score = attraction(agent, v.workers[i])
                if score > best:
                    best = score
                    chosen = i
            if chosen >= 0:
                visit(par, v, day, now, a, v.workers[chosen])


@compiled
def attraction(agent, w):
    """How an agent ranks a candidate: not a member, not visited before, preferred occupation, not sent away by the office."""
    score = 0 if enrolled(w) else 8
    if w.marks & VISITED == 0:
        score += 4
    if has(agent.preferred, np.int64(w.occupation)):
        score += 2
    if w.attempts == 0:
        score += 1
    return score


@compiled
def visit(par, v, day, now, a, w):
    """Agent a goes to a worker; where two meet, the lower draw has him, the other's visit is lost; what cannot be paid is not made."""
    k = v.agents[a].lever
    if w.visited == now.week:
        day.events[VISITS_LOST] += 1
        u, _, _, _ = draw(par, a, now.week, MEET_BLOCK, P_AGENT)
        other, _, _, _ = draw(par, np.int64(w.visitor), now.week, MEET_BLOCK, P_AGENT)
        if u < other:
            w.visitor = a
        return
    cost = v.levers[k].contact_rp
    if v.levers[k].bound:
        if cost > day.left_rp:
            v.levers[k].unmet_rp += cost
            return
        day.left_rp -= cost
    w.visited = now.week
    w.visitor = a
    day.events[VISITS] += 1
    book(v, day, now, k, CONTACT, v.levers[k].payer, cost)


@compiled
def nominate(v, day, now):
    """A sponsor puts workers on its list: they are helped to register and know the offer."""
    for k in range(v.offers.size):
        lever = v.offers[k].lever
        if v.plan[now.week, lever].running == 0 or has(day.off | day.spent_out, lever):
            continue
        for p in range(v.offers[k].first, v.offers[k].last):
            w = v.workers[v.lists[p]]
            if not enrolled(w) and w.listed != lever and (w.listed < 0 or v.plan[now.week, w.listed].running == 0):
                w.listed = lever
                w.marks |= HELPED
                w.told_week = now.week
                w.last_source = SERVICE
                if w.first_source == NONE:
                    w.first_source = SERVICE
                if w.stage != DECISION:
                    move(day, now, w, DECISION)


@compiled
def attend(par, day, now, w, u):
    """A member without cover hears of the program at the meeting: a talk by one's own group."""
    known = np.float64(w.understanding)
    w.understanding = known + par.peer_intensity * (1.0 - known)
    w.told_week = now.week
    w.reached_week = now.week
    if w.first_source == NONE:
        w.first_source = GROUP
    if w.stage == UNAWARE:
        move(day, now, w, KNOWLEDGE)
    if w.marks & MISBELIEF and u < min(1.0, par.clearing_ratio * par.peer_intensity):
        w.marks &= ALL_MARKS ^ MISBELIEF


@compiled
def meet_groups(par, v, day, now):
    """7.3, group decision: if the mean margin of the members without cover is positive, all with cash enroll, the fund pays for others."""
    for g in range(v.groups.size):
        group = v.groups[g]
        if now.week < group.from_week or now.week >= group.until_week or (now.week - group.from_week) % group.every != 0:
            continue
        if has(day.off, group.lever) or not now.on_sale:
            continue
        total = 0.0
        for p in range(group.first, group.last):
            w = v.workers[v.lists[p]]
            if not enrolled(w):
                attend(par, day, now, w, draw(par, v.lists[p], now.week, GROUP_BLOCK, P_WORKER)[2])
                w.margin = margin_of(par, v, day, row_of(par, v, day, now, w), w)
                if np.float64(w.value) > NEVER_VALUE:
                    total += min(VOICE, max(-VOICE, np.float64(w.margin)))
        if total > 0.0:
            for p in range(group.first, group.last):
                if not enrolled(v.workers[v.lists[p]]):
                    join_with_group(par, v, day, now, group, v.lists[p])


@compiled
def join_with_group(par, v, day, now, group, i):
    """One member after a positive vote: an outvoted one leaves or is forced; the office may still fail."""
    w = v.workers[i]
    r = row_of(par, v, day, now, w)
    u_leave, u_office, _, _ = draw(par, i, now.week, GROUP_BLOCK, P_WORKER)
    outvoted = w.margin <= 0.0
    if outvoted and (u_leave < group.leave_prob or np.float64(w.value) <= NEVER_VALUE):
        return
    w.last_source = GROUP
    if u_office >= r.success[1]:
        try_alone(day, now, w, outvoted)
        return
    subset = offers_known(day, r, w, NO_LEVERS)
    if must_wait(day, r, w, subset):
        return
    own_rp = r.first_due_rp[subset]
    offer = r.subset_offer[subset]
    in_hand_rp = own_rp - min(own_rp, r.source_rp) if r.channel == AT_SOURCE else own_rp
    if not liquid(par, v, r, now, w, i, in_hand_rp):
        if group.offer < 0 or offer >= 0 or has(day.spent_out | w.denied_claim, group.lever):
            try_alone(day, now, w, outvoted)
            return
        offer = group.offer
        own_rp = 0
    w.marks &= ALL_MARKS ^ FORCED
    if outvoted:
        w.marks |= FORCED
    enroll(par, v, day, now, r, w, subset, offer, own_rp, GROUP)


@compiled
def try_alone(day, now, w, outvoted):
    """The group's registration failed for one member: if he wanted it, he goes on trying, with help."""
    if not outvoted and w.stage != DECISION:
        w.marks |= HELPED
        move(day, now, w, DECISION)


# ------------------------------------------------------------------ serial passes: claims, turnover, record


@compiled
def file_claims(par, v, day, now):
    """7.8: this week's deaths and accidents. With cover, a claim is filed; without, ties see the misfortune."""
    for n in range(day.misfortunes):
        i = v.misfortunes[n].person
        kind = v.misfortunes[n].kind
        w = v.workers[i]
        if not par.claims_on or (kind != DEATH and kind != ACCIDENT):
            continue
        if w.marks & ACTIVE == 0:
            day.events[UNPROTECTED] += 1
            tell_ties(par, v, w, SAW_MISFORTUNE, False)
            continue
        r = row_of(par, v, day, now, w)
        amount_rp = now.accident_claim_rp
        if kind == DEATH:
            amount_rp = now.death_benefit_rp
            if w.own_months + w.other_months < now.waiting_months:
                amount_rp = now.waiting_benefit_rp
        u_refused, u_days, _, _ = draw(par, i, now.week, kind, P_CLAIM)
        days = r.claim_days * par.wait[int(u_days * CELLS)]
        if day.claims < v.claims.size:
            claim = v.claims[day.claims]
            claim.person = i
            claim.joined = w.joined_week
            claim.week = now.week + int(days / par.step_days)
            claim.outcome = REFUSED if u_refused < r.refused_share else LATE if days > par.late_days else PAID
            claim.kind = kind
            claim.amount_rp = amount_rp
            day.claims += 1


@compiled
def close_claims(par, v, day, now):
    """Claims whose handling ends this week: money is booked, news goes to ties and, where announced, to the whole community."""
    n = 0
    while n < day.claims:
        claim = v.claims[n]
        if claim.week > now.week:
            n += 1
            continue
        w = v.workers[claim.person]
        day.events[CLAIMS_PAID + claim.outcome] += 1
        if claim.outcome != REFUSED:
            book(v, day, now, par.levers, CLAIM, SCHEME_PAYS, claim.amount_rp)
        if claim.outcome != PAID and claim.kind == ACCIDENT and claim.joined == w.joined_week and w.marks & REGISTERED:
            w.marks |= DISAPPOINTED
        announced = claim.outcome == PAID and row_of(par, v, day, now, w).announces == 1
        if announced:
            for j in range(par.workers):
                if v.workers[j].community == w.community:
                    v.workers[j].news_paid += 1
        tell_ties(par, v, w, GOOD_NEWS if claim.outcome == PAID else BAD_NEWS, announced)
        day.claims -= 1
        last = v.claims[day.claims]
        claim.person = last.person
        claim.joined = last.joined
        claim.week = last.week
        claim.outcome = last.outcome
        claim.kind = last.kind
        claim.amount_rp = last.amount_rp


@compiled
def tell_ties(par, v, w, what, announced):
    """Leave news (0 paid, 1 late or refused, 2 misfortune without cover) with a worker's ties, for next week.

    Where it was announced, the own community knows already.
    """
    for e in range(w.first, w.last):
        j = v.ties[e].other
        if j < par.workers and not (announced and v.workers[j].community == w.community):
            if what == GOOD_NEWS:
                v.workers[j].news_paid += 1
            elif what == BAD_NEWS:
                v.workers[j].news_bad += 1
            else:
                v.workers[j].news_risk += 1


@compiled
def turn_over(par, v, day, now):
    """Those who died or left are replaced in their place, with its ties, by newcomers drawn from the baseline."""
    for n in range(day.misfortunes):
        kind = v.misfortunes[n].kind
        if par.turnover_on and kind < ACCIDENT:
            day.events[EXIT_DEATH + kind] += 1
            day.events[NEWCOMERS] += 1
            w = v.workers[v.misfortunes[n].person]
            release(v, day, w)
            leave_agent(v, w)
            newcomer(par, now, w, v.misfortunes[n].person)


@compiled
def newcomer(par, now, w, i):
    """3.5: a new person in an old place: value, own risk, understanding, misbelief and awareness are drawn, the past is blank."""
    u_value, u_risk, u_known, u_belief = draw(par, i, now.week, NEWCOMER_A, P_WORKER)
    u_aware, u_never, _, _ = draw(par, i, now.week, NEWCOMER_B, P_WORKER)
    cell = int(u_risk * CELLS)
    value = np.float64(w.value_slot) + par.value_sd * normal(par, u_value) + par.risk_weight * par.own_risk_sd * par.mid[cell]
    w.value = NEVER_VALUE if u_never < par.never_share else value
    w.risk = par.risk_table[cell]
    known = min(1.0, max(0.0, par.understanding_mean + par.understanding_spread * (2.0 * u_known - 1.0)))
    w.understanding = known
    w.understanding_start = known
    w.marks = MISBELIEF | BELIEVED if u_belief < par.misbelief_share else 0
    w.stage = KNOWLEDGE if u_aware < par.awareness_share else UNAWARE
    w.alpha = par.trust_alpha
    w.beta = par.trust_beta
    w.seen_risk = 0.0
    w.margin = 0.0
    w.own_months = 0
    w.other_months = 0
    w.attempts = 0
    w.reminders = 0
    w.unpaid = 0
    w.news_paid = 0
    w.news_bad = 0
    w.news_risk = 0
    w.offer = -1
    w.listed = -1
    w.visitor = -1
    w.visited = -1
    w.next_due = -1
    w.joined_week = -1
    w.first_week = -1
    w.stop_week = -1
    w.first_stop = -1
    w.reached_week = LONG_AGO
    w.told_week = LONG_AGO
    w.stage_week = now.week
    w.first_source = NONE
    w.last_source = NONE


@compiled
def record(par, v, day, now):
    """Count the week's end from the states, by report group; file the day book and clear it."""
    counts = v.counts[now.week]
    for i in range(par.workers):
        w = v.workers[i]
        counts[w.group, w.stage] += 1
        counts[w.group, 8] += w.marks & REGISTERED != 0
        counts[w.group, 9] += w.marks & ACTIVE != 0
        counts[w.group, 10] += w.marks & (ACTIVE | PAID_OWN) == ACTIVE | PAID_OWN
        counts[w.group, 11] += int(np.float64(w.understanding) * 65536.0)
        counts[w.group, 12] += int(trust(w) * 65536.0)
        counts[w.group, 13] += w.marks & MISBELIEF != 0
    for k in range(EVENTS):
        v.events[now.week, k] = day.events[k]
        day.events[k] = 0
    for a in range(8):
        for b in range(8):
            v.passages[now.week, a, b] = day.passages[a, b]
            day.passages[a, b] = 0
    day.misfortunes = 0


@compiled
def open_week(par, v, day, now):
    """The serial passes before the workers' week: money, the published copy, agents, sponsors' lists, group meetings."""
    fund(par, v, day, now)
    publish(par, v, day, now)
    send_agents(par, v, day, now)
    nominate(v, day, now)
    meet_groups(par, v, day, now)


@compiled
def live_rows(par, v, day, now, first, last):
    """The week of workers `first` to `last` - 1, a block of rows at a time: random words first, then the workers."""
    for start in range(first, last, BLOCK_ROWS):
        count = min(BLOCK_ROWS, last - start)
        draw_ahead(par, v, now.week, WEEKLY, start, count)
        if now.month_start:
            draw_ahead(par, v, now.week, MONTHLY, start, count)
        for half in range(2):
            if now.contact_blocks >> half & 1:
                draw_ahead(par, v, now.week, CONTACT_A + half, start, count)
        for k in range(count):
            if now.week < v.workers[start + k].exposure:
                live(par, v, day, now, start + k, k)


@compiled
def close_week(par, v, day, now):
    """The serial passes after it: claims, turnover, record."""
    file_claims(par, v, day, now)
    close_claims(par, v, day, now)
    turn_over(par, v, day, now)
    record(par, v, day, now)


@compiled
def run(v, first, last):
    """Weeks `first` to `last` - 1 of a village."""
    par = v.par[0]
    day = v.day[0]
    for t in range(first, last):
        now = v.weeks[t]
        open_week(par, v, day, now)
        live_rows(par, v, day, now, ZERO, par.workers)
        close_week(par, v, day, now)


# ------------------------------------------------------------------ the same week in three calls, for threads


@compiled
def run_open(v, t):
    open_week(v.par[0], v, v.day[0], v.weeks[t])


@compiled
def run_rows(v, t, first, last):
    live_rows(v.par[0], v, v.day[0], v.weeks[t], first, last)


@compiled
def run_close(v, t):
    close_week(v.par[0], v, v.day[0], v.weeks[t])


# ------------------------------------------------------------------ building a village, before its first week
#
# Called from network.py and `rng.first`, never from `run`: each is compiled (and found in the cache) by itself; plain.py
# is the same in NumPy. Ties are *pairs* (source, target) first; a *row* is what one person's ties are gathered in.


@compiled
def fill_uniforms(out, week, block, purpose, key0, key1):
    """Fill `out` (4, n) with the uniforms of ids 0 .. n - 1; the loop vectorizes."""
    s = 2.0**-32
    for i in range(out.shape[1]):
        c0, c1, c2, c3 = philox(np.uint64(i), week, block, purpose, key0, key1)
        out[0, i] = (np.float64(c0) + 0.5) * s
        out[1, i] = (np.float64(c1) + 0.5) * s
        out[2, i] = (np.float64(c2) + 0.5) * s
        out[3, i] = (np.float64(c3) + 0.5) * s


@compiled
def ring_ties(u, order, community, first, size, step, kept, rewired, source, target, found):
    """Tie each worker to the one `step` places on in the ring of the community, or (rewired) to any; returns the pairs found so far."""
    for place in range(len(order)):
        i = order[place]
        begin = first[community[i]]
        around = size[community[i]]
        if around > step and u[2, i] < kept:
            end = begin + (place - begin + step) % around
            if u[0, i] < rewired:
                end = begin + int(u[1, i] * around)
            if end != place:
                source[found] = i
                target[found] = order[end]
                found += 1
    return found


@inlined
def broker(edges, guide, shift, u):
    """The worker in whose stretch of the summed weights `edges` the uniform falls; `guide`: where to begin, by 2**shift of the weight."""
    last = len(edges) - 1
    drawn_weight = int(u * edges[last])
    i = guide[drawn_weight >> shift]
    while i < last and edges[i] <= drawn_weight:
        i += 1
    return i


@inlined
def apart(one, other, community, one_place):
    """May a bridging tie join the two: in different communities, if there is more than one?"""
    return one != other and (one_place or community[one] != community[other])


@compiled
def bridging_ties(u, more, fine, edges, guide, shift, membership, members, first_member, community, one_place, source, target):
    """Pairs of a broker and a fellow member or another broker, across communities (five tries); returns their number."""
    found = 0
    for t in range(u.shape[1]):
        one = broker(edges, guide, shift, u[0, t] + fine[0, t])
        other = one
        if u[1, t] < 0.5:
            for k in range(3):
                count = first_member[k + 1] - first_member[k]
                if other == one and count > 0 and membership[one] >> k & 1:
                    other = members[first_member[k] + int(u[2, t] * count)]
        for k in range(1 if u[1, t] < 0.5 else 0, 5):
            if not apart(one, other, community, one_place):
                other = broker(edges, guide, shift, (u[3, t] if k == 0 else more[k - 1, t]) + fine[(k + 1) % 4, t])
        if apart(one, other, community, one_place):
            source[found] = one
            target[found] = other
            found += 1
    return found


def rows(source, target, kind, weight, size):
    """indptr, indices and kinds of every tie in both its rows, each row sorted, and the pair each entry comes from.

    A tie said twice is kept once (the lowest kind, then the largest weight). No general sort: pairs are gathered by
    row, then handed over to their other ends in the order of rows.
    """
    start, slots, pair = np.zeros(size + 2, np.int64), np.empty(2 * len(source), np.int32), np.empty(2 * len(source), np.int32)
    gather_rows(source, target, start, slots)
    indptr = start[:-1]
    sort_rows(source, target, indptr, slots, indptr[:-1].copy(), pair)
    indices, kinds = slots, np.empty(len(slots), np.uint8)  # the slots are free again
    entries = merge_ties(source, target, kind, weight, indptr, pair, indices, kinds)
    return indptr, indices[:entries], kinds[:entries], pair[:entries]


@compiled
def gather_rows(source, target, start, slots):
    """Number the pairs by row: those of row i stand in `slots` from `start[i]` to `start[i + 1]`. `start` has rows + 2 zeros."""
    for p in range(len(source)):
        start[source[p] + 2] += 1
        start[target[p] + 2] += 1
    for i in range(2, len(start)):
        start[i] += start[i - 1]
    for p in range(len(source)):
        one = source[p] + 1
        other = target[p] + 1
        slots[start[one]] = p
        start[one] += 1
        slots[start[other]] = p
        start[other] += 1


@compiled
def sort_rows(source, target, start, slots, free, into):
    """The same with each row in rising order of the other end: rows are gone through in order. `free`: where rows begin (used up)."""
    for i in range(len(free)):
        for k in range(start[i], start[i + 1]):
            p = slots[k]
            j = source[p] + target[p] - i
            into[free[j]] = p
            free[j] += 1


@compiled
def merge_ties(source, target, kind, weight, start, slots, indices, kinds):
    """Keep each tie once and close the gaps; returns the number of entries."""
    entries = 0
    begin = 0
    for i in range(len(start) - 1):
        last = start[i + 1]
        start[i] = entries
        before = -1
        for k in range(begin, last):
            p = slots[k]
            j = source[p] + target[p] - i
            if j != before:
                entries += 1
                before = j
            else:
                kept = slots[entries - 1]
                if kind[p] > kind[kept] or (kind[p] == kind[kept] and weight[p] <= weight[kept]):
                    continue
            slots[entries - 1] = p
            indices[entries - 1] = j
            kinds[entries - 1] = kind[p]
        begin = last
    start[len(start) - 1] = entries
    return entries


@compiled
def ring_gaps(start, indices, kinds, place, community, size, gaps):
    """Places between the two ends of each bonding tie between workers, the shorter way around the ring."""
    n = len(place)
    for i in range(n):
        around = size[community[i]]
        for k in range(start[i], start[i + 1]):
            if indices[k] < n and kinds[k] == BONDING:
                gap = abs(place[i] - place[indices[k]])
                gaps[k] = min(gap, around - gap)


@compiled
def mark_close(workers, start, indices, kinds, gaps, best, marks):
    """Mark ties between workers 1, the `len(best)` bonding ties of each with the smallest gaps (then rows) 2; returns how many of each."""
    others = 0
    close = 0
    for i in range(workers):
        found = 0
        for k in range(start[i], start[i + 1]):
            if indices[k] >= workers:
                break
            marks[k] = 1
            others += 1
            if kinds[k] == BONDING and len(best) > 0:
                key = (np.int64(gaps[k]) << 32) + k
                at = found
                if found < len(best):
                    found += 1
                elif key < best[found - 1]:
                    at = found - 1
                else:
                    continue
                while at > 0 and best[at - 1] > key:
                    best[at] = best[at - 1]
                    at -= 1
                best[at] = key
        for k in range(found):
            marks[best[k] & 0xFFFFFFFF] = 2
        close += found
    return others - close, close
