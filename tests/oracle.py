"""The weekly update a second time, in plain Python, written from section 7 of the ODD (simulation/README.md) and from nothing else.

Slow and plain on purpose: it shares no line with the compiled kernel, so that one check of the other means something.
Every process is a method named as in the ODD, in its order. Reals are Python floats (IEEE double), integers Python
integers, rows of tables are objects with the fields of 7.16. `f32` marks each store into a single-precision column;
where it is missing, a column is wider or the value is an integer.
"""

import struct
from types import SimpleNamespace

import numpy as np

from simulation.stages import (
    ACTIVE, ASKED, DISAPPOINTED, ENROLLED, FORCED, HELPED, LISTED, MISBELIEF, PAID_OWN, REGISTERED, REMINDED, SILENT, VISITED,
    Block, Channel, Contact, Event, Exit, Item, Payer, Purpose, Source, Stage,
)  # fmt: skip

BOUND_PAYERS = (Payer.BRANCH, Payer.VILLAGE, Payer.REGENCY, Payer.COMPANY)
DEATH, ACCIDENT = 0, 3
PAID, LATE, REFUSED = 0, 1, 2
LONG_AGO = -10000
NOBODY = 0xFFFFFFFF  # priority of a worker who claims nothing
BONUS_MEMBERS, BONUS_RP, PER_MEMBER_RP, EARLY_BP, LATE_BP, EARLY_MONTHS, LATE_MONTHS, IDLE_MONTHS, RETURN_MONTHS = range(9)


# ------------------------------------------------------------------ 7.0 conventions


def philox(c0, c1, c2, c3, k0, k1):
    """Philox 4x32-10 (Salmon et al. 2011): four 32-bit words of the counter under the key."""
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def f32(x: float) -> float:
    """x rounded to single precision, to nearest, ties to even: what a narrow column keeps."""
    return struct.unpack("f", struct.pack("f", x))[0]


def has(bits: int, k: int) -> bool:
    return bits >> k & 1 == 1


def trust(w) -> float:
    return w.alpha / (w.alpha + w.beta)


def enrolled(w) -> bool:
    return w.stage in ENROLLED


def objects(table: np.ndarray) -> list:
    """A NumPy table as a list of rows whose fields are plain Python numbers (or lists of them). A copy, by construction."""
    columns = [table[name].tolist() for name in table.dtype.names]
    make = lambda values: SimpleNamespace(**dict(zip(table.dtype.names, values, strict=True)))  # noqa: E731
    if table.ndim == 2:
        return [[make(values) for values in zip(*line, strict=True)] for line in zip(*columns, strict=True)]
    return [make(values) for values in zip(*columns, strict=True)]


class Oracle:
    """One village at some week. Made from the tables of `World.village` before its first step; they are left untouched."""

    def __init__(self, village):
        self.par, self.day = objects(village.par)[0], objects(village.day)[0]
        for name in ("workers", "ties", "public", "occupations", "rows", "weeks", "contacts", "levers", "plan", "offers", "groups", "agents", "claims"):
            setattr(self, name, objects(getattr(village, name)))
        for name in ("segment_levers", "lists", "leader_on", "ledger", "events", "passages", "counts"):
            setattr(self, name, getattr(village, name).tolist())
        for number, w in enumerate(self.workers):
            w.number = number
        self.misfortunes: list[tuple[int, int]] = []  # (worker, kind) of this week
        self.now = self.weeks[0]

    # ---- parts used everywhere

    def draw(self, number, week, block, purpose):
        words = philox(number, week, block, purpose, self.par.key0, self.par.key1)
        return [(word + 0.5) * 2.0**-32 for word in words]

    def lanes(self, w, block):
        """The four uniforms of this worker in this week and block."""
        return self.draw(w.number, self.now.week, block, Purpose.WORKER)

    def row(self, w):
        return self.rows[self.now.period * self.par.segments + w.segment]

    def normal(self, u):
        place = u * 1024
        cell = int(place)
        left = self.par.normal[cell]
        return left + (place - cell) * (self.par.normal[cell + 1] - left)

    def count(self, event, n=1):
        self.day.events[event] += n

    def move(self, w, to):
        self.day.passages[w.stage][to] += 1
        w.stage = int(to)
        w.stage_week = self.now.week

    def book(self, lever, item, payer, amount):
        month = self.now.ledger_month
        if month < 0 or amount == 0:
            return
        self.ledger[month][lever][item][payer] += amount
        if payer in BOUND_PAYERS:
            self.day.spent_rp += amount
            self.day.month_spent_rp += amount

    def commit(self, offer, months, members):
        if offer >= 0 and self.levers[self.offers[offer].lever].bound:
            self.day.committed_rp += months * self.offers[offer].unit_rp
            self.day.obligation_rp += members * self.offers[offer].unit_rp

    def release(self, w):
        if w.sub_left > 0:
            self.commit(w.offer, -w.sub_left, -1)
            w.sub_left = 0

    def leave_agent(self, w):
        if w.agent >= 0:
            if enrolled(w):
                self.agents[w.agent].portfolio -= 1
            w.agent = -1

    def share_enrolled(self, w):
        ties = [tie for tie in self.ties[w.first : w.last] if tie.linking == 0]
        members = sum(self.public[tie.other].standing & 1 for tie in ties)
        return members / len(ties) if ties else 0.0

    def put_source(self, w, source):
        w.last_source = int(source)
        if w.first_source == Source.NONE:
            w.first_source = int(source)

    # ------------------------------------------------------------------ 7.1 the week

    def run(self, first, last):
        for week in range(first, last):
            self.week(week)
        return self

    def week(self, week):
        self.now = self.weeks[week]
        self.publish()
        self.fund()
        self.send_agents()
        self.nominate()
        self.meet_groups()
        for w in self.workers:
            if week < w.exposure:
                self.live(w)
        self.file_claims()
        self.close_claims()
        self.turn_over()
        self.record()

    # ------------------------------------------------------------------ 7.2 what others may read

    def publish(self):
        par, week = self.par, self.now.week
        boosted_member = min(1.0, par.talk_enrolled * par.talk_boost)
        boosted_aware = min(1.0, par.talk_aware * par.talk_boost)
        for w, said in zip(self.workers, self.public, strict=False):
            boosted = w.reached_week >= week - par.boost_weeks
            if w.stage == Stage.UNAWARE or w.marks & SILENT:
                talk = 0.0
            elif par.pass_once:
                talk = par.talk_enrolled if enrolled(w) and w.joined_week == week - 1 else 0.0
            elif enrolled(w):
                talk = boosted_member if boosted else par.talk_enrolled
            else:
                talk = boosted_aware if boosted else par.talk_aware
            said.talk = f32(talk)
            said.told = 0.0 if w.marks & MISBELIEF else w.understanding
            said.standing = int(enrolled(w)) + (2 if w.stage == Stage.LAPSED and w.marks & (FORCED | DISAPPOINTED) else 0)
        for k, said in enumerate(self.public[par.workers :]):
            said.talk = 0.0
            said.told = f32(par.leader_understanding)
            if k < par.leaders and self.leader_on[week][k]:
                said.talk = f32(boosted_member if said.standing & 1 else boosted_aware)
        for agent in self.agents:
            if agent.active:
                self.public[agent.row].talk = f32(boosted_member)

    # ------------------------------------------------------------------ 7.3 one worker, one week

    def live(self, w):
        if w.news_paid + w.news_bad + w.news_risk > 0:
            self.digest_news(w)
        if enrolled(w):
            self.member(w)
        else:
            self.outsider(w)
        if self.now.month_start:
            self.month(w)

    def outsider(self, w):
        par = self.par
        u_hear, u_stage, u_compare, u_register = self.lanes(w, Block.WEEKLY)
        prompted, contacted, persuaded = self.meet(w, u_hear)
        if w.stage == Stage.UNAWARE and contacted:
            self.move(w, Stage.KNOWLEDGE)
        if par.join_on_hearing:
            if contacted:
                self.enroll(w, 0, -1, 0, w.last_source)
            return
        if w.stage == Stage.KNOWLEDGE and u_stage < persuaded:
            self.move(w, Stage.PERSUASION)
        elif not contacted and u_stage >= 1.0 - par.forget_prob and w.stage in (Stage.KNOWLEDGE, Stage.PERSUASION, Stage.REJECTED):
            self.move(w, Stage.UNAWARE)
            w.understanding = w.understanding_start
            self.count(Event.FORGOTTEN)
            return
        if self.now.on_sale:
            self.compare(w, u_compare, prompted)
            if w.stage == Stage.DECISION:
                self.register(w, u_register)
        if w.stage != Stage.DECISION:
            w.marks &= ~(HELPED | ASKED | LISTED)

    def member(self, w):
        par, week = self.par, self.now.week
        if w.visited == week:
            w.marks |= REMINDED | VISITED
            w.reached_week = week
        if self.row(w).contact[Contact.REMINDER] > 0:
            u = self.lanes(w, Block.CONTACT_B)[2]
            if self.campaign_contact(w, Contact.REMINDER, u) >= 0:
                w.marks |= REMINDED
                w.reminders = min(255, w.reminders + 1)
        if par.lapse_prob > 0 or par.silence_prob > 0:
            u_lapse, u_silence, _, _ = self.lanes(w, Block.LIMITS)
            if u_silence < par.silence_prob:
                w.marks |= SILENT
            if u_lapse < par.lapse_prob:
                self.lapse(w)

    # ------------------------------------------------------------------ 7.4 hearing

    def hear(self, w, u):
        """The tie that is believed this week, or None."""
        talking = [tie for tie in self.ties[w.first : w.last] if self.public[tie.other].talk > 0]

        def silence(ties):
            silent = 1.0
            for tie in ties:
                silent = silent * (1.0 - min(1.0, self.public[tie.other].talk * tie.weight))
            return silent

        if u >= 1.0 - silence(talking):
            return None
        heard, teller = [], None  # in the order in which they are multiplied
        for told in sorted({self.public[tie.other].told for tie in talking}, reverse=True):
            alike = [tie for tie in talking if self.public[tie.other].told == told]
            teller = alike[0]
            heard += alike
            if u < 1.0 - silence(heard):
                return teller
        return teller

    def hear_ties(self, w, u, own_trust):
        """(source, prompted, stays, keeps)"""
        par = self.par
        if par.threshold_rule:
            return (Source.PEER if self.share_enrolled(w) >= w.threshold else Source.NONE), False, 1.0, 1.0
        tie = self.hear(w, u)
        if tie is None:
            return Source.NONE, False, 1.0, 1.0
        self.count(Event.HEARD)
        teller, known = self.public[tie.other], w.understanding
        strength = par.peer_intensity * (par.linking_credibility if tie.linking else par.bonding_credibility)
        w.understanding = f32(known + strength * max(0.0, teller.told - known))
        keeps = 1.0 - min(1.0, par.clearing_ratio * strength) if teller.told > 0.0 else 1.0
        source = Source.LEADER if tie.other >= par.workers else Source.PEER
        if teller.standing & 2:
            w.beta = f32(w.beta + par.sour_count)
            return source, False, 1.0, keeps
        return source, True, 1.0 - strength * own_trust, keeps

    def meet(self, w, u):
        """(prompted, contacted, persuaded): what reaches a worker without cover this week."""
        par, week, r = self.par, self.now.week, self.row(w)
        own_trust = trust(w)
        source, prompted, stays, keeps = self.hear_ties(w, u, own_trust)
        stays = stays * (1.0 - par.self_persuasion)
        if w.visited == week:  # take_visit
            w.reached_week = w.told_week = week
            w.marks |= HELPED | VISITED
            w.agent = w.visitor
            strength, known = par.intensity[Contact.VISIT], w.understanding
            w.understanding = f32(known + strength * (1.0 - known))
            stays = stays * (1.0 - strength * par.linking_credibility * own_trust)
            keeps = keeps * (1.0 - min(1.0, par.clearing_ratio * strength))
            source, prompted = Source.AGENT, True
        for half, block in enumerate((Block.CONTACT_A, Block.CONTACT_B)):
            if not has(r.contact_blocks, half):
                continue
            lanes = self.lanes(w, block)
            for kind in range(4 * half, (4, 6)[half]):
                lever = self.campaign_contact(w, kind, lanes[kind - 4 * half])
                if lever >= 0:
                    stayed, kept = self.take_contact(w, kind, lever, own_trust)
                    stays, keeps = stays * stayed, keeps * kept
                    source = min(source, kind)
                    prompted = prompted or kind < 4
        if w.marks & MISBELIEF and keeps < 1.0 and self.lanes(w, Block.BELIEF)[0] < 1.0 - keeps:
            w.marks &= ~MISBELIEF
        if source != Source.NONE:
            self.put_source(w, source)
        return prompted, source != Source.NONE, 1.0 - stays

    def campaign_contact(self, w, kind, u):
        """The lever that reaches the worker by this class, or -1."""
        r = self.row(w)
        if u >= r.contact[kind]:
            return -1
        place = r.contact_from[kind]
        while u >= self.contacts[place].cumulative:
            place += 1
        lever = self.contacts[place].lever
        if has(self.day.off | w.denied, lever):
            return -1
        self.count(Event.CONTACTED)
        self.book(lever, Item.CONTACT, self.levers[lever].payer, self.levers[lever].contact_rp)
        return lever

    def take_contact(self, w, kind, lever, own_trust):
        """(stays, keeps)"""
        par, week, known, strength = self.par, self.now.week, w.understanding, self.par.intensity[kind]
        w.understanding = f32(known + strength * (1.0 - known))
        w.told_week = week
        keeps = 1.0
        if kind < 4:
            w.reached_week = week
            keeps = 1.0 - min(1.0, par.clearing_ratio * strength)
        if self.levers[lever].helps:
            w.marks |= HELPED
        if kind == Contact.SERVICE:
            w.marks |= ASKED
            return 0.0, keeps
        return 1.0 - strength * self.levers[lever].credibility * own_trust, keeps

    # ------------------------------------------------------------------ 7.5 news

    def digest_news(self, w):
        par = self.par
        w.alpha = f32(w.alpha + par.paid_count * w.news_paid)
        w.beta = f32(w.beta + par.bad_count * w.news_bad)
        w.seen_risk = f32(w.seen_risk + par.seen_risk_step * w.news_risk)
        w.news_paid = w.news_bad = w.news_risk = 0

    # ------------------------------------------------------------------ 7.6 comparing

    def log_value(self, w):
        par, r = self.par, self.row(w)
        x = par.log_value + w.value + par.understanding_weight * (w.understanding - 1.0)
        x += par.trust_weight * (trust(w) - par.trust_reference)
        x += par.risk_weight * w.seen_risk
        if r.visibility > 0:
            x += par.imitation_weight * r.visibility * self.share_enrolled(w)
        if w.marks & MISBELIEF:
            x -= par.misbelief_weight
        return x

    def offers_known(self, w, refused):
        r, subset = self.row(w), 0
        for k in range(3):
            levers = r.slot_levers[k]
            if levers == 0 or levers & (self.day.off | refused) or (r.slot_fresh[k] and w.marks & REGISTERED):
                continue
            if w.marks & LISTED or w.told_week >= r.slot_since[k] or w.known_draw < r.slot_known[k]:
                subset += 1 << k
        return subset

    def route(self, w, subset, asked=True):
        """Place of the threshold for this subset of slots: + 8 helped + 16 asked + 32 back."""
        return subset + 8 * bool(w.marks & HELPED) + 16 * bool(asked and w.marks & ASKED) + 32 * bool(w.marks & REGISTERED)

    def margin_of(self, w):
        return self.log_value(w) - self.row(w).threshold[self.route(w, self.offers_known(w, 0))]

    def compare(self, w, u, prompted):
        par = self.par
        if w.stage not in (Stage.PERSUASION, Stage.REJECTED, Stage.LAPSED):
            return
        weighs = 1.0 if prompted else par.compare_prob
        if w.stage != Stage.PERSUASION:
            weighs = weighs * par.recompare_ratio
        if w.stage == Stage.REJECTED and (prompted or self.now.month_start) and self.margin_of(w) - w.margin > par.reopen_margin:
            self.move(w, Stage.PERSUASION)
            weighs = 1.0 if prompted else par.compare_prob
        if u < weighs:
            margin = self.margin_of(w)
            w.margin = f32(margin)
            if margin > 0.0:
                self.move(w, Stage.DECISION)
            elif w.stage == Stage.PERSUASION:
                self.move(w, Stage.REJECTED)

    # ------------------------------------------------------------------ 7.7 registering

    def register(self, w, u):
        par, r = self.par, self.row(w)
        helped, asked, back = bool(w.marks & HELPED), bool(w.marks & ASKED), bool(w.marks & REGISTERED)
        a = par.attempt_prob
        s = a * r.success[helped]
        if u >= a:
            if u - a < (1.0 - a) * par.fade_prob:
                self.move(w, Stage.PERSUASION)
            return
        subset = self.offers_known(w, 0)
        if self.must_wait(w, subset):
            return
        w.attempts += 1
        self.count(Event.ATTEMPTS)
        if u >= s:
            self.count(Event.FAILURES)
            if u - s < (a - s) * par.discourage_prob:
                self.move(w, Stage.REJECTED)
            return
        wish = self.log_value(w)
        if wish <= r.threshold[self.route(w, subset)]:
            self.move(w, Stage.PERSUASION)
            return
        own = r.first_due_rp[subset]
        late = par.late_fee_rp + par.owes_arrears * w.unpaid * r.due_rp if back else 0
        in_hand = own - min(own, r.source_rp) if r.channel == Channel.SOURCE else own
        if not self.liquid(w, in_hand + late):
            self.count(Event.CASH_FAILURES)
            if u < s * par.discourage_prob:
                self.move(w, Stage.REJECTED)
            return
        if asked and wish <= r.threshold[self.route(w, subset, asked=False)]:
            w.marks |= FORCED
        self.book(par.levers, Item.CONTRIBUTION, Payer.WORKER, late)
        self.enroll(w, subset, r.subset_offer[subset], own, w.last_source)

    def must_wait(self, w, subset):
        if w.denied == 0:
            return False
        return subset != self.offers_known(w, w.denied) or self.row(w).paid_levers & w.denied & ~self.day.off != 0

    def enroll(self, w, subset, offer, own, source):
        r, now, day, levers = self.row(w), self.now, self.day, self.levers
        self.count(Event.REENTRIES if w.marks & REGISTERED else Event.REGISTRATIONS)
        self.move(w, Stage.IMPLEMENTATION)
        w.marks = (w.marks | REGISTERED | ACTIVE) & ~(REMINDED | PAID_OWN)
        w.joined_week, w.stop_week, w.unpaid = now.week, -1, 0
        if w.first_week < 0:
            w.first_week = now.week
        self.put_source(w, source)
        w.next_due = now.due_from_join
        if now.ledger_month >= 0:
            day.joined_by[0][w.first_source] += 1
            day.joined_by[1][source] += 1
        lever, w.offer, w.sub_left = r.discount_lever, offer, 0
        if offer >= 0:
            lever = self.offers[offer].lever
            if self.offers[offer].months > self.paid_for():
                w.sub_left = self.offers[offer].months - self.paid_for()
                self.commit(offer, w.sub_left, 1)
        other = r.due_rp - own
        if other > 0 and lever >= 0:
            self.book(lever, Item.SUBSIDY, levers[lever].payer, other)
        for k, row in enumerate(levers):
            for slot in range(3):
                if has(subset, slot) and has(r.slot_levers[slot], k):
                    self.book(k, Item.GIFT, row.payer, row.gift_rp)
            if has(r.paid_levers, k) and not has(day.off, k):
                self.book(k, Item.REGISTRATION, row.payer, row.registration_rp)
        if w.agent >= 0 and self.agents[w.agent].active:
            self.agents[w.agent].new_members += 1
            self.agents[w.agent].portfolio += 1
        else:
            w.agent = -1
        self.receive(w, own, other, Payer.WORKER)

    def paid_for(self):
        """Months that one payment pays for."""
        return max(1, self.par.billing_months)

    def receive(self, w, own, other, payer):
        if own > 0 and payer == Payer.WORKER:
            w.own_months += self.paid_for()
            w.marks |= PAID_OWN
            self.count(Event.PAYMENTS_OWN)
        else:
            w.other_months += self.paid_for()
            w.marks &= ~PAID_OWN
            self.count(Event.PAYMENTS_OTHER)
        self.book(self.par.levers, Item.CONTRIBUTION, payer, own)
        if w.agent >= 0 and self.agents[w.agent].active:
            rule, months = self.now.agent_rule, w.own_months + w.other_months
            if months <= rule[EARLY_MONTHS]:
                self.agents[w.agent].commissions_rp += (own + other) * rule[EARLY_BP] // 10000
            elif months <= rule[LATE_MONTHS]:
                self.agents[w.agent].commissions_rp += (own + other) * rule[LATE_BP] // 10000

    # ------------------------------------------------------------------ 7.8 the month

    def month(self, w):
        par = self.par
        w.seen_risk = f32(w.seen_risk * par.seen_risk_keep)
        u_pay, _, u_tie, u_fate = self.lanes(w, Block.MONTHLY)
        if enrolled(w):
            if w.next_due == self.now.week:
                self.pay(w, u_pay, u_tie)
            if w.marks & ACTIVE:
                known = w.understanding
                w.understanding = f32(known + par.learning * (1.0 - known))
                if w.marks & MISBELIEF and self.lanes(w, Block.BELIEF)[1] < par.learning_clearing:
                    w.marks &= ~MISBELIEF
        kind = self.fate(w, u_fate)
        if kind >= 0:
            self.misfortunes.append((w.number, kind))

    def renewable(self, w, offer):
        lever = self.offers[offer].lever
        return self.offers[offer].renewal_prob > 0 and self.plan[self.now.week][lever].running == 1 and not has(self.day.off | w.denied, lever)

    def pay(self, w, u, u_tie):
        par, r, offer = self.par, self.row(w), w.offer
        lever, other, log_own = r.discount_lever, 0, 0.0
        if w.sub_left == 0 and offer >= 0 and self.renewable(w, offer):
            w.sub_left = self.offers[offer].months
            self.commit(offer, w.sub_left, 1)
        subsidized = w.sub_left > 0
        if subsidized:
            lever = self.offers[offer].lever
            other = r.due_rp * self.offers[offer].basis_points // 10000
            log_own = self.offers[offer].log_own
        elif lever >= 0 and not has(self.day.off, lever):
            other, log_own = r.discount_rp, r.pay_threshold[1]
        own = r.due_rp - other
        if own > 0:
            paid = self.settle(w, u, u_tie, own, other, log_own)
        else:
            self.receive(w, 0, other, Payer.WORKER)
            paid = True
        if paid:
            if other > 0:
                self.book(lever, Item.SUBSIDY, self.levers[lever].payer, other)
            w.unpaid, w.stop_week = 0, -1
            w.marks |= ACTIVE
            if w.stage == Stage.IMPLEMENTATION and w.own_months >= par.confirm_months:
                self.move(w, Stage.CONFIRMATION)
        else:
            self.miss(w)
        if subsidized and w.sub_left > 0:
            used = min(self.paid_for(), w.sub_left)
            self.commit(offer, -used, -1 if used == w.sub_left else 0)
            w.sub_left -= used
        w.marks &= ~REMINDED
        w.next_due = self.now.due_from_due

    def settle(self, w, u, u_tie, own, other, log_own):
        """Is a due contribution paid?"""
        par, r = self.par, self.row(w)
        forgets = par.forget[min(959, int((w.own_months + par.subsidized_habit * w.other_months) * 4.0))]
        collected = r.channel == Channel.COLLECTOR
        if not collected and w.agent >= 0:
            agent = self.agents[w.agent]
            collected = agent.active and agent.collect_prob > 0 and self.lanes(w, Block.COLLECT)[0] < agent.collect_prob
        in_hand = own
        if r.channel == Channel.SOURCE:
            in_hand = own - min(own, r.source_rp)
            if in_hand == 0:
                forgets = 0.0
        elif r.channel == Channel.AUTO_DEBIT:
            forgets = forgets * par.auto_debit_ratio
        if collected:
            forgets = forgets * par.collector_ratio
        if w.marks & REMINDED:
            forgets = forgets * par.reminder[w.reminders]
        remembers = 1.0 - forgets
        if not collected and not w.marks & REMINDED:
            remembers = remembers * par.missed[w.unpaid]
        if w.marks & FORCED or (w.marks & DISAPPOINTED and not r.complaints):
            remembers = 1.0 - min(1.0, (1.0 - remembers) * par.resentment)
        if u >= remembers or self.log_value(w) <= r.pay_threshold[0] + log_own:
            return False
        if self.liquid(w, in_hand):
            self.receive(w, own, other, Payer.WORKER)
            return True
        if u_tie < par.solidarity_prob and (w.arisan or self.share_enrolled(w) > 0.0):
            self.receive(w, own, other, Payer.TIES)
            return True
        return False

    def liquid(self, w, amount):
        """Is there this much cash in hand, in this month or in one the window allows?"""
        if amount <= 0:
            return True
        occupation = self.occupations[w.occupation]
        needed = occupation.need + self.par.cash_multiple * amount / w.income_rp
        start = self.now.month_week
        for _ in range(self.row(w).window):
            u = self.draw(w.number, start, Block.MONTHLY, Purpose.WORKER)[1]
            if occupation.season[self.weeks[start].calendar_month] * occupation.shock[int(u * 1024)] >= needed:
                return True
            if start == 0:
                return False
            start = self.weeks[start - 1].month_week
        return False

    def miss(self, w):
        self.count(Event.MISSED)
        if w.unpaid == 0:
            w.stop_week = self.now.week
            self.count(Event.STOPS)
        w.unpaid += 1
        w.marks &= ~(ACTIVE | PAID_OWN)
        if w.unpaid >= self.now.grace_months:
            self.lapse(w)

    def lapse(self, w):
        self.count(Event.LAPSES)
        self.leave_agent(w)
        self.move(w, Stage.LAPSED)
        w.marks &= ~(ACTIVE | PAID_OWN)
        if w.stop_week < 0:
            w.stop_week = self.now.week
        if w.first_stop < 0:
            w.first_stop = w.stop_week
        self.release(w)

    def fate(self, w, u):
        par = self.par
        if not par.claims_on and not par.turnover_on:
            return -1
        edge = par.death_prob * w.risk
        if u < edge:
            return DEATH
        edge += self.occupations[w.occupation].accident_prob * w.risk
        if u < edge:
            return ACCIDENT
        edge += par.migration_prob
        if u < edge:
            return int(Exit.MIGRATION)
        return int(Exit.FORMAL_JOB) if u < edge + par.formal_prob else -1

    # ------------------------------------------------------------------ 7.9 money

    def available_rp(self):
        par, day, left = self.par, self.day, 1 << 60
        if par.budget_rp >= 0:
            left = par.budget_rp - day.spent_rp - day.committed_rp
        if par.ceiling_rp >= 0:
            left = min(left, par.ceiling_rp - day.month_spent_rp - (day.obligation_rp if self.now.month_start else 0))
        return left

    def fund(self):
        day, now, par = self.day, self.now, self.par
        if now.month_start:
            day.month_spent_rp = 0
        self.renew()
        day.off = day.never
        left = self.available_rp()
        for k, (lever, plan) in enumerate(zip(self.levers, self.plan[now.week], strict=True)):
            lever.owed_once_rp += plan.once_rp
            lever.owed_month_rp = plan.monthly_rp if now.month_start else lever.owed_month_rp + plan.monthly_rp
            if not plan.running:
                continue
            fixed = lever.owed_once_rp + lever.owed_month_rp
            if lever.bound and fixed + plan.event_rp > left:
                day.off |= 1 << k
                lever.unmet_rp += fixed + plan.event_rp
                continue
            self.book(k, Item.FIXED, lever.payer, fixed)
            self.book(k, Item.EVENT, lever.payer, plan.event_rp)
            lever.owed_once_rp = lever.owed_month_rp = 0
            if lever.bound:
                left = left - (fixed + plan.event_rp)
        day.left_rp = left
        if par.budget_rp >= 0 or par.ceiling_rp >= 0:
            day.left_rp = self.ration(left)

    def renew(self):
        week = self.now.week
        for offer in self.offers:
            if offer.renewal_prob > 0 and week > offer.list_week and (week - offer.list_week) % offer.term == 0:
                if self.draw(offer.lever, week, 0, Purpose.LEVER)[0] >= offer.renewal_prob:
                    self.day.never |= 1 << offer.lever

    def rationed(self):
        """Levers whose money is rival this week: running, bound and not off."""
        for k, (lever, plan) in enumerate(zip(self.levers, self.plan[self.now.week], strict=True)):
            if plan.running and lever.bound and not has(self.day.off, k):
                yield k, lever

    def ration(self, left):
        par, day, now = self.par, self.day, self.now
        worst, visits_rp, room = 0, 0, True
        for _, lever in self.rationed():
            worst += lever.targets * (lever.claim_rp + (lever.discount_rp if now.month_start else 0))
            worst += lever.contact_rp * (lever.visits if lever.visits > 0 else lever.targets)
            visits_rp += lever.contact_rp * lever.visits
            if par.ceiling_rp >= 0 and day.obligation_rp + lever.targets * lever.month_unit_rp > par.ceiling_rp:
                room = False
        for w in self.workers:
            w.denied = 0
        if worst <= left and room:
            return left - worst + visits_rp
        for k, lever in self.rationed():
            if now.month_start and lever.discount_rp > 0:
                left -= self.reserve_discount(k, left)
            if lever.contact_rp > 0 and lever.visits == 0:
                left -= lever.contact_rp * self.serve(k, left // lever.contact_rp, deciding=False)
            if lever.claim_rp > 0:
                most = left // lever.claim_rp
                if par.ceiling_rp >= 0 and lever.month_unit_rp > 0:
                    most = min(most, (par.ceiling_rp - day.obligation_rp) // lever.month_unit_rp)
                if most <= 0:
                    day.off |= 1 << k
                    lever.unmet_rp += lever.claim_rp
                else:
                    left -= lever.claim_rp * self.serve(k, most, deciding=True)
        return left

    def target(self, k):
        return [w for w in self.workers if has(self.segment_levers[w.segment], k)]

    def reserve_discount(self, k, left):
        needed = sum(enrolled(w) for w in self.target(k)) * self.levers[k].discount_rp
        if needed <= left:
            return needed
        self.day.off |= 1 << k
        self.levers[k].unmet_rp += needed
        return 0

    def renews(self, w, k):
        return self.now.month_start and w.sub_left == 0 and enrolled(w) and w.offer >= 0 and self.offers[w.offer].lever == k and w.next_due == self.now.week

    def serve(self, k, most, deciding):
        """Marks as denied those of the target whom the money does not reach; returns how many claimants it reaches."""
        priority = {}
        for w in self.target(k):
            claims = not deciding or w.stage == Stage.DECISION or self.renews(w, k)
            word = philox(w.number, self.now.week, k, Purpose.ALLOT, self.par.key0, self.par.key1)[0]
            priority[w.number] = min(word, NOBODY - 1) if claims else NOBODY
        claimants = sorted(p for p in priority.values() if p != NOBODY)
        cut = NOBODY
        if len(claimants) > most:
            cut = claimants[most] if most >= 0 else 0  # the first that no longer fits
        for number, p in priority.items():
            if p >= cut:
                self.workers[number].denied |= 1 << k
        return sum(p < cut for p in claimants)

    # ------------------------------------------------------------------ 7.10 Perisai and facilitators

    def send_agents(self):
        week = self.now.week
        for a, agent in enumerate(self.agents):
            if not agent.from_week <= week <= agent.until_week:
                continue
            if week == agent.from_week:
                agent.active, agent.collect_prob = 1, 1.0 if agent.collects else 0.0
            elif self.now.month_start:
                self.settle_agent(a, agent)
            if week == agent.until_week:
                agent.active = 0
            people = self.lists[agent.first : agent.last]
            if not agent.active or has(self.day.off, agent.lever) or not people:
                continue
            visits = agent.visits
            if agent.collects:
                visits = max(visits - agent.portfolio * 12 // (agent.per_visit * 52), visits * 2 // 5)
            for k in range(visits):
                u = self.draw(a, week, k, Purpose.AGENT)
                weighed = [self.workers[people[int(u[lane] * len(people))]] for lane in range(agent.candidates)]
                self.visit(a, agent, max(weighed, key=lambda w: self.attraction(agent, w)))  # max: the first at a tie

    def attraction(self, agent, w):
        return 8 * (not enrolled(w)) + 4 * (not w.marks & VISITED) + 2 * has(agent.preferred, w.occupation) + (w.attempts == 0)

    def visit(self, a, agent, w):
        day, week, lever = self.day, self.now.week, self.levers[agent.lever]
        if w.visited == week:
            self.count(Event.VISITS_LOST)
            if self.draw(a, week, 0xFFFE, Purpose.AGENT)[0] > self.draw(w.visitor, week, 0xFFFE, Purpose.AGENT)[0]:
                w.visitor = a
            return
        if lever.bound:
            if lever.contact_rp > day.left_rp:
                lever.unmet_rp += lever.contact_rp
                return
            day.left_rp -= lever.contact_rp
        w.visited, w.visitor = week, a
        self.count(Event.VISITS)
        self.book(agent.lever, Item.CONTACT, lever.payer, lever.contact_rp)

    def settle_agent(self, a, agent):
        rule = self.now.agent_rule
        if agent.active:
            agent.income_rp = agent.commissions_rp
            if agent.new_members >= rule[BONUS_MEMBERS]:
                agent.income_rp += rule[BONUS_RP] + rule[PER_MEMBER_RP] * agent.new_members
            if agent.commission:
                self.book(agent.lever, Item.COMMISSION, Payer.SCHEME, agent.income_rp)
                barren = agent.new_members == 0 and agent.commissions_rp == 0
                agent.idle_months = agent.idle_months + 1 if barren else 0
                u = self.draw(a, self.now.week, 0xFFFF, Purpose.AGENT)[0]
                if agent.idle_months >= rule[IDLE_MONTHS]:
                    agent.active, agent.away_months = 0, 0  # struck off
                elif agent.income_rp < agent.reserve_rp and u < agent.leave_prob:
                    agent.active, agent.away_months = 0, -1  # gone for good
        elif agent.away_months >= 0:
            agent.away_months += 1
            if agent.away_months >= rule[RETURN_MONTHS]:
                agent.active, agent.idle_months = 1, 0
        agent.new_members, agent.commissions_rp, agent.collect_prob = 0, 0, 0.0
        if agent.active and agent.collects:
            agent.collect_prob = min(1.0, 0.6 * agent.visits * agent.per_visit * 52.0 / 12.0 / max(1, agent.portfolio))

    # ------------------------------------------------------------------ 7.11 sponsors' lists

    def nominate(self):
        for offer in self.offers:
            if offer.list_week != self.now.week or has(self.day.off, offer.lever):
                continue
            for w in (self.workers[i] for i in self.lists[offer.first : offer.last]):
                if not enrolled(w):
                    w.marks |= LISTED | HELPED
                    w.told_week = self.now.week
                    self.put_source(w, Source.SERVICE)
                    if w.stage != Stage.DECISION:
                        self.move(w, Stage.DECISION)

    # ------------------------------------------------------------------ 7.12 groups that decide together

    def meet_groups(self):
        week = self.now.week
        for group in self.groups:
            meets = group.from_week <= week < group.until_week and (week - group.from_week) % group.every == 0
            if not meets or has(self.day.off, group.lever):
                continue
            members, total = [self.workers[i] for i in self.lists[group.first : group.last]], 0.0
            for w in members:
                if not enrolled(w):
                    w.margin = f32(self.margin_of(w))
                    total = total + max(-20.0, w.margin)
            if total > 0.0:
                for w in members:
                    if not enrolled(w):
                        self.join_with_group(w, group)

    def join_with_group(self, w, group):
        r = self.row(w)
        u_leave, u_office, _, _ = self.lanes(w, Block.GROUP)
        outvoted = w.margin <= 0.0
        if outvoted and u_leave < group.leave_prob:
            return
        w.told_week = self.now.week
        self.put_source(w, Source.GROUP)
        if u_office >= r.success[1]:
            if not outvoted and w.stage != Stage.DECISION:
                w.marks |= HELPED
                self.move(w, Stage.DECISION)
            return
        subset = self.offers_known(w, 0)
        if self.must_wait(w, subset):
            return
        if outvoted:
            w.marks |= FORCED
        own, offer = r.first_due_rp[subset], r.subset_offer[subset]
        if offer < 0 and group.offer >= 0 and not has(w.denied, group.lever) and not self.liquid(w, own):
            offer, own = group.offer, 0
        self.enroll(w, subset, offer, own, Source.GROUP)

    # ------------------------------------------------------------------ 7.13 claims

    def file_claims(self):
        par, now = self.par, self.now
        if not par.claims_on:
            return
        for number, kind in self.misfortunes:
            w = self.workers[number]
            if kind not in (DEATH, ACCIDENT):
                continue
            if not w.marks & ACTIVE:
                self.count(Event.UNPROTECTED)
                self.tell_ties(w, "news_risk")
                continue
            if kind == ACCIDENT:
                amount = now.accident_claim_rp
            else:
                amount = now.waiting_benefit_rp if w.own_months + w.other_months < now.waiting_months else now.death_benefit_rp
            r = self.row(w)
            u_refused, u_days, _, _ = self.draw(number, now.week, kind, Purpose.CLAIM)
            days = r.claim_days * par.wait[int(u_days * 1024)]
            claim = next((c for c in self.claims if not c.open), None)
            if claim is not None:
                claim.open, claim.person, claim.week = 1, number, now.week + int(days / par.step_days)
                claim.outcome = REFUSED if u_refused < r.refused_share else LATE if days > par.late_days else PAID
                claim.kind, claim.amount_rp = kind, amount

    def close_claims(self):
        for claim in self.claims:
            if not claim.open or claim.week > self.now.week:
                continue
            claim.open = 0
            w = self.workers[claim.person]
            self.count(Event.CLAIMS_PAID + claim.outcome)
            if claim.outcome < REFUSED:
                self.book(self.par.levers, Item.CLAIM, Payer.SCHEME, claim.amount_rp)
            elif claim.kind == ACCIDENT:
                w.marks |= DISAPPOINTED
            if claim.outcome == PAID and self.row(w).announces:
                for neighbor in self.workers:
                    if neighbor.community == w.community:
                        neighbor.news_paid += 1
            else:
                self.tell_ties(w, "news_paid" if claim.outcome == PAID else "news_bad")

    def tell_ties(self, w, news):
        for tie in self.ties[w.first : w.last]:
            if tie.other < self.par.workers:
                setattr(self.workers[tie.other], news, getattr(self.workers[tie.other], news) + 1)

    # ------------------------------------------------------------------ 7.14 turnover and record

    def turn_over(self):
        if not self.par.turnover_on:
            return
        for number, kind in self.misfortunes:
            if kind in tuple(Exit):
                w = self.workers[number]
                self.count(Event.EXIT_DEATH + kind)
                self.count(Event.NEWCOMERS)
                self.release(w)
                self.leave_agent(w)
                self.newcomer(w)

    def newcomer(self, w):
        par = self.par
        u_value, u_risk, u_known, u_belief = self.lanes(w, Block.NEWCOMER_A)
        u_aware, u_never, _, _ = self.lanes(w, Block.NEWCOMER_B)
        cell = int(u_risk * 1024)
        x = w.value_slot + par.value_sd * self.normal(u_value) + par.risk_weight * par.own_risk_sd * par.mid[cell]
        w.value = -1000.0 if u_never < par.never_share else f32(x)
        w.risk = f32(par.risk_table[cell])
        known = min(1.0, max(0.0, par.understanding_mean + par.understanding_spread * (2.0 * u_known - 1.0)))
        w.understanding = w.understanding_start = f32(known)
        w.marks = MISBELIEF if u_belief < par.misbelief_share else 0
        w.stage = int(Stage.KNOWLEDGE if u_aware < par.awareness_share else Stage.UNAWARE)
        w.alpha, w.beta = f32(par.trust_alpha), f32(par.trust_beta)
        w.seen_risk = w.margin = 0.0
        w.own_months = w.other_months = w.attempts = w.reminders = w.unpaid = 0
        w.news_paid = w.news_bad = w.news_risk = 0
        w.offer = w.visitor = w.visited = w.next_due = w.joined_week = w.first_week = w.stop_week = w.first_stop = -1
        w.reached_week = w.told_week = LONG_AGO
        w.stage_week = self.now.week
        w.first_source = w.last_source = int(Source.NONE)

    def record(self):
        day, week = self.day, self.now.week
        for w in self.workers:
            line = self.counts[week][w.group]
            line[w.stage] += 1
            line[8] += bool(w.marks & REGISTERED)
            line[9] += bool(w.marks & ACTIVE)
            line[10] += bool(w.marks & ACTIVE and w.marks & PAID_OWN)
            line[11] += int(w.understanding * 65536.0)
            line[12] += int(trust(w) * 65536.0)
            line[13] += bool(w.marks & MISBELIEF)
        self.events[week], day.events = day.events, [0] * len(day.events)
        self.passages[week], day.passages = day.passages, [[0] * 8 for _ in range(8)]
        self.misfortunes = []
