"""The language of a command: --lang before or after its name, and help in that language.

Typer makes its command objects anew for every call, so their texts can be set; the titles of its panels are names of its module and
are put back.
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from typer.core import TyperCommand

from experiments.screens.names import helped
from experiments.screens.words import LANGUAGES, VARIABLE, checked, language, text

OPTION = "--lang"
CHOICE_HELP = "language of what is shown: Bahasa Indonesia or English (default: the variable SADAR_LANG, else English)"
Lang = Annotated[str | None, typer.Option(OPTION, metavar="|".join(LANGUAGES), help=CHOICE_HELP)]


def asked(words: Sequence[str]) -> str:
    """The language that a command line asks for: that of the last --lang, else SADAR_LANG, else English. InputError for another."""
    found, by = os.environ.get(VARIABLE) or "en", VARIABLE
    for place, word in enumerate(words):
        if word == "--":
            break
        name, given, value = word.partition("=")
        if name == OPTION and (given or place + 1 < len(words)):
            found, by = value if given else words[place + 1], OPTION
    return checked(found, by)


def translate(group) -> None:
    """Set all help in the current language."""
    for command in (group, *group.commands.values()):
        command.help, command.options_metavar = helped(command.help), text("help_options_word")
        for param in command.params:
            param.help = helped(param.help)
    group.subcommand_metavar = text("help_command_word")


def speaks(command: Callable) -> Callable:
    """The same command with --lang, which has had its effect before the command is called (see `asked`)."""

    @functools.wraps(command)
    def spoken(lang=None, **given):
        return command(**given)

    known = inspect.signature(command)
    last = inspect.Parameter("lang", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Lang)
    spoken.__signature__ = known.replace(parameters=[*known.parameters.values(), last])
    spoken.__annotations__ = command.__annotations__ | {"lang": Lang}
    return spoken


class Talking:
    """For a command: usage, panels and the help option in the current language."""

    def get_usage(self, ctx) -> str:
        return super().get_usage(ctx).replace("Usage: ", text("help_usage"), 1)

    def format_help(self, ctx, formatter) -> None:
        option = self.get_help_option(ctx)
        option.help = helped(option.help)
        with _panels():
            super().format_help(ctx, formatter)


class Spoken(Talking, TyperCommand):
    """A command that speaks the language of the moment."""


@contextmanager
def _panels() -> Iterator[None]:
    """Titles of Typer's panels in the current language."""
    if language() == "en":
        yield
        return
    from typer import rich_utils

    keys = {"ARGUMENTS_PANEL_TITLE": "arguments", "OPTIONS_PANEL_TITLE": "options", "COMMANDS_PANEL_TITLE": "commands"}
    keys |= {"DEFAULT_STRING": "default", "REQUIRED_LONG_STRING": "required"}
    before = {name: getattr(rich_utils, name) for name in keys}
    try:
        for name, key in keys.items():
            setattr(rich_utils, name, text(f"help_{key}"))
        yield
    finally:
        for name, value in before.items():
            setattr(rich_utils, name, value)
