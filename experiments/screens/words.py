"""Words, numbers and dates in the language of the moment. Every text a user reads stands in `experiments.languages`.

    text("sweep_nothing")                    in English unless another language was chosen
    with speaking("id"):                     here, and in nothing that runs beside it (a context variable)
        text("written", files="a.csv")
        rupiah(1_250_000), number(1500), percent(0.125), date("2026-05-05")     Rp 1.250.000, 1.500, 12,5 %, 5 Mei 2026

The command line chooses by --lang, else the environment variable SADAR_LANG, else English. Rupiah have dots in every language.
"""

import datetime as dt
import functools
import importlib
import numbers
import os
import string
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

from experiments.languages.english import TEXT as TEXT  # the keys, and the language that is read in any case

#: code -> module of `experiments.languages` with the texts
LANGUAGES = {"id": "indonesian", "en": "english"}
VARIABLE = "SADAR_LANG"
#: English signs between thousands and before decimals -> Indonesian ones
SIGNS = str.maketrans(",.", ".,")
MONTHS = "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember".split()

_chosen: ContextVar[str | None] = ContextVar("language", default=None)


# ------------------------------------------------------------------ language


def language() -> str:
    """Code of the current language: what was chosen here, else what SADAR_LANG names, else English."""
    return _chosen.get() or checked(os.environ.get(VARIABLE) or "en", VARIABLE)


def checked(code: str, given_by: str) -> str:
    """The code of a language that is spoken here; given_by: what a user wrote it after. Raises InputError for any other."""
    if code not in LANGUAGES:
        from simulation.parameters import InputError

        raise InputError(f"{given_by} {code}: not allowed; allowed: id (Bahasa Indonesia) or en (English)")
    return code


def use(code: str) -> Token:
    """Speak a language from here on in this context (a thread, a session). The token takes it back: `token.var.reset(token)`."""
    return _chosen.set(checked(code, "language"))


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language inside of a `with`."""
    token = use(code)
    try:
        yield
    finally:
        _chosen.reset(token)


@functools.cache
def table(module: str, name: str) -> dict:
    """A table of a module of `experiments.languages`, read when it is needed first."""
    return getattr(importlib.import_module(f"experiments.languages.{module}"), name)


def text(key: str, /, **values) -> str:
    """The message of a key in the current language, its places filled in as the language writes numbers and dates."""
    found = table(LANGUAGES[language()], "TEXT")[key]
    return _FILLED.format(found, **values) if values else found


class _Filled(string.Formatter):
    """`str.format` with numbers and dates in the current language."""

    def format_field(self, value, spec: str) -> str:
        return form(value, spec)


_FILLED = _Filled()


# ------------------------------------------------------------------ numbers and dates


def form(value, spec: str = "") -> str:
    """`format(value, spec)` as the current language writes it: numbers, dates; anything else as it is. `_` between thousands stays."""
    if isinstance(value, dt.date):
        return date(value)
    shown = format(value, spec)
    if language() == "en" or not isinstance(value, numbers.Number) or isinstance(value, bool):
        return shown
    shown = shown.translate(SIGNS)
    return f"{shown[:-1]} %" if spec.endswith("%") else shown


def number(value) -> str:
    """A count: 1,500 (1.500); no digits after the point from 10 on."""
    if value is None or value != value:
        return "-"
    return form(value, ",.0f") if abs(value) >= 10 or float(value).is_integer() else form(value, ",.1f")


def rupiah(value) -> str:
    """Rp 1.250.000, the Indonesian way."""
    return "-" if value is None or value != value else "Rp " + dots(value)


def dots(value) -> str:
    return f"{value:,.0f}".replace(",", ".")


def indonesian(shown: str) -> str:
    """A number that was written the English way, in Indonesian signs: sums of rupiah in every language."""
    return shown.translate(SIGNS)


def percent(value) -> str:
    """12% (12 %), below a tenth with one decimal."""
    return "-" if value is None or value != value else form(value, ".0%" if abs(value) >= 0.1 or value == 0 else ".1%")


def date(day: dt.date | str, short: bool = False) -> str:
    """A day: 2026-05-05, in Indonesian 5 Mei 2026 (short: months of three letters). What is no date stays as it is."""
    try:
        day = dt.date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError:
        return day
    return f"{day:%Y-%m-%d}" if language() == "en" else f"{day.day} {MONTHS[day.month - 1][: 3 if short else None]} {day.year}"


def month(name: str) -> str:
    """A calendar month that is given as 2026-08: 2026-08, in Indonesian Agu 2026."""
    return name if language() == "en" else f"{MONTHS[int(name[5:7]) - 1][:3]} {name[:4]}"


def months(shown: str) -> str:
    """The marks of an axis of dates with the language's short names of months (Mei, Agu, Okt, Des)."""
    if language() == "en":
        return shown
    for english, name in (("May", "Mei"), ("Aug", "Agu"), ("Oct", "Okt"), ("Dec", "Des")):
        shown = shown.replace(english, name)
    return shown
