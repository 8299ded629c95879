"""What the command line shows of designs and sweeps, as tables for a terminal."""

from experiments.screens.labels import HEAD, chosen, chosen_values, compact, headed, interval, measure_of, short_paths, stacked, width_of
from experiments.screens.names import titled
from experiments.screens.tables import grid
from experiments.screens.words import form, number, text

#: choices of levers and outcomes shown at most; the rest stands in --json
MOST_POINTS, MOST_OUTCOMES = 40, 8
#: of many outcomes these are shown first: who is covered, who stays, what it costs
TELLING = (
    "registered", "active", "active_share", "retained", "persistency_13", "campaign_rp", "campaign_per_registered_rp",
    "campaign_per_retained_rp",
)  # fmt: skip


def plan_lines(made, outcomes) -> list[str]:
    """What a design asks for."""
    design, points = made.design, made.points
    counts = {"levers": points["lever_point"].max() + 1, "states": points["uncertainty_point"].max() + 1}
    counts |= {"replicates": design.replicates, "runs": made.runs}
    lines = [text("sweep_head", title=titled(design.title or design.scenario), **{name: number(count) for name, count in counts.items()})]
    for group, count in (("levers", counts["levers"]), ("uncertainties", counts["states"])):
        method = getattr(design.sampling, group)
        for path, varied in getattr(design, group).items():
            lines.append(text(f"{group}_line", path=path, values=_asked(varied, method, count)))
    return [*lines, text("outcomes_line", list=text("list_between").join(map(headed, outcomes)))]


def _asked(varied, method: str, count: int) -> str:
    """The values of a path, or its range."""
    if varied.values is not None:
        more = len(varied.values) - 8
        return text("list_between").join(map(chosen, varied.values[:8])) + (text("and_more", count=more) if more > 0 else "")
    ends = {"low": form(varied.low, "g"), "high": form(varied.high, "g"), "scale": text("log_scale") if varied.scale == "log" else ""}
    if varied.levels is not None:
        return text("leveled", count=number(varied.levels), **ends)
    return text("drawn", count=number(count), method=text(method), **ends)


def results_tables(table, width: int = 120) -> list:
    """A row for each choice of levers: means of the outcomes over states of the world and luck, with the range of runs, in as many
    tables as fit the width."""
    from experiments.sweep import summary

    if not len(table):
        return [text("results_none", title=titled(table.attrs["title"]))]
    found, names = summary(table), table.attrs["outcomes"]
    first = [name for name in TELLING if name in names] if len(names) > MOST_OUTCOMES else []
    some = (first + [name for name in names if name not in first])[:MOST_OUTCOMES]
    rows = found.head(MOST_POINTS).to_dict("records")
    columns = []
    for name in some:
        show, unit = compact(measure_of(name))
        cells = [interval(show, *(row[f"{name} {part}"] for part in ("mean", "low", "high"))) for row in rows]
        columns.append((stacked(headed(name) + unit, max(HEAD, width_of(cells))), cells))
    for key, column in (("runs_word", "runs"), ("failed_word", "failed")):
        if key == "runs_word" or found["failed"].any():
            columns.append((text(key), [number(row[column]) for row in rows]))
    levers = choices(rows, found.attrs["levers"], width // 2)
    parts, title = [], text("results_title", title=titled(table.attrs["title"]), range=range_of(found))
    for block in _blocks(columns, width - sum(width_of([head, *cells]) + 1 for head, cells in levers)):
        cells = list(zip(*(cells for _, cells in (*levers, *block))))
        heads = [head for head, _ in (*levers, *block)]
        parts.append(grid(title, heads, cells, heads[len(levers) :]))
        title = ""
    rest = [name for name in names if name not in some]
    return [
        *parts,
        *([text("and_more_rows", count=len(found) - MOST_POINTS)] if len(found) > MOST_POINTS else []),
        *([text("more_outcomes", list=text("list_between").join(map(headed, rest)))] if rest else []),
    ]


def range_of(found) -> str:
    """What the ranges of a summary are: with few runs all of them."""
    return text("spread_5_95" if (found["runs"] - found["failed"]).min() >= 19 else "spread_all")


def choices(rows: list[dict], levers: list[str], most: int) -> list[tuple[str, list[str]]]:
    """(heading, cells) of a column for each lever, or of one for all where they are many."""
    short, values = short_paths(levers), [chosen_values([row[path] for row in rows]) for path in levers]
    for wide in (HEAD, HEAD // 2):
        columns = [(stacked(name, wide), cells) for name, cells in zip(short, values)]
        if sum(width_of([head, *cells]) + 1 for head, cells in columns) <= most:
            return columns
    lines = ["; ".join(f"{name} {cell}" for name, cell in zip(short, row)) for row in zip(*values)]
    return [(text("choice"), ["\n".join(_lines(line, most - 1)) for line in lines])]


def _lines(line: str, most: int) -> list[str]:
    from textwrap import wrap

    return wrap(line, most)


def _blocks(columns: list, width: int) -> list[list]:
    """Columns in groups that are no wider than this."""
    blocks, used = [[]], 0
    for head, cells in columns:
        wide = width_of([head, *cells]) + 1
        if blocks[-1] and used + wide > width:
            blocks.append([])
            used = 0
        blocks[-1].append((head, cells))
        used += wide
    return blocks


def results_lines(table, folder: str) -> list[str]:
    """Which sweep, how much of it is there, what failed and why."""
    about, reasons = table.attrs, table.loc[table["status"] == "failed", "reason"].value_counts()
    counts = {"done": number(len(table)), "runs": number(about["runs"]), "failed": number(int(reasons.sum()))}
    lines = [text("results_line", sweep_id=about["sweep_id"], **counts)]
    lines += [text("failed_line", count=number(count), reason=reason) for reason, count in reasons.head(5).items()]
    lines += [text("failed_hint", folder=folder)] if len(reasons) else []
    return [*lines, *([text("missing_line", missing=number(about["missing"]), folder=folder)] if about["missing"] else [])]
