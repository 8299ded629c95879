"""`EnrollmentModel`: the village as a Mesa model. A thin front on `world`: the same kernel, the same digits.

A run without looking at agents makes none: `agents`, `grid` and `views` come into being when asked for.
"""

import datetime as dt
import difflib
import inspect
import math
import operator
from functools import cached_property, partial
from types import SimpleNamespace

import numpy as np
from mesa.datacollection import DataCollector
from mesa.discrete_space import Cell, Network
from mesa.model import Model

from simulation import world
from simulation.agents import COLUMNS, TYPES, ArrayAgentSet, Person, columns_of
from simulation.parameters import AgentsMechanism, Campaign, ContactMechanism, Cost, Lever, Parameters, Scheme, SchemeRule, Village
from simulation.stages import ACTIVE, PAID_OWN, REGISTERED, LeaderKind, Stage, TieKind


def default_parameters() -> Parameters:
    """A small village to play with: 400 workers, 2018 to 2019, the scheme's rules of 2018, one Perisai and a monthly session.

    Numbers and sources are those of scenarios/schemes/bpu.toml (rule of 2017) and scenarios/levers.toml; real villages
    and campaigns are read from scenario files.
    """
    rule = SchemeRule(
        start=dt.date(2017, 1, 1), price_rp=16_800, death_benefit_rp=24_000_000, waiting_months=0, waiting_benefit_rp=24_000_000,
        accident_claim_rp=8_000_000, grace_months=3, relief_share=0.0,
        agent_bonus_members=50, agent_bonus_rp=500_000, agent_per_member_rp=0, agent_early_bp=750, agent_late_bp=0,
        agent_early_months=600, agent_late_months=600, agent_idle_months=3, agent_return_months=6,
    )  # fmt: skip
    session = Lever(
        name="session", start=dt.date(2018, 2, 1), contact=ContactMechanism(channel="session", attendance=50, every_weeks=4, events=6),
        cost=Cost(event_rp=2_850_000, contact_rp=27_500),
    )  # fmt: skip
    perisai = Lever(name="perisai", start=dt.date(2018, 2, 1), payer="scheme", agents=AgentsMechanism(number=1))
    return Parameters(
        start=dt.date(2018, 1, 1), until=dt.date(2020, 1, 1), village=Village(title="Desa kecil", workers=400),
        scheme=Scheme(rules=[rule]), campaign=Campaign(title="a session a month and one Perisai", levers=[session, perisai]),
    )  # fmt: skip


class EnrollmentModel(Model):
    """The village under its campaign, one step a week (of `limits.step_days`), the burn-in done.

    parameters: simulation.parameters.Parameters; absent: `default_parameters()`.
    rng: the whole number that seeds the run (Mesa's name; absent: 0). `seed` is accepted in its place.
    replicate: number of the replicate; (rng, replicate) is the Philox key, each from 0 to 2**32 - 1.
    collect: fill `datacollector` with the counts of the village at the start and after each step.
    agent_reporters: also keep these of each agent, as Mesa's DataCollector takes them (name: attribute or function).
        An attribute that a kind of agent does not have is None. Two of them cost as much as forty steps: for small
        villages, or a few steps.

    The simulation draws from its own streams: `model.random` and `model.rng` are free for what a user adds, and do not
    change a digit. With `mesa.batch_run`, put Parameters in a list ({"parameters": [p], "replicate": range(10)}): Mesa
    would walk through a bare one. Mesa 3.3's batch_run leaves out the last state of a model that stops by itself: let
    `until` lie a step later.
    """

    def __init__(self, *, parameters: Parameters | None = None, rng: int | None = None, replicate: int = 0, seed: int | None = None,
                 collect: bool = True, agent_reporters: dict | None = None):  # fmt: skip
        key = _seed(rng, seed)
        built = world.build(parameters or default_parameters(), key, replicate)
        super().__init__(rng=key)
        self.world, self.running = built, built.running
        self.collect = collect or bool(agent_reporters)
        self.datacollector = Collector(
            model_reporters={"date": "date"} | {name: partial(_counted, name) for name in COUNTS},
            agent_reporters={name: _reporter(what) for name, what in (agent_reporters or {}).items()},
        )
        if self.collect:
            self.datacollector.collect(self)

    # -------------------------------------------------------------- time

    def step(self) -> None:
        """One step of the village. After the end nothing happens."""
        runs = self.world.running
        self.world.advance(self.world.week + 1)
        self.steps = self.world.week - self.world.calendar.burn_in
        self.running = self.world.running
        if runs and self.collect:
            self.datacollector.collect(self)

    def run_until(self, until: dt.date | int | None = None) -> None:
        """Step until every step that begins before a date is done, or until `steps` reaches a count; absent: to the end."""
        last = self.world.calendar.steps
        if isinstance(until, dt.date):
            day = until.date() if isinstance(until, dt.datetime) else until
            last = self.world.calendar.week_of(day)
        elif until is not None:
            last = self.world.calendar.burn_in + math.ceil(until)
        while self.running and self.world.week < last:
            self.step()

    @property
    def week(self) -> int:
        """Steps done, burn-in included: the number of the step that comes next, as in the kernel's tables."""
        return self.world.week

    @property
    def date(self) -> dt.date:
        """First day of the step that comes next; after the last step, the day on which the next would begin."""
        calendar = self.world.calendar
        width = dt.timedelta(days=self.world.parameters.limits.step_days)
        return calendar.dates[self.week] if self.week < calendar.steps else calendar.dates[-1] + width

    @property
    def parameters(self) -> Parameters:
        return self.world.parameters

    # -------------------------------------------------------------- counts

    @property
    def totals(self) -> dict[str, int]:
        """Workers registered, active (cover in force), paying out of the own pocket, and by stage: counted from the states."""
        workers = self.world.village.workers
        marks = np.array(workers["marks"])
        stages = np.bincount(workers["stage"], minlength=len(Stage)).tolist()
        counts = [int(np.count_nonzero((marks & bits) == bits)) for bits in (REGISTERED, ACTIVE, ACTIVE | PAID_OWN)]
        return dict(zip(COUNTS, counts + stages, strict=True))

    @property
    def registered(self) -> int:
        """Workers who have ever registered (newcomers start anew)."""
        return self.totals["registered"]

    @property
    def active(self) -> int:
        """Workers with cover in force."""
        return self.totals["active"]

    @property
    def paying(self) -> int:
        """Workers with cover in force whose last contribution was their own."""
        return self.totals["paying"]

    @property
    def stage_counts(self) -> dict[Stage, int]:
        totals = self.totals
        return {stage: totals[stage.name.lower()] for stage in Stage}

    # -------------------------------------------------------------- agents

    @cached_property
    def columns(self) -> SimpleNamespace:
        """The tables as plain columns (see agents.columns_of); made when agents are first asked for."""
        return columns_of(self.world)

    @cached_property
    def views(self) -> list[Person]:
        """One view per row of workers, leaders and Perisai; made once, on first iteration, and kept."""
        return [TYPES[role](self, row) for row, role in enumerate(self.columns.role.tolist())]

    @cached_property
    def _everybody(self) -> ArrayAgentSet:
        return ArrayAgentSet(self, np.arange(self.columns.people), fixed=True)

    @property
    def agents(self) -> ArrayAgentSet:
        """Workers, then leaders, then Perisai."""
        return self._everybody

    @property
    def agents_by_type(self) -> dict[type, ArrayAgentSet]:
        sets = {kind: self.agents.select(agent_type=kind) for kind in TYPES}
        return {kind: found for kind, found in sets.items() if len(found)}

    @property
    def agent_types(self) -> list[type]:
        return list(self.agents_by_type)

    def register_agent(self, agent) -> None:
        raise TypeError("the people of an EnrollmentModel live in its tables; agents of your own need a model of their own")

    # -------------------------------------------------------------- space

    @cached_property
    def graph(self):
        """The ties among `agents`, a networkx.Graph: nodes 0, 1, ... (rows) with `pos`, edges with `kind` (bonding ...)."""
        import networkx as nx  # takes a tenth of a second; Mesa 3.3 does without

        network, people = self.world.network, self.columns.people
        source = np.repeat(np.arange(len(network.indptr) - 1), np.diff(network.indptr))
        keep = (source < network.indices) & (network.indices < people)
        names = [kind.name.lower() for kind in TieKind]
        graph = nx.Graph()
        graph.add_nodes_from((row, {"pos": tuple(place)}) for row, place in enumerate(positions(self.columns).tolist()))
        ends = zip(source[keep].tolist(), network.indices[keep].tolist(), network.kind[keep].tolist())
        graph.add_edges_from((a, b, {"kind": names[kind]}) for a, b, kind in ends)
        return graph

    @cached_property
    def grid(self) -> "VillageNetwork":
        """Mesa's network space, one agent a cell; for Mesa's drawing, with `layout_alg=stored_layout`."""
        return VillageNetwork(self)

    @property
    def space(self) -> "VillageNetwork":
        return self.grid

    def __getstate__(self) -> dict:
        return {name: value for name, value in self.__dict__.items() if name != "columns"}


#: what `totals` and the data collector count
COUNTS = ["registered", "active", "paying", *(stage.name.lower() for stage in Stage)]


class Collector(DataCollector):
    """Mesa's collector; the village is counted once for all its reporters."""

    def collect(self, model) -> None:
        model.tally = model.totals
        super().collect(model)


def _counted(name: str, model: EnrollmentModel) -> int:
    return model.tally[name]


def _reporter(what):
    """A reporter for agents of all kinds: what a kind does not have is None, in every Mesa version."""
    if not isinstance(what, str):
        return what
    if not any(hasattr(kind, what) for kind in TYPES):
        near = difflib.get_close_matches(what, COLUMNS, 1)
        raise ValueError(f"agent_reporters: no agent has {what!r}{f', did you mean {near[0]!r}?' if near else ''}")
    return partial(_attribute, what)


def _attribute(name: str, agent: Person):
    return getattr(agent, name, None)


def _seed(rng, seed) -> int:
    if rng is not None and seed is not None and rng != seed:
        raise ValueError(f"rng={rng!r} and seed={seed!r} differ; give one of them")
    given = seed if rng is None else rng
    try:
        return 0 if given is None else operator.index(given)
    except TypeError:
        raise TypeError(f"rng is the whole number that seeds the run, got {given!r}") from None


# ------------------------------------------------------------------ space


class Place(Cell):
    """A cell that does not cache its neighborhoods: Mesa's cache would keep cell, agent and model alive for ever."""

    get_neighborhood = inspect.unwrap(Cell.get_neighborhood)
    _neighborhood = inspect.unwrap(Cell._neighborhood)

    def _clear_cache(self) -> None:
        self.__dict__.pop("neighborhood", None)


class VillageNetwork(Network):
    """Mesa's network space over the village's graph; cell number = row of the agent in it."""

    def __init__(self, model: EnrollmentModel):
        layout = {"layout": stored_layout} if "layout" in inspect.signature(Network.__init__).parameters else {}  # Mesa 3.5
        super().__init__(model.graph, capacity=1, random=model.random, cell_klass=Place, **layout)
        self.model = model
        for cell, view in zip(self._cells.values(), model.views, strict=True):
            cell.add_agent(view)

    @property
    def agents(self) -> ArrayAgentSet:
        return self.model.agents


def stored_layout(graph, **_ignored) -> dict[int, tuple[float, float]]:
    """The positions kept with the graph, as `layout_alg=` of Mesa's drawing: it would lay the graph out anew at every frame."""
    return dict(graph.nodes(data="pos"))


def positions(columns: SimpleNamespace) -> np.ndarray:
    """Where to draw each row, float64 (people, 2), unit: about the distance between neighbors.

    Communities are discs on a spiral round the village head, workers seeds of a sunflower in them (Vogel 1979), in row
    order; the community's head sits in the middle, religious and group leaders and Perisai on the rim.
    """
    golden = math.pi * (3.0 - math.sqrt(5.0))
    home, workers = columns.home, columns.home[: columns.first_leader]
    size = np.bincount(workers, minlength=int(home.max()) + 1)
    order = np.argsort(workers, kind="stable")
    seat = np.empty(columns.people, np.int64)
    seat[order] = np.arange(columns.first_leader) - (np.cumsum(size) - size)[workers[order]] + 1
    rest = np.arange(columns.people - columns.first_leader)
    seat[columns.first_leader :] = rest + 1
    radius = np.sqrt(seat)
    radius[columns.first_leader :] = np.sqrt(size)[home[columns.first_leader :]] + 1.0
    kinds = columns.world.people.leader_kind
    radius[columns.first_leader : columns.first_leader + len(kinds)][kinds == LeaderKind.COMMUNITY_HEAD] = 0.0
    spacing = 1.2 * (math.sqrt(size.max()) + 1.0)
    middle = spacing * np.sqrt(home + 1.0)
    out = np.stack([np.cos(golden * home), np.sin(golden * home)], axis=1) * middle[:, None]
    out += np.stack([np.cos(golden * seat), np.sin(golden * seat)], axis=1) * radius[:, None]
    out[columns.first_leader : columns.first_leader + len(kinds)][kinds == LeaderKind.VILLAGE_HEAD] = 0.0
    return out
