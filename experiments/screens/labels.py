"""How values, names and dates of experiments are written, in tables and figures alike."""

import math
import re

from experiments.screens.names import group_named, measured
from experiments.screens.words import date, dots, form, indonesian, language, number, percent, text

HEAD = 16  # signs of a line of a heading


def amount(measure: str):
    """How a value of a measure is written."""
    from simulation.outcomes import MEASURES

    unit = MEASURES[measure][0]
    if unit == "share":
        return percent
    if unit == "Rp":
        return lambda value: "-" if value is None or value != value else dots(value)
    return lambda value: "-" if value is None or value != value else number(value) if abs(value) >= 10 else form(value, ".2g")


def compact(measure: str):
    """(how a value is written, what is added to its heading) where there is little room: sums of rupiah in juta (millions)."""
    from simulation.outcomes import MEASURES

    if MEASURES[measure][0] == "Rp" and "_per_" not in measure:
        return juta, text("in_juta")
    return amount(measure), ""


def juta(value) -> str:
    """Millions, the Indonesian way: 1.234,5."""
    return "-" if value is None or value != value else indonesian(f"{value / 1e6:,.1f}")


def marked(measure: str, sums_in_juta: bool = False):
    """How the marks of an axis are written: with all their digits."""
    from simulation.outcomes import MEASURES

    unit = MEASURES[measure][0]
    if unit == "share":
        return lambda value: text("percent_mark", value=form(100 * value, ".6g"))
    if unit != "Rp":
        return lambda value: form(value, ",.6g")
    size = 1e6 if sums_in_juta and "_per_" not in measure else 1
    return lambda value: indonesian(f"{value / size:,.10g}")


def signed(show):
    """The same for a difference: with its sign."""

    def sign(value) -> str:
        shown = show(value)
        if not re.search("[1-9]", shown):  # rounds to zero
            return shown.lstrip("-") or "-"
        return f"+{shown}" if value > 0 else shown

    return sign


def of_difference(measure: str):
    """(how a difference of a measure is written, whether in percentage points)."""
    from simulation.outcomes import MEASURES

    points = MEASURES[measure][0] == "share"
    hundredths = lambda value: "-" if value is None or value != value else form(100 * value, ".1f")  # noqa: E731
    return signed(hundredths if points else amount(measure)), points


def interval(show, middle, low, high) -> str:
    """'12 (3–21)'; the middle alone where there is no interval. Where signs are shown: '-5 (-8 to -2)'."""
    if low is None or not math.isfinite(low) or show(low) == show(middle) == show(high):
        return show(middle)
    between = f" {text('to_word')} " if show(low)[0] in "+-" or show(high)[0] in "+-" else "–"
    return f"{show(middle)} ({show(low)}{between}{show(high)})"


def duration(seconds: float) -> str:
    """A time in words: 12 s, 4 min, 3.5 h, 2 days."""
    seconds = max(1, seconds)
    for unit, size, up in (("seconds", 1, 100), ("minutes", 60, 100 * 60), ("hours", 3600, 48 * 3600)):
        if seconds < up:
            return f"{form(seconds / size, '.1f' if seconds < 10 * size and size > 1 else '.0f')} {text(unit)}"
    return f"{number(round(seconds / 86400))} {text('days')}"


def distinct(names, most: int) -> list[str]:
    """Names of at most so many signs, cut in the middle, and still all different."""
    tail = (most - 1) // 2
    cut = [name if len(name) <= most else f"{name[: most - 1 - tail]}…{name[-tail:]}" for name in names]
    return [f"{name[: most - 4]}… {k}" if cut.count(short) > 1 else short for k, (name, short) in enumerate(zip(names, cut), 1)]


def measure_of(name: str) -> str:
    """The measure of an outcome's name: active of active@12/sex=female."""
    return name.partition("/")[0].partition("@")[0]


def when(month: str, day: str = "") -> str:
    """A measured date in words: end (2020-01-01), month 12 (2019-08-01), 2019-03-01."""
    if month == "end":
        return text("at_end", day=date(day)) if day else ""
    return text("on_day", month=text("month_n", n=month), day=date(day)) if day and month.isdecimal() else _month(month)


def _month(month: str) -> str:
    return text("month_n", n=month) if month.isdecimal() else date(month)


def label(name: str) -> str:
    """An outcome in words: active@12/sex=female is 'active: cover in force, month 12, sex female'."""
    head, _, group = name.partition("/")
    measure, _, month = head.partition("@")
    kind, _, one = group.partition("=")
    place = group_named(kind, one).replace("_", " ") if group else ""
    return ", ".join(filter(None, (measured(measure), month and month != "end" and _month(month), place)))


def headed(name: str) -> str:
    """An outcome in a heading: in English as users write it (active@12), in other languages in words."""
    return name if language() == "en" else label(name)


def short_paths(paths) -> list[str]:
    """Paths of a design by what tells them apart: 'hamlet_sessions attendance', 'talk_aware_prob'."""
    short = []
    for path in paths:
        inner = path.removeprefix("campaign.levers.")
        first, last = inner.split(".")[0], inner.split(".")[-1]
        short.append(last if inner == path or first == last else f"{first} {last}")
    return [path if short.count(name) > 1 else name for path, name in zip(paths, short)]


def chosen(value) -> str:
    """A value of a path."""
    if isinstance(value, bool):
        return text("with_lever" if value else "without_lever")
    return form(value, ",.6g") if isinstance(value, float) else str(value)


def chosen_values(values: list) -> list[str]:
    """Values of a path; files without folder and ending, where they stay different."""
    found = [chosen(value) for value in values]
    short = [re.sub(r"[^ ]*/|\.toml(?= |$)", "", value) for value in found]
    return short if len(set(short)) == len(set(found)) else found


def stacked(name: str, most: int = HEAD) -> str:
    """A heading over several lines, broken where its words end."""
    lines = [""]
    for part in re.findall(r"[^_./@: ]+[_./@: ]*|[_./@: ]+", name):
        if lines[-1] and len(lines[-1] + part.rstrip()) > most:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def width_of(cells) -> int:
    return max(len(line) for cell in cells for line in cell.split("\n"))
