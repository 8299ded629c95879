"""Mesa's view of the people: light agents on array rows, and an agent set whose column operations go to NumPy.

The state lives in the kernel's tables; a `Worker`, `Leader` or `PerisaiAgent` is only (model, row). Nothing here is made
until somebody looks, and views once made are kept. A worker's row is a *place* in the village: whoever dies or leaves
is replaced there by a newcomer.
"""

import datetime as dt
import difflib
from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from mesa.agent import Agent, AgentSet

try:
    from mesa.agentset import GroupBy  # Mesa 3.5
except ImportError:
    from mesa.agent import GroupBy  # Mesa 3.3

from simulation.stages import ACTIVE, ENROLLED, MISBELIEF, PAID_OWN, REGISTERED, LeaderKind, Membership, Source, Stage, TieKind

# ------------------------------------------------------------------ columns


class Column(NamedTuple):
    """One readable property. `read(table, rows)` and `write(table, rows, value)` take one row or an array of rows.

    kind: "flag" (missing: False), "number" (missing: NaN), or the name of the table that turns codes into values
    (missing: None). `everybody`: leaders and Perisai have it too; otherwise theirs is missing.
    """

    text: str
    kind: str
    read: Callable
    write: Callable | None = None
    everybody: bool = False


def columns_of(world) -> SimpleNamespace:
    """Plain array views on the kernel's tables and the traits of the people, and the tables that decode them."""
    workers, people, agents = world.village.workers, world.people, world.village.agents
    table = SimpleNamespace(**{name: np.asarray(workers[name]) for name in workers.dtype.names})
    for name in ("household", "sex", "income_fifth", "phone", "membership"):
        setattr(table, name, getattr(people, name))
    table.world, table.first_leader, table.first_agent = world, people.workers, people.workers + len(people.leader_kind)
    table.people = table.first_agent + len(agents)
    table.home = np.concatenate([people.community, people.leader_community, people.agent_community[: len(agents)]])
    table.role = np.repeat([0, 1, 2], [people.workers, len(people.leader_kind), len(agents)])
    table.roles = decoder(["worker", "leader", "perisai"])
    table.stages = decoder(list(Stage))
    table.sexes = decoder(["male", "female"])
    table.sources = decoder([s.name.lower() if s != Source.NONE else None for s in Source])
    table.occupations = decoder([o.name for o in world.parameters.village.occupations])
    table.memberships = decoder([tuple(m.name.lower() for m in Membership if bits & m) for bits in range(16)], missing=())
    return table


def decoder(values: list, missing=None) -> np.ndarray:
    """Object array that turns a code into its value; the code -1 (last place) means missing."""
    out = np.empty(len(values) + 1, object)
    for code, value in enumerate([*values, missing]):
        out[code] = value
    return out


def _mark(bits: int) -> Callable:
    return lambda t, i: (t.marks[i] & bits) == bits


def _write_trust(t, i, value: float) -> None:
    """A new mean at the firmness (alpha + beta) that is there."""
    if not 0.01 <= value <= 0.99:
        raise ValueError(f"trust must lie between 0.01 and 0.99, got {value!r}")
    strength = t.alpha[i].astype(float) + t.beta[i].astype(float)
    t.alpha[i], t.beta[i] = value * strength, (1.0 - value) * strength


def _write_misbelief(t, i, value: bool) -> None:
    t.marks[i] = t.marks[i] | MISBELIEF if value else t.marks[i] & ~t.marks.dtype.type(MISBELIEF)


def _write_stage(t, i, value: Stage) -> None:
    if value in (*ENROLLED, Stage.LAPSED) or value not in list(Stage):
        raise ValueError(f"stage can be set to UNAWARE, KNOWLEDGE, PERSUASION, DECISION or REJECTED, not {value!r}: join by registering")
    if np.isin(t.stage[i], ENROLLED).any():
        raise ValueError("the stage of an enrolled worker cannot be set: membership ends by itself")
    t.stage[i] = value
    t.stage_week[i] = t.world.week


def _plain(name: str) -> Callable:
    return lambda t, i: getattr(t, name)[i]


def _bounded(name: str, low: float, high: float) -> Callable:
    """A writer that takes numbers from low to high."""

    def write(t, i, value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"{name} must lie between {low:g} and {high:g}, got {value!r}")
        getattr(t, name)[i] = value

    return write


def _understanding(t, i):
    """Workers' own; leaders and Perisai know as much as an engaged leader."""
    own = t.understanding[np.minimum(i, t.first_leader - 1)].astype(float)
    return np.where(i < t.first_leader, own, t.world.parameters.village.leader_understanding)[()]


#: every property that get, agg, set, sort, groupby and select(where=...) read as a column
COLUMNS: dict[str, Column] = {
    "unique_id": Column("Mesa's number of the agent: row + 1.", "number", lambda t, i: i + 1, everybody=True),
    "row": Column("Row in the tables: workers first, then leaders, then Perisai.", "number", lambda t, i: i, everybody=True),
    "role": Column("worker, leader or perisai.", "roles", _plain("role"), everybody=True),
    "community": Column("Number of the community.", "number", _plain("home"), everybody=True),
    "stage": Column("Stage (None for leaders and Perisai).", "stages", _plain("stage"), _write_stage),
    "understanding": Column("Understanding of the scheme, 0 to 1.", "number", _understanding, _bounded("understanding", 0, 1), True),
    "trust": Column("Belief that a claim would be paid: mean of Beta(alpha, beta).", "number",
                    lambda t, i: t.alpha[i].astype(float) / (t.alpha[i].astype(float) + t.beta[i].astype(float)), _write_trust),
    "misbelief": Column("Holds a misbelief about the scheme.", "flag", _mark(MISBELIEF), _write_misbelief),
    "registered": Column("Has ever registered.", "flag", _mark(REGISTERED)),
    "active": Column("Cover in force.", "flag", _mark(ACTIVE)),
    "paying": Column("Cover in force, last contribution paid out of the own pocket.", "flag", _mark(ACTIVE | PAID_OWN)),
    "household": Column("Number of the household.", "number", _plain("household")),
    "sex": Column("female or male.", "sexes", _plain("sex")),
    "occupation": Column("Name of the occupation.", "occupations", _plain("occupation")),
    "income_rp": Column("Mean income, Rp a month.", "number", _plain("income_rp"), _bounded("income_rp", 1, 2**31 - 1)),
    "income_fifth": Column("Fifth of the village's incomes, 1 poorest.", "number", _plain("income_fifth")),
    "phone": Column("Uses a phone with internet.", "flag", lambda t, i: t.phone[i] == 1),
    "memberships": Column("Names of the associations, a tuple.", "memberships", _plain("membership")),
    "value": Column("Lasting part of perceived value, log Rp over the median.", "number", _plain("value"), _bounded("value", -1000, 100)),
    "risk": Column("Own risk over the occupation's.", "number", _plain("risk")),
    "seen_risk": Column("Risk learned from misfortunes nearby, log.", "number", _plain("seen_risk"), _bounded("seen_risk", 0, 100)),
    "margin": Column("Log value over log price when last compared.", "number", _plain("margin")),
    "own_months": Column("Months paid out of the own pocket.", "number", _plain("own_months")),
    "other_months": Column("Months paid by others: subsidy, sponsor, fund, ties.", "number", _plain("other_months")),
    "months_paid": Column("All months paid.", "number", lambda t, i: t.own_months[i].astype(int) + t.other_months[i]),
    "unpaid_months": Column("Months of arrears.", "number", _plain("unpaid")),
    "attempts": Column("Attempts to register.", "number", _plain("attempts")),
    "first_channel": Column("What brought the worker first: a Source in lower case, or None.", "sources", _plain("first_source")),
    "last_channel": Column("What brought the worker last, likewise.", "sources", _plain("last_source")),
    "joined_week": Column("Step of the last registration (as model.week counts), -1 before.", "number", _plain("joined_week")),
    "stage_week": Column("Step in which the stage was entered.", "number", _plain("stage_week")),
}  # fmt: skip


# ------------------------------------------------------------------ views


class Person(Agent):
    """One row of the village as a Mesa agent. Never registered with Mesa, so nothing is kept alive by it."""

    __slots__ = ("model", "row")

    def __init__(self, model, row: int):
        # Agent.__init__ is left out on purpose: it would register the agent (and Mesa 3.3 keeps such models for ever)
        self.model, self.row = model, row

    @property
    def pos(self) -> int:
        """Node of the network (Mesa's name): the row."""
        return self.row

    @property
    def cell(self):
        """Cell of `model.grid`, which is made when first asked for."""
        return self.model.grid[self.row]

    @property
    def ties(self) -> "ArrayAgentSet":
        """Everybody this person is tied to. People who could become Perisai but are not are left out."""
        return self.ties_by(None)

    neighbors = ties

    def ties_by(self, kind: TieKind | None) -> "ArrayAgentSet":
        """Those tied by one kind of tie (bonding, bridging, linking)."""
        net = self.model.world.network
        span = slice(net.indptr[self.row], net.indptr[self.row + 1])
        keep = net.indices[span] < self.model.columns.people
        if kind is not None:
            keep &= net.kind[span] == kind
        return ArrayAgentSet(self.model, net.indices[span][keep])

    def remove(self) -> None:
        raise NotImplementedError("people leave through turnover; a row cannot be taken out of the village")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.unique_id}>"


def _property(name: str, column: Column) -> property:
    missing = {"flag": False, "number": float("nan")}.get(column.kind)

    def read(self):
        table = self.model.columns
        if not column.everybody and self.row >= table.first_leader:
            return missing if column.kind in ("flag", "number") else getattr(table, column.kind)[-1]
        value = column.read(table, self.row)
        if column.kind in ("flag", "number"):
            return value.item() if isinstance(value, np.generic) else value
        return getattr(table, column.kind)[value]

    def write(self, value):
        if self.row >= self.model.columns.first_leader:
            raise AttributeError(f"{name} can be set for workers only")
        column.write(self.model.columns, self.row, value)

    return property(read, write if column.write else None, doc=column.text)


for _name, _column in COLUMNS.items():
    if _name != "row":
        setattr(Person, _name, _property(_name, _column))


class Worker(Person):
    """An informal worker (or, after turnover, whoever took the place). Columns: see COLUMNS."""

    __slots__ = ()

    @property
    def perisai(self) -> "PerisaiAgent | None":
        """The agent who serves this member, or who last called on this non-member."""
        number = int(self.model.columns.agent[self.row])
        return None if number < 0 else self.model.views[self.model.columns.first_agent + number]

    @property
    def joined_date(self) -> dt.date | None:
        """First day of the step of the last registration."""
        return None if self.joined_week < 0 else self.model.world.calendar.dates[self.joined_week]


class Leader(Person):
    """Village head, head of a community, religious leader or head of an association."""

    __slots__ = ()

    @property
    def kind(self) -> str:
        return LeaderKind(int(self.model.world.people.leader_kind[self.row - self.model.columns.first_leader])).name.lower()

    @property
    def enrolled(self) -> bool:
        """Is a member of the scheme. The counts of registered and active are of workers and leave leaders out."""
        return bool(self.model.world.people.leader_enrolled[self.row - self.model.columns.first_leader])

    @property
    def engaged(self) -> bool:
        """Speaks for the scheme in the step that comes next (in the last one, at the end)."""
        on = self.model.world.village.leader_on
        return bool(on[min(self.model.world.week, len(on) - 1), self.row - self.model.columns.first_leader])


class PerisaiAgent(Person):
    """A Perisai agent or facilitator of the campaign."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """Place in the table of agents."""
        return self.row - self.model.columns.first_agent

    @property
    def record(self) -> np.record:
        """The agent's row of the kernel's table (records.AGENT)."""
        return self.model.world.village.agents[self.number]

    @property
    def lever(self) -> str:
        return self.model.world.parameters.campaign.levers[int(self.record["lever"])].name

    @property
    def working(self) -> bool:
        return bool(self.record["active"])

    @property
    def portfolio(self) -> int:
        """Enrolled workers served."""
        return int(self.record["portfolio"])

    @property
    def pay_rp(self) -> int:
        """Pay of the last month settled, Rp."""
        return int(self.record["income_rp"])

    @property
    def territory(self) -> "ArrayAgentSet":
        """The workers among whom the agent looks for candidates."""
        record = self.record
        return ArrayAgentSet(self.model, self.model.world.village.lists[int(record["first"]) : int(record["last"])])

    @property
    def members(self) -> "ArrayAgentSet":
        """The enrolled workers served."""
        table = self.model.columns
        return ArrayAgentSet(self.model, np.flatnonzero((table.agent == self.number) & np.isin(table.stage, ENROLLED)))


# ------------------------------------------------------------------ the set


class Look:
    """What `where` sees of a set: look["stage"] is the set's column as an array."""

    def __init__(self, agents: "ArrayAgentSet"):
        self.agents = agents

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1)
            raise KeyError(f"no column {name!r}{f', did you mean {near[0]!r}?' if near else ''} Columns: {', '.join(COLUMNS)}")
        codes, kind = self.agents.codes(name), COLUMNS[name].kind
        if kind in ("flag", "number", "stages"):
            return codes
        if kind == "memberships":
            return np.maximum(codes, 0)
        names = getattr(self.agents.model.columns, kind)
        return np.array([n or "" for n in names])[codes]


class ArrayGroupBy(GroupBy):
    """Mesa's groups, aggregated from columns."""

    def agg(self, attr_name: str, func: Callable) -> dict:
        if all(isinstance(group, ArrayAgentSet) for group in self.groups.values()):
            return {key: func(group.values(attr_name)) for key, group in self.groups.items()}
        return super().agg(attr_name, func)


class ArrayAgentSet(AgentSet):
    """Mesa's AgentSet over row numbers. Columns are read in NumPy; views are made when agents themselves are asked for.

    What leaders and Perisai do not have is NaN, None or False, so that a mean over everybody is NaN: select workers, or
    use np.nanmean. `model.agents` itself is fixed: `copy()`, select, sort and shuffle give sets that may be changed.
    """

    def __init__(self, model, rows, fixed: bool = False):
        self.model, self.rows, self.fixed = model, np.asarray(rows, np.int64), fixed
        self.random = model.random

    # -------------------------------------------------------------- columns

    def codes(self, name: str) -> np.ndarray:
        """A column as bool, int64 or float64: names and stages as codes (-1 missing), missing numbers as NaN."""
        column, table = COLUMNS[name], self.model.columns
        if column.everybody or not len(self.rows) or self.rows.max() < table.first_leader:
            found = column.read(table, self.rows)
            return found.astype({"b": bool, "f": float}.get(found.dtype.kind, np.int64), copy=False)
        mine = self.rows < table.first_leader
        kind = {"flag": bool, "number": float}.get(column.kind, np.int64)
        out = np.full(len(self.rows), {"flag": False, "number": np.nan}.get(column.kind, -1), kind)
        out[mine] = column.read(table, self.rows[mine])
        return out

    def values(self, name: str) -> np.ndarray | list:
        """A column as the views show it: an array, or a list for what is not a column."""
        if name not in COLUMNS:
            return [getattr(agent, name) for agent in self]
        codes = self.codes(name)
        return codes if COLUMNS[name].kind in ("flag", "number") else getattr(self.model.columns, COLUMNS[name].kind)[codes]

    def get(self, attr_names, handle_missing="error", default_value=None) -> list:
        """Values of one attribute, or a list of lists for several, as Mesa's AgentSet.get."""
        if handle_missing not in ("error", "default"):
            raise ValueError(f"Unknown handle_missing option: {handle_missing}, should be one of 'error' or 'default'")
        if not isinstance(attr_names, str):
            return [list(row) for row in zip(*(self.get(name, handle_missing, default_value) for name in attr_names))]
        if attr_names in COLUMNS:
            return self.values(attr_names).tolist()
        if handle_missing == "default":
            return [getattr(agent, attr_names, default_value) for agent in self]
        return self.values(attr_names)

    def agg(self, attribute: str, func):
        """func(values), or one result for each of several functions; values are an array where there is a column."""
        values = self.values(attribute)
        return func(values) if callable(func) else [f(values) for f in func]

    def set(self, attr_name: str, value) -> "ArrayAgentSet":
        """Set one value for all; columns in one go, workers only."""
        column = COLUMNS.get(attr_name)
        if column is None:
            for agent in self:
                setattr(agent, attr_name, value)
        elif column.write is None or (self.rows >= self.model.columns.first_leader).any():
            raise AttributeError(f"{attr_name} cannot be set" if column.write is None else f"{attr_name} can be set for workers only")
        else:
            column.write(self.model.columns, self.rows, value)
        return self

    # -------------------------------------------------------------- subsets and orders

    def select(self, filter_func=None, at_most=float("inf"), inplace=False, agent_type=None, where=None) -> "ArrayAgentSet":
        """Mesa's select, and `where`: a function of the columns that returns a mask, e.g. lambda c: c["trust"] < 0.3.

        In `where`, stages are codes (compare with Stage members), memberships are bits (of Membership), other names
        text ("" where missing).
        """
        if isinstance(at_most, float) and at_most <= 1.0:
            at_most = int(len(self) * at_most)
        rows = self.rows
        if where is not None:
            mask = np.asarray(where(Look(self)))
            if mask.dtype != bool or mask.shape != rows.shape:
                raise ValueError(f"where must return one bool per agent ({len(rows)}), got shape {mask.shape} of {mask.dtype}")
            rows = rows[mask]
        if agent_type is not None:
            fits = np.array([issubclass(t, agent_type) for t in TYPES])
            rows = rows[fits[self.model.columns.role[rows]]]
        if filter_func is not None:
            chosen = []
            for view in ArrayAgentSet(self.model, rows):
                if len(chosen) >= at_most:
                    break
                if filter_func(view):
                    chosen.append(view.row)
            rows = chosen
        return self._result(rows if at_most >= len(rows) else rows[: int(at_most)], inplace)

    def sort(self, key, ascending: bool = False, inplace: bool = False) -> "ArrayAgentSet":
        """Sorted by a column or a function of the agent; largest first, as in Mesa, unless `ascending`. Missing values last."""
        if not isinstance(key, str) or key not in COLUMNS or COLUMNS[key].kind not in ("flag", "number", "stages"):
            name = key
            key = (lambda a: getattr(a, name)) if isinstance(name, str) else name
            return self._result([a.row for a in sorted(self, key=key, reverse=not ascending)], inplace)
        codes = self.codes(key).astype(float)
        if COLUMNS[key].kind == "stages":
            codes[codes < 0] = np.nan
        return self._result(self.rows[np.argsort(codes if ascending else -codes, kind="stable")], inplace)

    def shuffle(self, inplace: bool = False) -> "ArrayAgentSet":
        """In random order (model.random, as in Mesa)."""
        rows = self.rows.tolist()
        self.random.shuffle(rows)
        return self._result(rows, inplace)

    def groupby(self, by, result_type: str = "agentset") -> GroupBy:
        """Groups by attribute or function, in the order in which they first appear, as in Mesa."""
        if not callable(by) and by in COLUMNS:
            codes, first, place = np.unique(self.codes(by), return_index=True, return_inverse=True)
            kind = COLUMNS[by].kind
            keys = codes.tolist() if kind in ("flag", "number") else getattr(self.model.columns, kind)[codes].tolist()
            groups = {keys[k]: self.rows[place == k] for k in np.argsort(first)}
        else:
            groups = {}
            for agent in self:
                groups.setdefault(by(agent) if callable(by) else getattr(agent, by), []).append(agent.row)
        sets = {key: ArrayAgentSet(self.model, rows) for key, rows in groups.items()}
        return ArrayGroupBy(sets if result_type == "agentset" else {key: list(found) for key, found in sets.items()})

    def _result(self, rows, inplace: bool) -> "ArrayAgentSet":
        if not inplace:
            return ArrayAgentSet(self.model, rows)
        self._change().rows = np.asarray(rows, np.int64)
        return self

    def _update(self, agents) -> "ArrayAgentSet":
        return self._result([agent.row for agent in agents], inplace=True)

    def _change(self) -> "ArrayAgentSet":
        if self.fixed:
            raise TypeError("model.agents is the village itself and cannot be changed; change a copy: model.agents.copy()")
        return self

    # -------------------------------------------------------------- the agents themselves

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self):
        views = self.model.views
        return iter([views[row] for row in self.rows.tolist()])

    def __contains__(self, agent) -> bool:
        return isinstance(agent, Person) and agent.model is self.model and bool((self.rows == agent.row).any())

    def __getitem__(self, item):
        if isinstance(item, slice):
            return list(ArrayAgentSet(self.model, self.rows[item]))
        return self.model.views[self.rows[item]]

    def to_list(self) -> list[Person]:
        return list(self)

    def do(self, method, *args, **kwargs) -> "ArrayAgentSet":
        """Call a method (by name) or a function on each agent; returns the set."""
        self.map(method, *args, **kwargs)
        return self

    def shuffle_do(self, method, *args, **kwargs) -> "ArrayAgentSet":
        self.shuffle().map(method, *args, **kwargs)
        return self

    def map(self, method, *args, **kwargs) -> list:
        """Call a method (by name) or a function on each agent; returns the results."""
        if isinstance(method, str):
            return [getattr(agent, method)(*args, **kwargs) for agent in self]
        return [method(agent, *args, **kwargs) for agent in self]

    # -------------------------------------------------------------- set algebra, copies

    def add(self, agent) -> None:
        self._change()
        if agent not in self:
            self.rows = np.append(self.rows, agent.row)

    def discard(self, agent) -> None:
        self._change()
        if agent in self:
            self.rows = self.rows[self.rows != agent.row]

    def remove(self, agent) -> None:
        if agent not in self:
            raise KeyError(agent)
        self.discard(agent)

    def _others(self, other) -> np.ndarray:
        return other.rows if isinstance(other, ArrayAgentSet) else np.array([agent.row for agent in other], np.int64)

    def __and__(self, other) -> "ArrayAgentSet":
        return ArrayAgentSet(self.model, self.rows[np.isin(self.rows, self._others(other))])

    def __sub__(self, other) -> "ArrayAgentSet":
        return ArrayAgentSet(self.model, self.rows[~np.isin(self.rows, self._others(other))])

    def __or__(self, other) -> "ArrayAgentSet":
        more = self._others(other)
        return ArrayAgentSet(self.model, np.concatenate([self.rows, more[~np.isin(more, self.rows)]]))

    def copy(self) -> "ArrayAgentSet":
        return ArrayAgentSet(self.model, self.rows)

    __copy__ = copy

    def __getstate__(self) -> dict:
        return self.__dict__

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,}>"


#: the three kinds, by role code
TYPES = (Worker, Leader, PerisaiAgent)
