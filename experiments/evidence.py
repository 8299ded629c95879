"""The page that says how far to trust the model: experiments/EVIDENCE.md, made from results that lie beside it.

    sadar evidence                    the page again, from experiments/evidence/
    sadar evidence --collect          everything again first: verify, trials, left-out, reserve, networks, cases (about half an hour)

Every number on the page comes from a file in experiments/evidence/ that names seed, draws and code version; the explanations of misses are
written by hand in misses.toml. Nothing measured is left out, misses included.
"""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from experiments.screens.words import speaking

HERE = Path(__file__).resolve().parent
FOLDER, PAGE = HERE / "evidence", HERE / "EVIDENCE.md"
#: what has no trial anywhere: their effects are predictions from mechanisms
MECHANISM_ONLY = {
    "Perisai agents": "no randomized evidence; 114 members per active agent in ten months of 2018 is all there is",
    "waste-bank payment": "nearest is a premium taken at the sale of the cane (KE-CANE-1)",
    "village or regency regulation": "no trial; the worth of a service to the worker is a guess",
    "claims handled faster, complaint desk": "no experiment on late or refused claims",
    "banners, gates, social media": "no trial of mass media for insurance",
    "collective enrollment of a group": "funeral groups in Ethiopia raised demand, size not known (ET-IDDIR)",
}


def collect(progress: Callable[[str], None] | None = None, *, draws: int = 200, seed: int = 1, processes: int | None = None) -> None:
    """Run everything the page tells, but calibration, and keep it in experiments/evidence/."""
    with speaking("en"):  # as the page
        _collect(progress or (lambda what: None), draws, seed, processes)


def _collect(told: Callable[[str], None], draws: int, seed: int, processes: int | None) -> None:
    from experiments.cases import cases
    from experiments.network_fit import network_fit
    from experiments.networks.report import save
    from experiments.screens.figure_cases import save_cases
    from experiments.trials import reserve, trials
    from experiments.verify import DATA, verify

    FOLDER.mkdir(exist_ok=True)
    told("verify")
    verify().to_csv(FOLDER / "verify.csv", index=False)
    for name, options in {"trials": {}, "left_out": {"left_out": True}, "reserve": {"names": reserve()}}.items():
        told(name)
        scores = trials(draws=draws, seed=seed, processes=processes, **options)
        scores.save(FOLDER / name)
    told("cases")
    table = cases(replicates=draws, seed=seed, processes=processes)
    table.to_csv(FOLDER / "cases.csv", index=False)
    save_cases(table, FOLDER / "cases.png")
    if DATA.is_dir():  # elsewhere the fit of the last time stays
        told("networks")
        save(network_fit(seed=seed), FOLDER / "networks")


def write() -> Path:
    """Make the page from what is there."""
    PAGE.write_text(page(), encoding="utf-8")
    return PAGE


def page() -> str:
    """The page as text."""
    parts = [_head(), _short(), _verified(), _predicted(), _reserve(), _misses(), _calibrated(), _networks(), _cases(), _only_mechanism(), _forecast(), _again()]
    return "\n\n".join(part for part in parts if part) + "\n"


# ------------------------------------------------------------------ sections


def _head() -> str:
    return (
        "# How far to trust Sadar\n\nThis page is made by `sadar evidence` from the files in `experiments/evidence/`; do not edit it. Simulated "
        "numbers carry the middle 95 % of draws (behavior, open context and luck), measured ones their standard error. *Left out* means: "
        "predicted with a behavior calibrated without any trial of that study."
    )


def _short() -> str:
    found = {name: _read(f"{name}/summary.csv") for name in ("trials", "left_out")}
    if any(table is None for table in found.values()):
        return ""
    lines = ["## In short", ""]
    for name, words in (("left_out", "each study predicted by a behavior that has not seen it"), ("trials", "all studies used")):
        row = found[name].iloc[-1]
        lines.append(
            f"* {words[0].upper() + words[1:]}: mean absolute error of {row['effects']:.0f} effects **{100 * row['mae']:.1f} points** (no effect "
            f"{100 * row['mae_zero']:.1f}, same lever elsewhere {100 * row['mae_same_lever']:.1f}, logit {100 * row['mae_logit']:.1f}); signs right "
            f"{row['sign_share']:.0%} of {row['signs']:.0f}; {row['within_2']:.0f} of {row['measured']:.0f} numbers within |z| 2; "
            f"{row['inside_share']:.0%} inside the simulated 95 %; nulls hold {row['null_share']:.0%} of {row['nulls']:.0f}."
        )
    lines += ["* Perisai, waste bank and regulation have no trial: what the model says of them is mechanism, not evidence.", "", "![Forest of trials](evidence/trials/forest.png)"]
    return "\n".join(lines)


def _verified() -> str:
    table = _read("verify.csv")
    if table is None:
        return ""
    done = table[table["passed"].notna()]
    passed = done["passed"].astype(str).str.lower().eq("true")
    rows = [(r.check, f"{r.expected:.4g}", f"{r.got:.4g}", f"{r.tolerance:.2g}", "passed" if ok else "FAILED", r.source) for r, ok in zip(done.itertuples(), passed)]
    head = f"## Verified: the kernel is what it says\n\n{passed.sum()} of {len(done)} checks pass; {len(table) - len(done)} were skipped for want of data."
    return head + "\n\n<details><summary>All checks</summary>\n\n" + _table(["check", "expected", "got", "tolerance", "", "source"], rows) + "\n\n</details>"


def _predicted() -> str:
    seen, left = _read("trials/scores.csv"), _read("left_out/scores.csv")
    if seen is None or left is None:
        return ""
    blind = left.set_index(["trial", "id"])
    rows = []
    for r in seen.itertuples():
        b = blind.loc[(r.trial, r.id)]
        rows.append((r.id, r.text, r.grade, _measured(r), _simulated(b), _number(b["z_3"]), _simulated(r), _number(r.z_3), "yes" if r.calibrated else "no"))
    heads = ["row", "what", "grade", "measured (SE)", "left out: simulated [95 %]", "z", "all used: simulated [95 %]", "z", "calibrated"]
    about = json.loads((FOLDER / "trials" / "provenance.json").read_text())
    words = (
        f"## Predicted: field trials\n\nOnly the control arm (or the level named in the trial's file) is fitted, in every draw. z takes the measured standard error, the spread of "
        f"draws and 3 points of between-context error. {about['draws']} draws, seed {about['seed']}, posterior {about['posterior']}, code {about['code']}."
    )
    return "\n\n".join([words, _table(heads, rows), _studies("left_out", "Left out, by study"), _studies("trials", "All used, by study")])


def _studies(name: str, title: str) -> str:
    table = _read(f"{name}/summary.csv")
    names = ["mae", "mae_zero", "mae_same_lever", "mae_logit"]
    rows = [
        (r["study"], int(r["measured"]), *(_points(r[n]) for n in names), _number(r["mean_abs_z_0"]), _number(r["mean_abs_z_3"]), _number(r["mean_abs_z_5"]), _percent(r["inside_share"]),
         _percent(r["sign_share"]), _number(r["rank_correlation"]))
        for r in table.to_dict("records")
    ]  # fmt: skip
    heads = ["study", "numbers", "error", "no effect", "same lever", "logit", "mean abs z, tau 0", "tau 3", "tau 5", "inside 95 %", "signs right", "rank correlation"]
    return f"**{title}** (errors: mean absolute, percentage points)\n\n" + _table(heads, rows)


def _reserve() -> str:
    table = _read("reserve/scores.csv")
    if table is None:
        return ""
    rows = [(r.id, r.text, r.role, r.grade, _measured(r), _simulated(r), _judged(r)) for r in table.itertuples()]
    all_ = _read("reserve/summary.csv").iloc[-1]
    words = (
        "## Kept in reserve: orderings, signs and nulls\n\nCalibration never sees these. A sign counts where the paper reports one; a null stands when the simulated effect stays within 3 points. "
        f"Signs right {all_['sign_share']:.0%} of {all_['signs']:.0f}; nulls hold {all_['null_share']:.0%} of {all_['nulls']:.0f}; {all_['within_2']:.0f} of {all_['measured']:.0f} numbers within |z| 2. "
        f"Mean absolute error of {all_['effects']:.0f} effects and nulls {100 * all_['mae']:.1f} points (no effect {100 * all_['mae_zero']:.1f}, same lever elsewhere "
        f"{100 * all_['mae_same_lever']:.1f}, logit {100 * all_['mae_logit']:.1f})."
    )
    return f"{words}\n\n{_table(['row', 'what', 'role', 'grade', 'measured (SE)', 'simulated [95 %]', 'verdict'], rows)}"


def _misses() -> str:
    path = FOLDER / "misses.toml"
    told = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    seen, left = _read("trials/scores.csv"), _read("left_out/scores.csv")
    if seen is None or left is None:
        return ""
    bad = [i for table in (seen, left) for i in table.loc[table["z_3"].abs() > 2, "id"]]
    lines = ["## What it misses, and why", "", "Numbers outside |z| 2 with all studies used or with the study left out:", ""]
    for name in dict.fromkeys(bad):
        z = [table.loc[table["id"] == name, "z_3"].iloc[0] for table in (seen, left)]
        lines.append(f"* **{name}** (z {z[0]:+.1f}, left out {z[1]:+.1f}): {told.get('row', {}).get(name, 'not explained yet')}")
    lines += [f"* {text}" for text in told.get("general", [])]
    return "\n".join(lines)


def _calibrated() -> str:
    path = FOLDER / "calibration.json"
    if not path.is_file():
        return ""
    told = json.loads(path.read_text())
    rows = [(r["key"], f"{r['prior_median']:.3g}", f"{r['median']:.3g}", f"{r['low']:.3g} to {r['high']:.3g}", _percent(r["contraction"]), r["verdict"]) for r in told["parameters"]]
    cover = told["coverage"]
    words = (
        f"## Calibrated: what the trials say of behavior\n\n{told['about']['method']}. {told['about']['numbers']} numbers of {len(told['about']['trials'])} trials, "
        f"{sum(told['about']['waves'])} simulated rows, seed {told['about']['seed']}, {told['about']['minutes']} minutes. Contraction: share of the prior variance that the data took away.\n\n"
        f"In {cover['worlds']} synthetic worlds 90 % intervals cover the planted truth in **{cover['overall']:.1%}** ({cover['interval'][0]:.1%} to {cover['interval'][1]:.1%}); "
        f"among parameters that the data inform in that world {cover['informed']:.1%} ({cover['informed_interval'][0]:.1%} to {cover['informed_interval'][1]:.1%}, {cover['informed_count']} pairs)."
    )
    unknown = [r["key"] for r in told["parameters"] if r["verdict"].startswith("not identified")]
    after = "**Not identified by these data** (their posterior is their prior, and every result carries that width): " + ", ".join(f"`{key}`" for key in unknown) + "."
    pairs = [f"`{a}` with `{b}` ({r:+.2f})" for a, b, r in told.get("pairs", [])]
    linked = "Only together identified: " + ", ".join(pairs) + "." if pairs else ""
    return "\n\n".join(filter(None, [words, _table(["parameter", "prior median", "posterior median", "90 % interval", "contraction", ""], rows), after, linked]))


def _networks() -> str:
    path = FOLDER / "networks" / "page.md"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def _cases() -> str:
    table = _read("cases.csv")
    if table is None:
        return ""
    rows = []
    for r in table.itertuples():
        share = r.measure == "understanding"
        show = (lambda x: f"{x:.2f}") if share else (lambda x: f"{x:,.0f}")
        seen = "words only" if r.observed != r.observed else show(r.observed)
        picked = "" if r.picked_median != r.picked_median else f"{show(r.picked_median)} [{show(r.picked_low)} to {show(r.picked_high)}]"
        rows.append((r.case, r.measure, r.date, seen, f"{show(r.median)} [{show(r.low)} to {show(r.high)}]", picked, _yes(r.inside), _yes(r.within), r.text))
    words = (
        "## The five cases\n\nNothing was fitted to them. Lerep and Hessa are the best two of the 201 villages of 2018, so they are held against the second best of 201 simulated villages "
        "of their kind; the others against an ordinary draw."
    )
    heads = ["case", "measure", "date", "reported", "simulated [95 %]", "second best of 201 [95 %]", "inside", "within tolerance", "what was reported"]
    return f"{words}\n\n{_table(heads, rows)}\n\n![Cases](evidence/cases.png)"


def _only_mechanism() -> str:
    rows = list(MECHANISM_ONLY.items())
    return "## Only mechanism\n\nNo trial anywhere tests these; the model's effects follow from its rules and graded guesses.\n\n" + _table(["lever", "what there is"], rows)


def _forecast() -> str:
    folder = HERE.parent / "scenarios" / "trials" / "forecasts"
    found = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not found:
        return ""
    lines = ["## Forecast of a trial in the field", ""]
    for path in found:
        told = json.loads(path.read_text(encoding="utf-8"))
        lines.append(f"* {told['title']}: [{path.stem}](../scenarios/trials/forecasts/{path.stem}.md), made on {told['date']}, SHA-256 `{told['sha256']}`.")
    return "\n".join(lines)


def _again() -> str:
    return (
        "## Again\n\n`make evidence` makes everything on this page again, calibration included; seeds stand in the files. "
        "A trial of your own: `sadar trials path/to/trial.toml`."
    )


# ------------------------------------------------------------------ cells


def _read(name: str):
    path = FOLDER / name
    return pd.read_csv(path, keep_default_na=False, na_values=[""]) if path.is_file() else None  # "null" is a role, not a gap


def _table(heads, rows) -> str:
    cell = lambda x: str(x).replace("|", "/").replace("\n", " ")  # noqa: E731
    lines = ["| " + " | ".join(map(cell, heads)) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
    return "\n".join(lines + ["| " + " | ".join(map(cell, row)) + " |" for row in rows])


def _value(x: float, unit: str) -> str:
    return "" if x != x else f"{x:.2f}" if unit == "ratio" else f"{100 * x:+.1f}"


def _measured(r) -> str:
    return "sign only" if r.measured != r.measured else f"{_value(r.measured, r.unit)} ({_value(r.se, r.unit).lstrip('+')})"


def _simulated(r) -> str:
    unit = r["unit"] if isinstance(r, pd.Series) else r.unit
    x, low, high = (r["simulated"], r["low"], r["high"]) if isinstance(r, pd.Series) else (r.simulated, r.low, r.high)
    return f"{_value(x, unit)} [{_value(low, unit)} to {_value(high, unit)}]"


def _judged(r) -> str:
    told = []
    for flag, good, bad in ((r.sign_right, "sign right", "SIGN WRONG"), (r.null_holds, "null holds", "NULL BROKEN"), (r.inside, "inside", "outside")):
        if flag == flag and flag is not None:
            told.append(good if str(flag) == "True" else bad)
    return ", ".join(told)


def _yes(flag) -> str:
    return "" if flag != flag or flag is None else "yes" if str(flag) == "True" else "NO"


def _number(x: float) -> str:
    return "" if x != x else f"{x:.1f}"


def _points(x: float) -> str:
    return "" if x != x else f"{100 * x:.1f}"


def _percent(x: float) -> str:
    return "" if x != x else f"{x:.0%}"
