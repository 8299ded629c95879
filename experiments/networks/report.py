"""A network fit as tables for the screen, as files, and as a part of the evidence page.

    save(network_fit(), Path("out/networks"))      # scores.csv, differences.csv, influence.csv, rates.csv, curves.csv, networks.png, page.md
"""

from pathlib import Path

TABLES = ("scores", "differences", "influence", "rates", "curves")


def save(fit, folder: Path) -> Path:
    """All tables, the figure and the part of the evidence page."""
    from experiments.networks import figure

    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        getattr(fit, name).to_csv(folder / f"{name}.csv", index=False)
    figure.save(fit, folder / "networks.png")
    (folder / "page.md").write_text(page(fit), encoding="utf-8")
    return folder


def parts(fit) -> list:
    """Tables for the terminal: scores, the differences that are shown, influence, passing rates, what was skipped."""
    from experiments.screens.tables import grid

    heads, rows = scores(fit)
    out = [grid("Villages left out: log-loss, curve error", heads, rows, heads[2:])] if rows else []
    heads, rows = differences(fit)
    out += [grid("Network less the best baseline (negative: better)", heads, rows, heads[3:5])] if rows else []
    heads, rows = influence(fit)
    out += [grid("Is there influence?", heads, rows, heads[2:4])] if rows else []
    return [*out, *fit.notes]


def scores(fit) -> tuple[list[str], list[tuple]]:
    """A row a set: log-loss and curve error of each model."""
    rows = []
    for name, part in fit.scores.groupby("set", sort=False):
        by = part.set_index("model")
        told = [f"{by.loc[model, 'log_loss']:.4f} / {by.loc[model, 'curve_error']:.4f}" for model in by.index]
        rows.append((name, int(part["villages"].iloc[0]), *told))
    models = list(fit.scores["model"].unique()) if len(fit.scores) else []
    return ["set", "villages", *models], rows


def differences(fit) -> tuple[list[str], list[tuple]]:
    """Against the best baseline of each set and score."""
    rows = [
        (r.set, r.score, r.baseline, f"{r.difference:+.4f}", f"{r.low:+.4f} to {r.high:+.4f}", r.verdict)
        for r in fit.differences.itertuples()
        if r.best
    ]
    return ["set", "score", "best baseline", "difference", "95 % interval", "verdict"], rows


def influence(fit) -> tuple[list[str], list[tuple]]:
    rows = [(r.set, r.held, f"{r.z:+.1f}", f"{r.p:.4f}", "found" if r.found else "none found") for r in fit.influence.itertuples()]
    return ["set", "held", "z", "p", "influence"], rows


def page(fit) -> str:
    """The part of the evidence page."""

    def table(heads, rows) -> str:
        lines = ["| " + " | ".join(map(str, heads)) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
        return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])

    words = (
        "## Real diffusion: villages left out\n\nThe kernel's rule of hearing, fitted to real adoption on real networks and asked for villages that it has not seen: log-loss, and error of the "
        "adoption curve that the production kernel plays. Baselines: covariates only, pooled hazard, pooled Bass. The data are not part of the repository (`--data DIR`)."
    )
    after = (
        "The influence test compares exposure at adoption with what it is when people change places within their village (2,000 permutations, one-sided; village, period and the number named are "
        f"held). Seed {fit.seed}."
    )
    skipped = "\n".join(f"* {note}" for note in fit.notes)
    return "\n\n".join(
        filter(None, [words, table(*scores(fit)), table(*differences(fit)), after, table(*influence(fit)), skipped, "![Networks](evidence/networks/networks.png)"])
    )
