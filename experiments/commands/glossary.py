"""`sadar glossary`: the field's words."""

from typing import Annotated

import typer

from experiments.commands.terminal import BadInput, Json, emit, show_parts
from experiments.screens.words import text


def glossary_command(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="part of a word or of its meaning; all when absent")] = "",
    json_: Json = False,
) -> None:
    """The field's words, such as peserta, iuran, agen Perisai, and what they mean."""
    from experiments.screens.glossary import WORDS, glossary

    found = glossary(word)
    if not found:
        raise BadInput(text("unknown", what="glossary", value=word, hint="", known=", ".join(w.term for w in WORDS)))
    if json_:
        return emit([w._asdict() for w in found])
    from experiments.screens.tables import grid

    show_parts([grid(text("glossary_title"), [text("term"), text("means")], [(w.term, w.meaning) for w in found], solid=True)])
