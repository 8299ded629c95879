"""One picture of a network fit: how the villages adopt, observed and predicted unseen, and how much better or worse that is.

    save(network_fit(), "network.png")
"""

from pathlib import Path

from experiments.networks.scoring import BASELINES, LOG_LOSS, OURS
from experiments.screens.words import number, text

#: Okabe and Ito's (2008) colors; lines are told apart by dashes too
LINES = {OURS: ("#0072B2", "-"), "covariates": ("#E69F00", "--"), "hazard": ("#D55E00", "-."), "Bass": ("#009E73", ":")}
GREY, INK = "#8a8a8a", "#222222"
STYLE = {"font.size": 10.5, "axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left", "svg.hashsalt": "sadar"}
#: periods in which fewer than this share of the villages was watched are not drawn
WATCHED = 0.5


def save(fit, path: str | Path) -> Path:
    """Write the figure as PNG (or what the path's ending says) and give the path."""
    draw(fit).savefig(path, dpi=130, facecolor="white")
    return Path(path)


def draw(fit):
    """A column for each set: mean curve over the villages above, differences in log-loss with intervals below. Needs no display."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(fit.scores["set"])) if len(fit.scores) else []
    with rc_context(STYLE):
        out = Figure(figsize=(3.6 * max(len(names), 2) + 0.6, 7.4), layout="constrained")
        FigureCanvasAgg(out)
        out.suptitle(text("network_head"), x=0.01, ha="left", fontsize=15, fontweight="bold", color=INK)
        if not names:
            out.text(0.5, 0.5, text("network_nothing"), ha="center")
            return out
        axes = out.subplots(2, len(names), squeeze=False, height_ratios=(2, 1))
        for name, above, below in zip(names, *axes):
            _curve(above, fit.curves[fit.curves["set"] == name])
            above.set_title(_title(fit, name), fontsize=11)
            _differences(below, fit.differences[(fit.differences["set"] == name) & (fit.differences["score"] == LOG_LOSS)])
        axes[0, 0].set_ylabel(text("network_share"))
        axes[1, 0].set_yticks(range(len(BASELINES)), [text("network_less", name=text(f"model_{b}")) for b in BASELINES])
        axes[1, len(names) // 2].set_xlabel(text("network_loss"))
        out.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(LINES) + 2, frameon=False)
    return out


def _title(fit, name: str) -> str:
    """The set, its villages, and what the influence test with covariates held says."""
    villages = fit.scores.loc[fit.scores["set"] == name, "villages"].iloc[0]
    tested = fit.influence[fit.influence["set"] == name] if len(fit.influence) else fit.influence
    said = text("network_tested", z=tested["z"].iloc[0], p=tested["p"].iloc[0]) if len(tested) else ""
    head = text("network_title", name=name, villages=number(villages)) if villages > 1 else text("network_title_one", name=name)
    return f"{head}\n{said}"


def _curve(axes, curves) -> None:
    watched = curves.groupby("period").size()
    mean = curves.groupby("period").mean(numeric_only=True)[watched >= WATCHED * watched.max()]
    axes.fill_between(mean.index, mean["low"], mean["high"], color=LINES[OURS][0], alpha=0.15, lw=0, label=text("network_band"))
    for model, (color, dashes) in LINES.items():
        axes.plot(mean.index, mean[model], color=color, ls=dashes, lw=2.2 if model == OURS else 1.5, label=text(f"model_{model}"))
    axes.plot(mean.index, mean["observed"], "o", color=INK, ms=4, label=text("observed"))
    axes.set_ylim(0, 1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(text("network_period"))


def _differences(axes, rows) -> None:
    axes.axvline(0, color=GREY, lw=1)
    for place, baseline in enumerate(BASELINES):
        row, color = rows[rows["baseline"] == baseline].iloc[0], LINES[baseline][0]
        axes.plot([row["low"], row["high"]], [place, place], color=color, lw=2)
        axes.plot(row["difference"], place, "o", color=color, ms=6)
    axes.set_yticks(range(len(BASELINES)), [""] * len(BASELINES))
    axes.set_ylim(-0.6, len(BASELINES) - 0.4)
    axes.locator_params(axis="x", nbins=4)
