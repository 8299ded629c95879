"""How sure a result is, in words: which behavior its runs have, how much of what differs is luck, how well its inputs are known."""

from experiments.screens.words import form, percent, text

#: up to this share of the variance -> its name: ten twins do not tell 40 % from 50 %
NAMES = ((0.06, "almost_none"), (0.175, "tenth"), (0.29, "quarter"), (0.415, "third"), (0.585, "half"), (0.71, "two_thirds"),
         (0.825, "three_quarters"), (0.94, "mostly"), (1.0, "almost_all"))  # fmt: skip
#: the headline measures of a run whose luck is shown; that of the last is said in the figure
SHOWN = ("registered", "paying", "retained", "campaign_per_retained_rp", "active")


def behavior_line(about: dict) -> str:
    """Which behavior the runs of a result have; about: its provenance."""
    given = about.get("behavior") or {"asked": "point", "used": "point"}
    if given["used"] == "point":
        return text("behavior_line_point" if given["asked"] == "point" else "behavior_line_none")
    kept = text("behavior_line_kept", list=", ".join(given["kept"])) if given["kept"] else ""
    return text("behavior_line_drawn", draws=given["draws"], digest=given["posterior"][:6], keys=len(given["keys"])) + kept


def drawn(about: dict) -> bool:
    """Do the runs of a result differ in behavior?"""
    return (about.get("behavior") or {}).get("used") == "posterior"


def grades_line(about: dict, key: str = "grades_line") -> str:
    """Which share of the key inputs is measured, expert and guess."""
    given = about.get("grades")
    if not given:
        return ""
    parts = {part: sum(counts.values()) for part, counts in given["parts"].items()}
    shares = {grade: form(given[grade], ".0%") for grade in ("measured", "expert", "guess")}
    return text(key, inputs=given["inputs"], **parts, **shares)


def share_words(share: float) -> str:
    """A share of the variance in words; '-' where there is none."""
    return next((text(name) for most, name in NAMES if share <= most), "-")


def luck_cells(share: float, low: float, high: float) -> tuple[str, str]:
    """What luck is, with its interval, and what behavior is: of the variance."""
    if share != share:
        return "-", "-"
    return f"{share_words(share)} ({percent(low)}–{percent(high)})", share_words(1.0 - share)


def luck_rows(result, month: str) -> list[tuple[str, str, str]]:
    """(measure, luck, behavior) of a run's headline measures at a month."""
    table = result.luck(SHOWN)
    rows = {row.measure: row for row in table[table["month"] == month].itertuples()}
    return [(name, *luck_cells(rows[name].luck_share, rows[name].luck_low, rows[name].luck_high)) for name in SHOWN if name in rows]


def luck_sentence(result, month: str) -> str:
    """What luck is of the variance of active workers, in one sentence; "" where it is not known."""
    found = [cells for name, *cells in luck_rows(result, month) if name == "active"]
    return text("luck_sentence", luck=found[0][0], behavior=found[0][1]) if found and found[0][0] != "-" else ""
