"""Is the model what it says? The production kernel in limiting settings against mathematics, reference runs and hand calculation.

    verify()                        all checks, as a table; those that need data look at ../shared/data beside the repository
    verify(Path("my/data"))         the folder that holds ndlib_reference/ and bcdj_microfinance/ (see their READMEs)

A check is a line of CHECKS: a function without choices that plays the kernel (checks/worlds.py) and says what was expected and what
came. No check has a model of its own. What the data are missing for is skipped and said so; it counts neither as passed nor as failed.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from experiments.checks import beliefs, microfinance, mixing, money, ndlib, worlds
from experiments.screens.words import text
from simulation.parameters import InputError

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COLUMNS = ["check", "expected", "got", "tolerance", "unit", "runs", "seed", "passed", "note", "source"]


class Check(NamedTuple):
    """One line of the table. `run` gives a worlds.Found; where `needs` names files below the data folder, it takes that folder."""

    name: str
    run: Callable
    source: str
    needs: tuple[str, ...] = ()


BASS = "Bass 1969"
MIXING = "chain binomial of Reed and Frost, exact"
KESTEN = "Kesten 1980: the point is 1/2, and self-dual there"
GIANT = "Newman, Strogatz and Watts 2001: s = 1 - (1 - s0) exp(-c p s)"
ODD = "README of the model, 7.2"
NDLIB = "Rossetti et al. 2018: NDlib 5.1.1"
BANERJEE = "Banerjee et al. 2013, doi:10.1126/science.1236498"
BOOKS = "by hand, checks/money.py"
PERISAI = "by hand; rules S23, S29"
EXACT = tuple(f"{ndlib.FOLDER}/{file}" for file in ("graphs.csv", "seeds.csv", "golden_deterministic.csv"))
CARLO = (*EXACT[:2], f"{ndlib.FOLDER}/golden_montecarlo.csv")
VILLAGES = tuple(f"{microfinance.FOLDER}/{file}" for file in ("households.csv", "edges.csv", "panel_takeup.csv"))


def exact(name: str, model: str) -> Check:
    return Check(f"{name}, node for node", partial(ndlib.node_for_node, model=model), NDLIB, EXACT)


def carlo(name: str, starts: str, model: str) -> Check:
    return Check(name, partial(ndlib.monte_carlo, starts=starts, model=model), NDLIB, CARLO)


CHECKS = (
    Check("Bass, exact recursion", mixing.bass_exact, MIXING),
    Check("Bass, closed form", mixing.bass_closed, BASS),
    Check("logistic, exact recursion", mixing.logistic_exact, MIXING),
    Check("logistic, closed form", mixing.logistic_closed, "Verhulst 1838"),
    Check("percolation at the point, square lattice", mixing.crossing, KESTEN),
    Check("percolation below the point, random network", partial(mixing.outbreak, 0.6), GIANT),
    Check("percolation above the point, random network", partial(mixing.outbreak, 1.6), GIANT),
    exact("threshold", "ThresholdModel"),
    exact("threshold, two ties needed", "GeneralThresholdModel"),
    exact("threshold, Kertesz", "KerteszThresholdModel"),
    exact("threshold, profile 0", "ProfileThresholdModel"),
    exact("SI, certain", "SIModel"),
    exact("independent cascade, certain", "IndependentCascadesModel"),
    carlo("SI", "si_b05_tp1", "SIModel"),
    carlo("SI, however many ties", "si_b05_tp0", "SIModel"),
    carlo("SIR", "sir_", "SIRModel"),
    carlo("independent cascade, p .05", "ic_p05", "IndependentCascadesModel"),
    carlo("independent cascade, p .15", "ic_p15", "IndependentCascadesModel"),
    carlo("profile .8", "profile_08", "ProfileModel"),
    carlo("profile .9 and adoption from outside", "profile_09", "ProfileModel"),
    carlo("threshold and profile", "profthr_", "ProfileThresholdModel"),
    carlo("threshold and adoption from outside", "kertesz_a02_b0_", "KerteszThresholdModel"),
    carlo("the same, a fifth blocked", "kertesz_a02_b20_", "KerteszThresholdModel"),
    Check("understanding by sessions", partial(beliefs.taught, "session", 0.43), ODD),
    Check("understanding by talks", partial(beliefs.taught, "talk", 0.4), ODD),
    Check("understanding by kits", partial(beliefs.taught, "kit", 0.03), ODD),
    Check("understanding by media", partial(beliefs.taught, "media", 0.01), ODD),
    Check("understanding by a leader's word", beliefs.told, ODD),
    Check("understanding by membership", beliefs.learned, ODD),
    Check("misbelief cleared by a session", beliefs.cleared, ODD),
    Check("trust after claims paid", partial(beliefs.claims_seen, False), ODD),
    Check("trust after claims refused", partial(beliefs.claims_seen, True), ODD),
    Check("trust after talk of the disappointed", beliefs.soured, ODD),
    Check("microfinance, all villages but 48", microfinance.takeup, BANERJEE, VILLAGES),
    Check("ledger: costs and contributions", money.costs, BOOKS),
    Check("ledger: free months", money.free_months, BOOKS),
    Check("ledger: a part subsidized", money.partial_subsidy, BOOKS),
    Check("ledger: paid by the village", money.sponsored, BOOKS),
    Check("ledger: relief by decree", money.relief, BOOKS),
    Check("ledger: budget binds", money.budget, BOOKS),
    Check("Perisai 2018, 50 new members", money.perisai_2018_bonus, PERISAI),
    Check("Perisai 2018, 49 new members", money.perisai_2018_below, PERISAI),
    Check("Perisai 2022, 25 new members, 65 months", money.perisai_2022, PERISAI),
    Check("Perisai 2022, 24 new members", money.perisai_2022_below, PERISAI),
    Check("Perisai struck off and back", money.struck_off, "by hand; S26, S31"),
)


def verify(data: Path | None = None, progress: Callable | None = None, checks: Iterable[Check] = CHECKS):
    """Run the checks; a pandas.DataFrame with COLUMNS, a row a check, in the order of the table.

    data: folder of the reference data (DATA where absent); progress: told (done, total, name of the next check). `passed` is True, False
    or, where the data are missing, NA. Raises InputError where `data` is given and is no folder.
    """
    import pandas as pd

    if data is not None and not Path(data).is_dir():
        raise InputError(f"--data {data}: no such folder; needed: one that holds {ndlib.FOLDER}/ and {microfinance.FOLDER}/")
    checks, rows = list(checks), []
    for done, check in enumerate(checks):
        if progress:
            progress(done, len(checks), check.name)
        rows.append(row(check, DATA if data is None else Path(data)))
    if progress:
        progress(len(checks), len(checks), "")
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"expected": float, "got": float, "tolerance": float, "runs": "Int64", "seed": "Int64", "passed": "boolean"})


def row(check: Check, data: Path) -> dict:
    """One check as a line of the table."""
    missing = [name for name in check.needs if not (data / name).is_file()]
    if missing:
        return {"check": check.name, "note": text("verify_missing", file=data / missing[0]), "source": check.source}
    found = check.run(data) if check.needs else check.run()
    told = {name: getattr(found, name) for name in ("expected", "got", "tolerance", "unit", "runs", "passed", "note")}
    return {"check": check.name, "seed": worlds.SEED, "source": check.source} | told
