"""The office's table of a village, month by month: read from a CSV and checked.

Columns: `month` (YYYY-MM) and at least one of
    new_members   first registrations in that month
    active        members with cover in force at the month's end
    paying        of these, those whose last contribution came from their own money
An empty cell, or a month that is not there, is a gap. A file saved with semicolons is read like one with commas.
"""

import csv
import datetime as dt
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scenarios.errors import nearest, shown
from simulation.parameters import InputError
from simulation.timeline import add_months

SERIES = ("new_members", "active", "paying")
COLUMNS = ("month", *SERIES)
MOST = 10_000_000
YEARS = range(1950, 2151)


class Observed(NamedTuple):
    """path: the file. months: first days of all calendar months from the first to the last one in it. values: float [series, month] in the
    order of SERIES, NaN where nothing was written. lines: line of the file for each month, 0 for one that is not there."""

    path: Path
    months: list[dt.date]
    values: np.ndarray
    lines: list[int]

    @property
    def end(self) -> dt.date:
        """First day after the last month."""
        return add_months(self.months[-1], 1)


def read_observed(path: str | Path) -> Observed:
    """Read and check a table of the office. Raises InputError with one message: file, line, column, value, what is allowed."""
    path = Path(path)
    rows = _rows(path)
    columns = _header(path, rows)
    found: dict[dt.date, tuple[int, list[float]]] = {}
    for line, row in rows[1:]:
        if len(row) > len(columns):
            raise InputError(f"{shown(path)}, line {line}: {len(row)} cells; the header names {len(columns)} columns")
        cells = dict(zip(columns, [*row, *[""] * (len(columns) - len(row))]))
        month = _month(path, line, cells["month"])
        if month in found:
            raise InputError(f"{shown(path)}, line {line}, column month: {month:%Y-%m} stands in line {found[month][0]} already")
        found[month] = line, [_count(path, line, name, cells.get(name, "")) for name in SERIES]
        _agree(path, line, found[month][1])
    if not any(np.isfinite(values).any() for _, values in found.values()):
        raise InputError(f"{shown(path)}: no numbers in it; needed: months with {', '.join(SERIES[:-1])} or {SERIES[-1]}")
    first, last = min(found), max(found)
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    months = [add_months(first, k) for k in range(count)]
    nothing = (0, [np.nan] * len(SERIES))
    values = np.array([found.get(month, nothing)[1] for month in months], float).T
    return Observed(path, months, values, [found.get(month, nothing)[0] for month in months])


def refuse_more_than(observed: Observed, workers: int) -> None:
    """Raise InputError where more members are told than the village has informal workers."""
    over = np.argwhere(observed.values > workers)
    for series, month in over.tolist():
        value = f"{observed.values[series, month]:.0f}"
        where = f"{shown(observed.path)}, line {observed.lines[month]}, column {SERIES[series]}: {value}"
        raise InputError(f"{where}: not allowed; allowed: at most the village's informal workers, {workers} (village.workers)")


# ------------------------------------------------------------------ one file, row by row


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line, cells) of each line that is not empty; the header first."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{shown(path)}: not UTF-8 text (byte {error.start + 1}); save it as CSV UTF-8") from None
    except OSError as error:
        raise InputError(f"{shown(path)}: {error.strerror}; needed: a CSV file with the columns {', '.join(COLUMNS)}") from None
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if ";" in first and "," not in first else ",", strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise InputError(f"{shown(path)}, line {reader.line_num}: not a table of comma-separated values ({error})") from None
    rows = [(line, row) for line, row in rows if any(row)]
    if len(rows) < 2:
        raise InputError(f"{shown(path)}: no table in it; needed: a header ({', '.join(COLUMNS)}) and one line a month")
    return rows


def _header(path: Path, rows: list[tuple[int, list[str]]]) -> list[str]:
    line, names = rows[0]
    for name in names:
        if name not in COLUMNS:
            raise InputError(f"{shown(path)}, line {line}: unknown column {name!r}{nearest(name, COLUMNS)}; known: {', '.join(COLUMNS)}")
        if names.count(name) > 1:
            raise InputError(f"{shown(path)}, line {line}: the column {name} stands twice")
    if "month" not in names or len(names) < 2:
        missing = "no column month" if "month" not in names else "no column of numbers"
        raise InputError(f"{shown(path)}, line {line}: {missing}; needed: month and at least one of {', '.join(SERIES)}")
    return names


def _month(path: Path, line: int, text: str) -> dt.date:
    year, dash, month = text.partition("-")
    whole = dash and len(year) == 4 and len(month) == 2 and year.isascii() and (year + month).isdecimal() and month.isascii()
    if not whole or not 1 <= int(month) <= 12 or int(year) not in YEARS:
        raise InputError(f"{shown(path)}, line {line}, column month: {text!r}: not allowed; allowed: year and month, such as 2019-03")
    return dt.date(int(year), int(month), 1)


def _count(path: Path, line: int, name: str, text: str) -> float:
    if not text:
        return float("nan")
    if not (text.isascii() and text.isdecimal()) or int(text) > MOST:
        allowed = f"a whole number from 0 to {MOST} without points or commas in it, or an empty cell"
        raise InputError(f"{shown(path)}, line {line}, column {name}: {text!r}: not allowed; allowed: {allowed}")
    return float(text)


def _agree(path: Path, line: int, values: list[float]) -> None:
    active, paying = values[SERIES.index("active")], values[SERIES.index("paying")]
    if paying > active:
        where = f"{shown(path)}, line {line}, column paying: {paying:.0f}"
        raise InputError(f"{where}: not allowed; allowed: at most the active members of that month, {active:.0f}")
