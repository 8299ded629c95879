"""A network fit as tables for the screen, as files, and as a part of the evidence page.

    save(network_fit(), Path("out/networks"))      # scores.csv, differences.csv, influence.csv, rates.csv, curves.csv, networks.png, page.md
"""

from pathlib import Path

from experiments.screens.names import named
from experiments.screens.words import form, speaking, text

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
    out = [grid(text("network_scores"), heads, rows, heads[2:])] if rows else []
    heads, rows = differences(fit)
    out += [grid(text("network_differences"), heads, rows, heads[3:5])] if rows else []
    heads, rows = influence(fit)
    out += [grid(text("network_influence"), heads, rows, heads[2:4])] if rows else []
    return [*out, *fit.notes]


def scores(fit) -> tuple[list[str], list[tuple]]:
    """A row a set: log-loss and curve error of each model."""
    rows = []
    for name, part in fit.scores.groupby("set", sort=False):
        by = part.set_index("model")
        told = [" / ".join(form(by.loc[model, score], ".4f") for score in ("log_loss", "curve_error")) for model in by.index]
        rows.append((name, int(part["villages"].iloc[0]), *told))
    models = list(fit.scores["model"].unique()) if len(fit.scores) else []
    return [text("set"), text("villages_word"), *(named("model", model) for model in models)], rows


def differences(fit) -> tuple[list[str], list[tuple]]:
    """Against the best baseline of each set and score."""
    rows = [
        (r.set, named("score", r.score), named("model", r.baseline), form(r.difference, "+.4f"), _span(r), named("network", r.verdict))
        for r in fit.differences.itertuples()
        if r.best
    ]
    return [text(key) for key in ("set", "score", "best_baseline", "network_difference", "interval_95", "verdict")], rows


def influence(fit) -> tuple[list[str], list[tuple]]:
    told = lambda found: text("influence_found" if found else "influence_none")  # noqa: E731
    rows = [(r.set, named("held", r.held), form(r.z, "+.1f"), form(r.p, ".4f"), told(r.found)) for r in fit.influence.itertuples()]
    return [text("set"), text("held"), "z", "p", text("influence")], rows


def _span(row) -> str:
    return text("low_to_high", low=form(row.low, "+.4f"), high=form(row.high, "+.4f"))


def page(fit) -> str:
    """The part of the evidence page, which is in English."""
    with speaking("en"):
        return _page(fit)


def _page(fit) -> str:

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
