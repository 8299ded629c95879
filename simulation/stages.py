"""Codes shared by every part of the model: stages, roles, ties, channels, causes, and which passages are legal.

Plain integers, so that the compiled kernel and the plain-Python oracle read the same constants.
The eight stages follow Rogers (2003): knowledge, persuasion, decision, implementation, confirmation,
with the three outcomes that field studies of social insurance need beside them (unaware, rejected, lapsed).
"""

from enum import IntEnum


class Stage(IntEnum):
    """Where a worker stands. DECISION: has decided to join and is trying to register."""

    UNAWARE = 0
    KNOWLEDGE = 1
    PERSUASION = 2
    DECISION = 3
    IMPLEMENTATION = 4
    CONFIRMATION = 5
    REJECTED = 6
    LAPSED = 7


class Role(IntEnum):
    WORKER = 0
    LEADER = 1
    PERISAI = 2


class TieKind(IntEnum):
    """Woolcock and Narayan (2000): inside the community, across communities, to those in power."""

    BONDING = 0
    BRIDGING = 1
    LINKING = 2


class LeaderKind(IntEnum):
    VILLAGE_HEAD = 0
    COMMUNITY_HEAD = 1
    RELIGIOUS = 2
    GROUP = 3


class Membership(IntEnum):
    """Bits of the membership mask."""

    WASTE_BANK = 1
    ARISAN = 2
    FARMER_GROUP = 4
    PKH = 8


class Contact(IntEnum):
    """Channel classes of a campaign: one Philox lane each (blocks CONTACT_A and CONTACT_B)."""

    SESSION = 0
    VISIT = 1
    TALK = 2
    SERVICE = 3
    MEDIA = 4
    KIT = 5
    REMINDER = 6


class Source(IntEnum):
    """What brought a worker: first and last channel. Campaign classes keep their own codes."""

    SESSION = 0
    VISIT = 1
    TALK = 2
    SERVICE = 3
    MEDIA = 4
    KIT = 5
    REMINDER = 6
    PEER = 7
    LEADER = 8
    AGENT = 9
    GROUP = 10
    BASELINE = 11
    NONE = 12


class Credibility(IntEnum):
    """Who speaks; the constant of the class times the worker's trust is the trust in the messenger."""

    BONDING = 0
    LINKING = 1
    INSTITUTION = 2


class Channel(IntEnum):
    """How a contribution leaves (or never enters) the worker's hand."""

    CASH = 0
    COLLECTOR = 1
    AUTO_DEBIT = 2
    SOURCE = 3


class Payer(IntEnum):
    """Who bears a cost in the ledger. The campaign's budget binds BRANCH, VILLAGE, REGENCY and COMPANY."""

    BRANCH = 0
    VILLAGE = 1
    REGENCY = 2
    COMPANY = 3
    GROUP = 4
    SCHEME = 5
    WORKER = 6
    TIES = 7


class Event(IntEnum):
    """What is counted week by week (columns of the event record)."""

    ATTEMPTS = 0
    FAILURES = 1
    CASH_FAILURES = 2
    REGISTRATIONS = 3
    REENTRIES = 4
    PAYMENTS_OWN = 5
    PAYMENTS_OTHER = 6
    MISSED = 7
    STOPS = 8
    LAPSES = 9
    CLAIMS_PAID = 10
    CLAIMS_LATE = 11
    CLAIMS_REFUSED = 12
    UNPROTECTED = 13
    EXIT_DEATH = 14
    EXIT_MIGRATION = 15
    EXIT_FORMAL = 16
    NEWCOMERS = 17
    HEARD = 18
    CONTACTED = 19
    VISITS = 20
    VISITS_LOST = 21
    FORGOTTEN = 22


class Measure(IntEnum):
    """What is counted from the states at the end of each week, by group: the eight stages, then these."""

    REGISTERED = 8
    ACTIVE = 9
    PAYING = 10
    UNDERSTANDING = 11  # sum in 1/65,536
    TRUST = 12  # sum in 1/65,536
    MISBELIEF = 13


class Item(IntEnum):
    """Kinds of money in the ledger."""

    FIXED = 0
    EVENT = 1
    CONTACT = 2
    GIFT = 3
    REGISTRATION = 4
    COMMISSION = 5
    SUBSIDY = 6
    CONTRIBUTION = 7
    CLAIM = 8


class Exit(IntEnum):
    DEATH = 0
    MIGRATION = 1
    FORMAL_JOB = 2


class Purpose(IntEnum):
    """Philox counter word 3: which part of the model draws. Numbers are never reused or shifted."""

    WORKER = 0
    AGENT = 1
    LEVER = 2
    CLAIM = 3
    ALLOT = 4
    PEOPLE = 16
    NETWORK = 17


class Block(IntEnum):
    """Philox counter word 2 for Purpose.WORKER: four lanes (output words) each. The ODD lists the lanes."""

    WEEKLY = 0  # hear, stage, compare, register
    MONTHLY = 1  # pay, income, solidarity, misfortune or exit
    CONTACT_A = 2  # session, visit, talk, service
    CONTACT_B = 3  # media, kit, reminder, free
    BELIEF = 4  # cleared by contact, cleared by membership, free, free
    COLLECT = 5  # collector comes, free, free, free
    NEWCOMER_A = 6  # value, own risk, understanding, misbelief
    NEWCOMER_B = 7  # aware, never, free, free
    LIMITS = 8  # lapse, silence, free, free
    GROUP = 9  # outvoted member leaves, office, misbelief cleared, free


# Marks of a worker (bits of a uint16)
MISBELIEF = 1
HELPED = 2
FORCED = 4
DISAPPOINTED = 8
ACTIVE = 16
REGISTERED = 32
REMINDED = 64
PAID_OWN = 128
SILENT = 256
ON_SPOT = 512
ASKED = 1024
VISITED = 2048
BELIEVED = 4096
ALL_MARKS = 0xFFFF

ENROLLED = (Stage.IMPLEMENTATION, Stage.CONFIRMATION)

#: passages that may be counted; a test holds every recorded passage against this table
LEGAL_PASSAGES = frozenset(
    {
        (Stage.UNAWARE, Stage.KNOWLEDGE),
        (Stage.KNOWLEDGE, Stage.PERSUASION),
        (Stage.KNOWLEDGE, Stage.UNAWARE),
        (Stage.PERSUASION, Stage.DECISION),
        (Stage.PERSUASION, Stage.REJECTED),
        (Stage.PERSUASION, Stage.UNAWARE),
        (Stage.REJECTED, Stage.PERSUASION),
        (Stage.REJECTED, Stage.DECISION),
        (Stage.REJECTED, Stage.UNAWARE),
        (Stage.LAPSED, Stage.DECISION),
        (Stage.DECISION, Stage.IMPLEMENTATION),
        (Stage.DECISION, Stage.REJECTED),
        (Stage.DECISION, Stage.PERSUASION),
        (Stage.IMPLEMENTATION, Stage.CONFIRMATION),
        (Stage.IMPLEMENTATION, Stage.LAPSED),
        (Stage.CONFIRMATION, Stage.LAPSED),
    }
    # a sponsor's list, or a group's vote, may leave a worker trying wherever he stood; a group enrolls who has heard
    | {(s, Stage.DECISION) for s in (Stage.UNAWARE, Stage.KNOWLEDGE, Stage.PERSUASION, Stage.REJECTED, Stage.LAPSED)}
    | {(s, Stage.IMPLEMENTATION) for s in (Stage.KNOWLEDGE, Stage.PERSUASION, Stage.REJECTED, Stage.LAPSED)}
)
