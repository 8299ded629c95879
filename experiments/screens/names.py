"""Names of things in the current language: codes, measures, parameters, units, titles, help.

    named("occupation", "farm_labor")     English: the code itself, as it is written in files; Indonesian: buruh tani
    measured("retained")                  the short name of a measure; `meaning("retained")` says it in full
    described("behavior.value_sd")        what a parameter is
    titled("Perisai agent")               the title of a shipped lever, case, village, campaign ...; of others: as its author wrote it

Codes stay as they are in files, in --json and on the command line: only screens speak.
"""

import re

from experiments.languages.english import MEASURES
from experiments.screens.words import LANGUAGES, language, table

ENGLISH = "en"


def named(kind: str, code: str) -> str:
    """The name of a code of a kind (stage, source, payer, grade, occupation ...); a code that a file made up stays as it is."""
    return code if language() == ENGLISH else _table("names", "NAMES").get(kind, {}).get(code, code)


def group_named(kind: str, group: str) -> str:
    """A group of workers, levers, stages: "sex female"."""
    if language() == ENGLISH:
        return f"{kind.replace('_', ' ')} {group}"
    names = _table("names", "NAMES")
    return f"{names['group_kind'].get(kind, kind)}: {names.get(kind, {}).get(group, group)}"


def measured(measure: str) -> str:
    """The short name of a measure of `simulation.outcomes.MEASURES`."""
    if language() == ENGLISH:
        return MEASURES.get(measure, measure.removesuffix("_rp").replace("_", " "))
    return _table("names", "MEASURES")[measure][0]


def worded(measure: str) -> str:
    """A measure inside of a sentence: "active" of "the number of active workers"."""
    if language() == ENGLISH:
        return measure.removesuffix("_rp").replace("_", " ")
    return _table("names", "NAMES")["workers"].get(measure) or measured(measure)


def meaning(measure: str) -> str:
    """What a measure is, in full."""
    if language() == ENGLISH:
        from simulation.outcomes import MEASURES as told

        return told[measure][2]
    return _table("names", "MEASURES")[measure][1]


def described(path: str) -> str:
    """What the parameter at a key path is ("behavior.value_sd"); levers and occupations without their names (campaign.levers.cost)."""
    if language() == ENGLISH:
        from simulation.parameters import walk

        return dict(walk())[path].description
    return _table("parameters", "PARAMETERS")[path]


def unit(name: str) -> str:
    """A unit of a parameter or measure."""
    return name if language() == ENGLISH else _table("names", "UNITS").get(name, name)


def titled(title: str) -> str:
    """A title of a shipped file, or several of them joined by " + "; any other title as its author wrote it."""
    if language() == ENGLISH:
        return title
    titles = _table("titles", "TITLES")
    return titles.get(title) or " + ".join(titles.get(part, part) for part in title.split(" + "))


def helped(english: str | None) -> str | None:
    """What a command or an option is for."""
    return english if language() == ENGLISH else _table("help", "HELP").get(english, english)


def stepped(function: str, english: str) -> str:
    """What a step of the model's schedule does."""
    return english if language() == ENGLISH else _table("names", "SCHEDULE").get(function, english)


def problem(english: str) -> str:
    """A message on bad input: its phrases, and the unit and meaning of the parameter it is about. What is not known stays English."""
    if language() == ENGLISH:
        return english
    for pattern, said in _table("errors", "PHRASES"):
        english = re.sub(pattern, said, english)
    return _explained(english) if ", unit: " in english or english.endswith(")") else english


def _explained(message: str) -> str:
    from simulation.parameters import walk

    for path, field in walk():
        if field.description and f" ({field.description})" in message:
            message = message.replace(f" ({field.description})", f" ({described(path)})")
    return re.sub(r", unit: ([^();]+?)(?= \(|;|,|$)", lambda found: f", satuan: {unit(found[1])}", message)


def _table(part: str, name: str) -> dict:
    """A table of the current language."""
    return table(f"{LANGUAGES[language()]}_{part}", name)
