"""The weekly update a second time, in plain Python, written from section 7 of the ODD (simulation/README.md) and from nothing else.

Slow and plain on purpose: it shares no line with the compiled kernel, so that one check of the other means something.
Every process is a method named as in the ODD, in its order. Reals are Python floats (IEEE double), integers Python
integers, rows of tables are objects with the fields of 7.16. `f32` marks each store into a single-precision column;
where it is missing, a column is wider or the value is an integer.
"""

import struct
from types import SimpleNamespace

from simulation import stages
from simulation.stages import ENROLLED, Block, Channel, Contact, Event, Exit, Item, Payer, Purpose, Source, Stage

ACTIVE, ASKED, BELIEVED, DISAPPOINTED, FORCED, HELPED, ON_SPOT = (
    stages.ACTIVE, stages.ASKED, stages.BELIEVED, stages.DISAPPOINTED, stages.FORCED, stages.HELPED, stages.ON_SPOT)  # fmt: skip
MISBELIEF, PAID_OWN, REGISTERED, REMINDED, SILENT, VISITED = (
    stages.MISBELIEF, stages.PAID_OWN, stages.REGISTERED, stages.REMINDED, stages.SILENT, stages.VISITED)  # fmt: skip
BOUND_PAYERS = (Payer.BRANCH, Payer.VILLAGE, Payer.REGENCY, Payer.COMPANY)
DEATH, ACCIDENT = 0, 3
PAID, LATE, REFUSED = 0, 1, 2
LONG_AGO = -10000
NEVER_JOINS = -1000.0
NOBODY = 2**33  # priority of a worker who claims nothing
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


def objects(table) -> list:
    """A NumPy table as a list of rows whose fields are plain Python numbers (or lists of them). A copy, by construction."""
    if table.ndim == 2:
        return [objects(line) for line in table]
    columns = [table[name].tolist() for name in table.dtype.names]
    return [SimpleNamespace(**dict(zip(table.dtype.names, values, strict=True))) for values in zip(*columns, strict=True)]


class Oracle:
    """One village at some week. Made from the tables of `World.village` before its first step; they are left untouched."""

    TABLES = "workers ties public occupations rows places weeks contacts levers plan offers groups agents".split()
    ARRAYS = "segment_levers lists leader_on ledger events passages counts".split()

    def __init__(self, village):
        for name in self.TABLES:
            setattr(self, name, objects(getattr(village, name)))
        for name in self.ARRAYS:
            setattr(self, name, getattr(village, name).tolist())
        self.par, self.day = objects(village.par)[0], objects(village.day)[0]
        for number, w in enumerate(self.workers):
            w.number = number
        self.now = self.weeks[0]
        self.paid_for = max(1, self.par.billing_months)  # months that one payment pays for
        self.claims, self.places_for_claims = [], len(village.claims)  # the open ones
        self.misfortunes = []  # (worker's number, kind) of this week

    # ---- parts used everywhere

    def draw(self, number, week, block, purpose):
        return [(word + 0.5) * 2.0**-32 for word in philox(number, week, block, purpose, self.par.key0, self.par.key1)]

    def lanes(self, w, block):
        """The four uniforms of this worker in this week and block."""
        return self.draw(w.number, self.now.week, block, Purpose.WORKER)

    def row_of(self, w):
        place = self.places[self.now.period * self.par.segments + w.segment]
        return self.rows[place.row + sum(2**k for k in range(4) if place.levers[k] & self.day.off)]

    def normal(self, u):
        place = u * 1024
        cell = int(place)
        left = self.par.normal[cell]
        return left + (place - cell) * (self.par.normal[cell + 1] - left)

    def count(self, event):
        self.day.events[event] += 1

    def move(self, w, to):
        self.day.passages[w.stage][to] += 1
        w.stage, w.stage_week = to, self.now.week

    def book(self, lever, item, payer, amount):
        if self.now.ledger_month < 0 or amount == 0:
            return
        self.ledger[self.now.ledger_month][lever][item][payer] += amount
        if payer in BOUND_PAYERS:
            self.day.spent_rp += amount
            self.day.month_spent_rp += amount

    def commit(self, offer, months, members):
        if offer >= 0 and self.levers[self.offers[offer].lever].bound:
            self.day.committed_rp += months * self.offers[offer].unit_rp
            self.day.obligation_rp += members * self.offers[offer].bill_rp

    def release(self, w):
        if w.sub_left > 0:
            self.commit(w.offer, -w.sub_left, -1)
            w.sub_left = 0

    def leave_agent(self, w):
        if w.agent >= 0:
            self.agents[w.agent].portfolio -= enrolled(w)
            w.agent = -1

    def share_enrolled(self, w):
        ties = [tie for tie in self.ties[w.first : w.last] if tie.linking == 0]
        return sum(self.public[tie.other].standing & 1 for tie in ties) / len(ties) if ties else 0.0

    def put_source(self, w, source):
        w.last_source = source
        if w.first_source == Source.NONE:
            w.first_source = source

    # ------------------------------------------------------------------ 7.1 the week

    def run(self, first, last):
        for week in range(first, last):
            self.week(week)
        return self

    def week(self, week):
        self.now = self.weeks[week]
        self.fund()
        self.publish()
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
            said.standing = 1 if enrolled(w) else 2 if w.stage == Stage.LAPSED and w.marks & (FORCED | DISAPPOINTED) else 0
        for k, said in enumerate(self.public[par.workers :]):
            speaks = k < par.leaders and self.leader_on[week][k] & ~self.day.off
            said.talk = f32((boosted_member if said.standing & 1 else boosted_aware) if speaks else 0.0)
            said.told = f32(par.leader_understanding)
        for agent in self.agents:
            if agent.active and not has(self.day.off, agent.lever):
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
        u_hear, u_stage, u_compare, u_register = self.lanes(w, Block.WEEKLY)
        prompted, contacted, persuaded = self.meet(w, u_hear)
        if w.stage == Stage.UNAWARE and contacted:
            self.move(w, Stage.KNOWLEDGE)
        if self.par.join_on_hearing:
            if contacted and self.now.on_sale:
                self.enroll(w, subset=0, offer=-1, own=0, source=w.last_source)
            return
        if w.stage == Stage.KNOWLEDGE and u_stage < persuaded:
            self.move(w, Stage.PERSUASION)
        elif not contacted and u_stage >= 1.0 - self.par.forget_prob and w.stage in (Stage.KNOWLEDGE, Stage.PERSUASION, Stage.REJECTED):
            self.move(w, Stage.UNAWARE)
            w.understanding = w.understanding_start
            if w.marks & BELIEVED:
                w.marks |= MISBELIEF
            self.count(Event.FORGOTTEN)
            return
        if self.now.on_sale:
            self.compare(w, u_compare, prompted)
            if w.stage == Stage.DECISION:
                self.register(w, u_register)
        if w.stage != Stage.DECISION:
            w.marks &= ~(HELPED | ON_SPOT | ASKED)

    def member(self, w):
        par, r, week = self.par, self.row_of(w), self.now.week
        if w.visited == week:
            w.marks |= REMINDED | VISITED
            w.reached_week = week
        if has(r.contact_blocks, 0):
            for kind in (Contact.SESSION, Contact.VISIT, Contact.TALK):
                if self.campaign_contact(w, kind, self.lanes(w, Block.CONTACT_A)[kind]) >= 0:
                    w.reached_week = week
        if r.contact[Contact.REMINDER] > 0 and w.joined_week < week:
            if self.campaign_contact(w, Contact.REMINDER, self.lanes(w, Block.CONTACT_B)[2]) >= 0:
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
        source = Source.PEER if tie.other < par.workers else Source.LEADER if tie.other < par.workers + par.leaders else Source.AGENT
        if teller.standing & 2:
            w.beta = f32(w.beta + par.sour_count)
            return source, False, 1.0, keeps
        return source, True, 1.0 - strength * own_trust, keeps

    def meet(self, w, u):
        """(prompted, contacted, persuaded): what reaches a worker without cover this week."""
        par, r, own_trust = self.par, self.row_of(w), trust(w)
        source, prompted, stays, keeps = self.hear_ties(w, u, own_trust)
        stays = stays * (1.0 - par.self_persuasion)
        if w.visited == self.now.week:
            stays, keeps = self.take_visit(w, stays, keeps, own_trust)
            source, prompted = Source.AGENT, True
        for half, kinds in enumerate(((0, 1, 2, 3), (4, 5))):
            if has(r.contact_blocks, half):
                for kind in kinds:
                    lever = self.campaign_contact(w, kind, self.lanes(w, Block.CONTACT_A + half)[kind - 4 * half])
                    if lever >= 0:
                        stayed, kept = self.take_contact(w, kind, lever, own_trust)
                        stays, keeps = stays * stayed, keeps * kept
                        source, prompted = min(source, kind), prompted or kind < 4 or bool(self.levers[lever].asks)
        if not prompted and w.told_week == self.now.week:
            prompted = self.offers_known(w, 0) != 0
        if w.marks & MISBELIEF and keeps < 1.0 and self.lanes(w, Block.BELIEF)[0] < 1.0 - keeps:
            w.marks &= ~MISBELIEF
        if source != Source.NONE:
            self.put_source(w, source)
        return prompted, source != Source.NONE or w.told_week == self.now.week, 1.0 - stays

    def take_visit(self, w, stays, keeps, own_trust):
        par, known, strength = self.par, w.understanding, self.par.intensity[Contact.VISIT]
        w.reached_week = w.told_week = self.now.week
        w.marks |= HELPED | VISITED
        w.agent = w.visitor
        w.understanding = f32(max(known, min(par.teach_ceiling, known + strength * (1.0 - known))))
        stays = stays * (1.0 - strength * par.linking_credibility * own_trust)
        return stays, keeps * (1.0 - min(1.0, par.clearing_ratio * strength))

    def campaign_contact(self, w, kind, u):
        """The lever that reaches the worker by this class, or -1."""
        r = self.row_of(w)
        if u >= r.contact[kind]:
            return -1
        place = r.contact_from[kind]
        while u >= self.contacts[place].cumulative:
            place += 1
        lever = self.contacts[place].lever
        if has(self.day.off | w.denied_contact, lever):
            return -1
        self.count(Event.CONTACTED)
        self.book(lever, Item.CONTACT, self.levers[lever].payer, self.levers[lever].contact_rp)
        return lever

    def take_contact(self, w, kind, lever, own_trust):
        """(stays, keeps)"""
        par, known, strength, keeps = self.par, w.understanding, self.par.intensity[kind], 1.0
        w.understanding = f32(max(known, min(par.teach_ceiling, known + strength * (1.0 - known))))
        w.told_week = self.now.week
        if kind < 4:
            w.reached_week = self.now.week
            keeps = 1.0 - min(1.0, par.clearing_ratio * strength)
        if self.levers[lever].helps:
            w.marks |= HELPED
        if kind == Contact.SERVICE:
            w.marks |= ASKED
            return 0.0, keeps
        if self.levers[lever].asks:
            if self.levers[lever].helps:
                w.marks |= ON_SPOT
            return 0.0, keeps
        return 1.0 - strength * self.levers[lever].credibility * own_trust, keeps

    # ------------------------------------------------------------------ 7.5 news

    def digest_news(self, w):
        w.alpha = f32(w.alpha + self.par.paid_count * w.news_paid)
        w.beta = f32(w.beta + self.par.bad_count * w.news_bad)
        w.seen_risk = f32(w.seen_risk + self.par.seen_risk_step * w.news_risk)
        w.news_paid = w.news_bad = w.news_risk = 0

    # ------------------------------------------------------------------ 7.6 comparing

    def log_value(self, w):
        par, r = self.par, self.row_of(w)
        x = par.log_value + w.value + par.understanding_weight * (w.understanding - 1.0)
        x += par.trust_weight * (trust(w) - par.trust_reference)
        x += par.risk_weight * w.seen_risk
        if r.visibility > 0:
            x += par.imitation_weight * r.visibility * self.share_enrolled(w)
        if w.marks & MISBELIEF:
            x -= par.misbelief_weight
        return x

    def no_claims(self):
        """Levers on which nobody can make a new claim this week."""
        return self.day.off | self.day.spent_out

    def offers_known(self, w, refused):
        r, subset = self.row_of(w), 0
        for k in range(4):
            levers = r.slot_levers[k]
            if levers == 0 or levers & (self.no_claims() | refused) or (r.slot_fresh[k] and w.marks & REGISTERED):
                continue
            listed = w.listed >= 0 and has(levers, w.listed)
            if listed or w.told_week >= r.slot_since[k] or w.known_draw < r.slot_known[k]:
                subset += 2**k
        return subset

    def threshold(self, w, subset, asked=True):
        """L of the route: what must be exceeded to join; `asked` False: as if nobody asked for membership."""
        helped, asked, back = bool(w.marks & HELPED), bool(w.marks & ASKED) and asked, bool(w.marks & REGISTERED)
        return self.row_of(w).threshold[subset + 16 * helped + 32 * asked + 64 * back]

    def margin_of(self, w):
        return self.log_value(w) - self.threshold(w, self.offers_known(w, 0))

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
        par, r = self.par, self.row_of(w)
        a = 1.0 if w.marks & ON_SPOT else par.attempt_prob
        s = a * r.success[bool(w.marks & HELPED)]
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
        if wish <= self.threshold(w, subset):
            self.move(w, Stage.PERSUASION)
            return
        own = r.first_due_rp[subset]
        late = par.late_fee_rp + par.owes_arrears * w.unpaid * r.due_rp if w.marks & REGISTERED else 0
        if not self.liquid(w, self.in_hand(w, own) + late):
            self.count(Event.CASH_FAILURES)
            if u < s * par.discourage_prob:
                self.move(w, Stage.REJECTED)
            return
        w.marks &= ~FORCED
        if w.marks & ASKED and wish <= self.threshold(w, subset, asked=False):
            w.marks |= FORCED
        self.book(par.levers, Item.CONTRIBUTION, Payer.WORKER, late)
        self.enroll(w, subset, r.subset_offer[subset], own, w.last_source)

    def in_hand(self, w, own):
        """What must be in hand of an own part: nothing of what is taken at source."""
        r = self.row_of(w)
        return own - min(own, r.source_rp) if r.channel == Channel.SOURCE else own

    def must_wait(self, w, subset):
        if w.denied_claim == 0:
            return False
        return subset != self.offers_known(w, w.denied_claim) or self.row_of(w).paid_levers & w.denied_claim & ~self.no_claims() != 0

    def enroll(self, w, subset, offer, own, source):
        r, now = self.row_of(w), self.now
        self.count(Event.REENTRIES if w.marks & REGISTERED else Event.REGISTRATIONS)
        self.move(w, Stage.IMPLEMENTATION)
        w.marks = (w.marks | REGISTERED | ACTIVE) & ~(REMINDED | PAID_OWN)
        w.joined_week, w.stop_week, w.unpaid, w.next_due = now.week, -1, 0, now.due_from_join
        if w.first_week < 0:
            w.first_week = now.week
        self.put_source(w, source)
        if now.ledger_month >= 0:
            self.day.joined_by[0][w.first_source] += 1
            self.day.joined_by[1][source] += 1
        lever, w.offer, w.sub_left = r.discount_lever, offer, 0
        if offer >= 0:
            lever = self.offers[offer].lever
            if self.offers[offer].months > self.paid_for:
                w.sub_left = self.offers[offer].months - self.paid_for
                self.commit(offer, w.sub_left, 1)
        other = r.due_rp - own
        if other > 0 and lever >= 0:
            self.book(lever, Item.SUBSIDY, self.levers[lever].payer, other)
        for k, row in enumerate(self.levers):
            for slot in range(4):
                if has(subset, slot) and has(r.slot_levers[slot], k):
                    self.book(k, Item.GIFT, row.payer, row.gift_rp)
            if has(r.paid_levers, k) and not has(self.no_claims(), k):
                self.book(k, Item.REGISTRATION, row.payer, row.registration_rp)
        if w.agent >= 0 and self.agents[w.agent].active:
            self.agents[w.agent].new_members += 1
            self.agents[w.agent].portfolio += 1
        else:
            w.agent = -1
        self.receive(w, own, other, Payer.WORKER)

    def receive(self, w, own, other, payer):
        if own > 0 and payer == Payer.WORKER:
            w.own_months += self.paid_for
            w.marks |= PAID_OWN
            self.count(Event.PAYMENTS_OWN)
        else:
            w.other_months += self.paid_for
            w.marks &= ~PAID_OWN
            self.count(Event.PAYMENTS_OTHER)
        self.book(self.par.levers, Item.CONTRIBUTION, payer, own)
        if w.agent >= 0 and self.agents[w.agent].active:
            rule, months = self.now.agent_rule, w.own_months + w.other_months
            share = rule[EARLY_BP] if months <= rule[EARLY_MONTHS] else rule[LATE_BP] if months <= rule[LATE_MONTHS] else 0
            self.agents[w.agent].commissions_rp += (own + other) * share // 10000

    # ------------------------------------------------------------------ 7.8 the month

    def month(self, w):
        par = self.par
        u_pay, _, u_tie, u_fate = self.lanes(w, Block.MONTHLY)
        w.seen_risk = f32(w.seen_risk * par.seen_risk_keep)
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
        lever, running = self.offers[offer].lever, self.plan[self.now.week][self.offers[offer].lever].running
        return self.offers[offer].renewal_prob > 0 and running == 1 and not has(self.no_claims() | w.denied_claim, lever)

    def pay(self, w, u, u_tie):
        r, offer = self.row_of(w), w.offer
        lever, other, log_own = r.discount_lever, 0, 0.0
        if w.sub_left == 0 and offer >= 0 and self.renewable(w, offer):
            w.sub_left = self.offers[offer].months
            self.commit(offer, w.sub_left, 1)
        subsidized = w.sub_left > 0
        if subsidized:
            lever, log_own = self.offers[offer].lever, self.offers[offer].log_own
            other = r.due_rp * self.offers[offer].basis_points // 10000
        elif lever >= 0 and not has(self.day.off, lever):
            other, log_own = r.discount_rp, r.pay_threshold[1]
        own, paid = r.due_rp - other, True
        if own > 0:
            paid = self.settle(w, u, u_tie, own, other, log_own)
        else:
            self.receive(w, 0, other, Payer.WORKER)
        if paid:
            if other > 0:
                self.book(lever, Item.SUBSIDY, self.levers[lever].payer, other)
            w.unpaid, w.stop_week = 0, -1
            w.marks |= ACTIVE
            if w.stage == Stage.IMPLEMENTATION and w.own_months >= self.par.confirm_months:
                self.move(w, Stage.CONFIRMATION)
        else:
            self.miss(w)
        if subsidized and w.sub_left > 0:
            used = min(self.paid_for, w.sub_left)
            self.commit(offer, -used, -1 if used == w.sub_left else 0)
            w.sub_left -= used
        w.marks &= ~REMINDED
        w.next_due = self.now.due_from_due

    def settle(self, w, u, u_tie, own, other, log_own):
        """Is a due contribution paid?"""
        par, r, in_hand = self.par, self.row_of(w), self.in_hand(w, own)
        forgets = par.forget[min(959, int((w.own_months + par.subsidized_habit * w.other_months) * 4.0))]
        collected = r.channel == Channel.COLLECTOR
        if not collected and w.agent >= 0 and self.collects(self.agents[w.agent]):
            collected = self.lanes(w, Block.COLLECT)[0] < self.agents[w.agent].collect_prob
        if r.channel == Channel.SOURCE and in_hand == 0:
            forgets = 0.0
        if r.channel == Channel.AUTO_DEBIT:
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

    def collects(self, agent):
        return agent.active and agent.collect_prob > 0 and not has(self.day.off, agent.lever)

    def liquid(self, w, amount):
        """Is there this much cash in hand, in this month or in one the window allows?"""
        if amount <= 0:
            return True
        occupation = self.occupations[w.occupation]
        needed = occupation.need + self.par.cash_multiple * amount / w.income_rp
        start = self.now.month_week
        for _ in range(self.row_of(w).window):
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
            return Exit.MIGRATION
        return Exit.FORMAL_JOB if u < edge + par.formal_prob else -1

    # ------------------------------------------------------------------ 7.9 money

    def available_rp(self):
        par, day, left = self.par, self.day, 1 << 60
        if par.budget_rp >= 0:
            left = par.budget_rp - day.spent_rp - day.committed_rp
        if par.ceiling_rp >= 0:
            left = min(left, par.ceiling_rp - day.month_spent_rp - (day.obligation_rp if self.now.month_start else 0))
        return left

    def fund(self):
        day, now = self.day, self.now
        if now.month_start:
            day.month_spent_rp = day.off_month = 0
        self.renew()
        day.off, day.spent_out = day.never | day.off_month, 0
        left = self.available_rp()
        for k, (lever, plan) in enumerate(zip(self.levers, self.plan[now.week], strict=True)):
            lever.owed_once_rp += plan.once_rp
            lever.owed_month_rp = plan.monthly_rp if now.month_start else lever.owed_month_rp + plan.monthly_rp
            if plan.running:
                fixed = lever.owed_once_rp + lever.owed_month_rp
                if lever.bound and fixed + plan.event_rp > left:
                    day.off |= 1 << k
                    lever.unmet_rp += plan.once_rp + plan.monthly_rp + plan.event_rp
                else:
                    self.book(k, Item.FIXED, lever.payer, fixed)
                    self.book(k, Item.EVENT, lever.payer, plan.event_rp)
                    lever.owed_once_rp = lever.owed_month_rp = 0
                    left = left - (fixed + plan.event_rp) * lever.bound
        day.left_rp = left
        if self.par.budget_rp >= 0 or self.par.ceiling_rp >= 0:
            day.left_rp = self.ration(left)

    def renew(self):
        week = self.now.week
        for offer in self.offers:
            if offer.renewal_prob > 0 and week > offer.list_week and (week - offer.list_week) % offer.term == 0:
                if self.draw(offer.lever, week, 0, Purpose.LEVER)[0] >= offer.renewal_prob:
                    self.day.never |= 1 << offer.lever

    def rationed(self):
        """Levers that run this week, are bound and, when their turn comes, not off."""
        for k, (lever, plan) in enumerate(zip(self.levers, self.plan[self.now.week], strict=True)):
            if plan.running and lever.bound and not has(self.day.off, k):
                yield k, lever

    def ration(self, left):
        claims, visits, left, ceiling = 0, 0, max(left, 0), self.par.ceiling_rp
        for w in self.workers:
            w.denied_contact = w.denied_claim = 0
        for k, lever in self.rationed():
            if self.now.month_start and lever.discount_rp > 0:
                left = left - self.reserve_discount(k, left)
            if lever.contact_rp > 0 and lever.visits == 0:
                left = left - lever.contact_rp * self.serve(k, left // lever.contact_rp, claim=False)
            for_visits = min(left, lever.contact_rp * lever.visits)
            left, visits = left - for_visits, visits + for_visits
            claims += lever.claim_rp > 0 and not has(self.day.off, k)
        for k, lever in self.rationed():
            if lever.claim_rp > 0:
                most = left // claims // lever.claim_rp
                if ceiling >= 0 and lever.month_unit_rp > 0:
                    most = min(most, (ceiling - self.day.obligation_rp) // lever.month_unit_rp)
                if most <= 0:
                    self.day.spent_out |= 1 << k
                else:
                    left = left - lever.claim_rp * self.serve(k, most, claim=True)
                claims = claims - 1
        return visits

    def target(self, k):
        return [w for w in self.workers if has(self.segment_levers[w.segment], k)]

    def reserve_discount(self, k, left):
        needed = sum(enrolled(w) for w in self.target(k)) * self.levers[k].discount_rp
        if needed <= left:
            return needed
        self.day.off_month |= 1 << k
        self.day.off |= 1 << k
        self.levers[k].unmet_rp += needed
        return 0

    def serve(self, k, most, claim):
        """Denies the money to those claimants of the target whom it does not reach; returns how many it reaches."""
        priority = {}
        for w in self.target(k):
            if (not enrolled(w) or self.renews(w, k)) if claim else self.reached(w, k):
                word = philox(w.number, self.now.week, k, Purpose.ALLOT, self.par.key0, self.par.key1)[0]
                priority[w.number] = word + (2**32 if claim and not enrolled(w) and w.stage != Stage.DECISION else 0)
        cut = NOBODY
        if len(priority) > most:
            cut = sorted(priority.values())[most]  # that of the first who no longer fits
        for number, p in priority.items():
            if p >= cut and claim:
                self.workers[number].denied_claim |= 1 << k
            elif p >= cut:
                self.workers[number].denied_contact |= 1 << k
                self.levers[k].unmet_rp += self.levers[k].contact_rp
        return sum(p < cut for p in priority.values())

    def renews(self, w, k):
        due = self.now.month_start and w.sub_left == 0 and enrolled(w) and w.next_due == self.now.week
        return due and w.offer >= 0 and self.offers[w.offer].renewal_prob > 0 and self.offers[w.offer].lever == k

    def reached(self, w, k):
        """Will the class that lever k speaks through reach him this week?"""
        kind, r = self.levers[k].kind, self.row_of(w)
        if kind >= Contact.SERVICE and (kind == Contact.REMINDER) != enrolled(w):
            return False
        return r.contact[kind] > 0.0 and self.lanes(w, Block.CONTACT_A + kind // 4)[kind % 4] < r.contact[kind]

    # ------------------------------------------------------------------ 7.10 Perisai and facilitators

    def send_agents(self):
        week, month_start = self.now.week, self.now.month_start
        for a, agent in enumerate(self.agents):
            if not agent.from_week <= week <= agent.until_week:
                continue
            if week == agent.from_week:
                agent.active, agent.collect_prob = 1, 1.0 if agent.collects else 0.0
            elif month_start:
                self.settle_agent(a, agent)
            if week == agent.until_week:
                if not month_start:
                    self.settle_agent(a, agent)
                agent.active = 0
            people, visits = self.lists[agent.first : agent.last], agent.visits
            if not agent.active or has(self.day.off, agent.lever) or not people:
                continue
            if agent.collects:
                visits = max(visits - agent.portfolio * 12 * self.par.step_days // (agent.per_visit * 365), visits * 2 // 5)
            for k in range(visits):
                u, best, chosen = self.draw(a, week, k, Purpose.AGENT), -1, None
                for lane in range(agent.candidates):
                    w = self.workers[people[int(u[lane] * len(people))]]
                    if not (w.visited == week and w.visitor == a) and self.attraction(agent, w) > best:
                        best, chosen = self.attraction(agent, w), w
                if chosen is not None:
                    self.visit(a, agent, chosen)

    def attraction(self, agent, w):
        return 8 * (not enrolled(w)) + 4 * (not w.marks & VISITED) + 2 * has(agent.preferred, w.occupation) + (w.attempts == 0)

    def visit(self, a, agent, w):
        day, week, lever = self.day, self.now.week, self.levers[agent.lever]
        if w.visited == week:
            self.count(Event.VISITS_LOST)
            if self.draw(a, week, 0xFFFE, Purpose.AGENT)[0] < self.draw(w.visitor, week, 0xFFFE, Purpose.AGENT)[0]:
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
                if agent.idle_months >= rule[IDLE_MONTHS]:
                    agent.active, agent.away_months = 0, 0  # struck off
                elif agent.income_rp < agent.reserve_rp and self.draw(a, self.now.week, 0xFFFF, Purpose.AGENT)[0] < agent.leave_prob:
                    agent.active, agent.away_months = 0, -1  # gone for good
        elif agent.away_months >= 0:
            agent.away_months += 1
            if agent.away_months >= rule[RETURN_MONTHS]:
                agent.active, agent.idle_months = 1, 0
        agent.new_members, agent.commissions_rp, agent.collect_prob = 0, 0, 0.0
        if agent.active and agent.collects:
            steps = 365.0 / (12.0 * self.par.step_days)  # of a month
            agent.collect_prob = min(1.0, 0.6 * agent.visits * agent.per_visit * steps / max(1, agent.portfolio))

    # ------------------------------------------------------------------ 7.11 sponsors' lists

    def nominate(self):
        for offer in self.offers:
            if not self.plan[self.now.week][offer.lever].running or has(self.no_claims(), offer.lever):
                continue
            for w in (self.workers[i] for i in self.lists[offer.first : offer.last]):
                elsewhere = w.listed >= 0 and self.plan[self.now.week][w.listed].running
                if not enrolled(w) and w.listed != offer.lever and not elsewhere:
                    w.listed = offer.lever
                    w.marks |= HELPED
                    w.told_week = self.now.week
                    self.put_source(w, Source.SERVICE)
                    if w.stage != Stage.DECISION:
                        self.move(w, Stage.DECISION)

    # ------------------------------------------------------------------ 7.12 groups that decide together

    def meet_groups(self):
        week = self.now.week
        for group in self.groups:
            meets = group.from_week <= week < group.until_week and (week - group.from_week) % group.every == 0
            if not (self.now.on_sale and meets) or has(self.day.off, group.lever):
                continue
            members, total = [self.workers[i] for i in self.lists[group.first : group.last]], 0.0
            for w in members:
                if not enrolled(w):
                    self.attend(w)
                    w.margin = f32(self.margin_of(w))
                    if w.value > NEVER_JOINS:
                        total = total + min(3.0, max(-3.0, w.margin))
            for w in members:
                if total > 0.0 and not enrolled(w):
                    self.join_with_group(w, group)

    def attend(self, w):
        par, known = self.par, w.understanding
        w.understanding = f32(known + par.peer_intensity * (1.0 - known))
        w.told_week = w.reached_week = self.now.week
        if w.first_source == Source.NONE:
            w.first_source = Source.GROUP
        if w.stage == Stage.UNAWARE:
            self.move(w, Stage.KNOWLEDGE)
        if w.marks & MISBELIEF and self.lanes(w, Block.GROUP)[2] < min(1.0, par.clearing_ratio * par.peer_intensity):
            w.marks &= ~MISBELIEF

    def join_with_group(self, w, group):
        r = self.row_of(w)
        u_leave, u_office, _, _ = self.lanes(w, Block.GROUP)
        outvoted = w.margin <= 0.0
        if outvoted and (u_leave < group.leave_prob or w.value <= NEVER_JOINS):
            return
        w.last_source = Source.GROUP
        if u_office >= r.success[1]:
            self.try_alone(w, outvoted)
            return
        subset = self.offers_known(w, 0)
        if self.must_wait(w, subset):
            return
        own, offer = r.first_due_rp[subset], r.subset_offer[subset]
        if not self.liquid(w, self.in_hand(w, own)):
            if group.offer < 0 or offer >= 0 or has(self.day.spent_out | w.denied_claim, group.lever):
                self.try_alone(w, outvoted)
                return
            own, offer = 0, group.offer
        w.marks &= ~FORCED
        if outvoted:
            w.marks |= FORCED
        self.enroll(w, subset, offer, own, Source.GROUP)

    def try_alone(self, w, outvoted):
        if not outvoted and w.stage != Stage.DECISION:
            w.marks |= HELPED
            self.move(w, Stage.DECISION)

    # ------------------------------------------------------------------ 7.13 claims

    def file_claims(self):
        par, now = self.par, self.now
        for number, kind in self.misfortunes:
            w = self.workers[number]
            if not par.claims_on or kind not in (DEATH, ACCIDENT):
                continue
            if not w.marks & ACTIVE:
                self.count(Event.UNPROTECTED)
                self.tell_ties(w, "news_risk", announced=False)
                continue
            waits = w.own_months + w.other_months < now.waiting_months
            amount = now.accident_claim_rp if kind == ACCIDENT else now.waiting_benefit_rp if waits else now.death_benefit_rp
            u_refused, u_days, _, _ = self.draw(number, now.week, kind, Purpose.CLAIM)
            days = self.row_of(w).claim_days * par.wait[int(u_days * 1024)]
            outcome = REFUSED if u_refused < self.row_of(w).refused_share else LATE if days > par.late_days else PAID
            if len(self.claims) < self.places_for_claims:
                claim = dict(person=number, joined=w.joined_week, outcome=outcome, kind=kind, amount_rp=amount)
                self.claims.append(SimpleNamespace(week=now.week + int(days / par.step_days), **claim))

    def close_claims(self):
        place = 0
        while place < len(self.claims):
            claim = self.claims[place]
            if claim.week > self.now.week:
                place += 1
                continue
            self.claims[place] = self.claims[-1]
            self.claims.pop()
            w = self.workers[claim.person]
            self.count(Event.CLAIMS_PAID + claim.outcome)
            if claim.outcome < REFUSED:
                self.book(self.par.levers, Item.CLAIM, Payer.SCHEME, claim.amount_rp)
            if claim.outcome > PAID and claim.kind == ACCIDENT and claim.joined == w.joined_week and w.marks & REGISTERED:
                w.marks |= DISAPPOINTED
            announced = claim.outcome == PAID and self.row_of(w).announces
            for neighbor in self.workers:
                neighbor.news_paid += bool(announced and neighbor.community == w.community)
            self.tell_ties(w, "news_paid" if claim.outcome == PAID else "news_bad", announced)

    def tell_ties(self, w, news, announced):
        for tie in self.ties[w.first : w.last]:
            if tie.other < self.par.workers:
                other = self.workers[tie.other]
                if not (announced and other.community == w.community):
                    setattr(other, news, getattr(other, news) + 1)

    # ------------------------------------------------------------------ 7.14 turnover and record

    def turn_over(self):
        for number, kind in self.misfortunes:
            if self.par.turnover_on and kind in tuple(Exit):
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
        w.value = NEVER_JOINS if u_never < par.never_share else f32(x)
        w.risk = f32(par.risk_table[cell])
        known = min(1.0, max(0.0, par.understanding_mean + par.understanding_spread * (2.0 * u_known - 1.0)))
        w.understanding = w.understanding_start = f32(known)
        w.marks = MISBELIEF | BELIEVED if u_belief < par.misbelief_share else 0
        w.stage = Stage.KNOWLEDGE if u_aware < par.awareness_share else Stage.UNAWARE
        w.alpha, w.beta, w.seen_risk, w.margin = f32(par.trust_alpha), f32(par.trust_beta), 0.0, 0.0
        w.own_months = w.other_months = w.attempts = w.reminders = w.unpaid = w.news_paid = w.news_bad = w.news_risk = 0
        w.offer = w.listed = w.visitor = w.visited = w.next_due = w.joined_week = w.first_week = w.stop_week = w.first_stop = -1
        w.reached_week = w.told_week = LONG_AGO
        w.stage_week, w.first_source, w.last_source = self.now.week, Source.NONE, Source.NONE

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
