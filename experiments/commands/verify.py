"""`sadar verify`: the model against mathematics, reference runs and hand calculation."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.terminal import Json, emit, live, option, preparing, show_parts
from experiments.screens.names import named
from experiments.screens.words import dots, form, number, text


def verify_command(
    data: Annotated[str | None, option("--data", "DIR", "folder of the reference data (default: ../shared/data)")] = None,
    json_: Json = False,
) -> None:
    """Check the model against known mathematics, reference runs and hand calculation (about a minute)."""
    with live(json_, preparing()) as told:
        from experiments.verify import verify

        table = verify(None if data is None else Path(data), lambda done, total, name: told.step(done, total, name))
    failed = int((~table["passed"]).fillna(False).sum())
    if json_:
        emit({"passed": failed == 0, "checks": [{key: plain(value) for key, value in row.items()} for row in table.to_dict("records")]})
    else:
        show_parts(parts(table, failed))
    if failed:
        raise typer.Exit(1)


def plain(value):
    """A cell as JSON has it; what is absent is null."""
    import pandas as pd

    return None if pd.isna(value) else value


def parts(table, failed: int) -> list:
    """The table, what failed, what was skipped and why, and the counts."""
    from experiments.screens.tables import grid

    heads = [text(key) for key in ("check", "expected", "got", "tolerance", "unit", "runs_word", "verdict")]
    skipped, done = table[table["passed"].isna()], table[table["passed"].notna()]
    rows = [line(row) for row in done.itertuples()]
    out = [grid(text("verify_title"), heads, rows, (*heads[1:4], heads[5]))] if rows else []
    for key, part in (("verify_failed", done[~done["passed"].astype(bool)]), ("verify_skipped", skipped)):
        out += [text(key, check=named("check", row.check), note=row.note) for row in part.itertuples()]
    return [*out, text("verify_closing", passed=len(rows) - failed, failed=failed, skipped=len(skipped), seed=table["seed"].min())]


def line(row) -> tuple:
    figures = (figure(value, row.unit) for value in (row.expected, row.got, row.tolerance))
    verdict = text("ok" if row.passed else "failed_check")
    return named("check", row.check), *figures, named("check_unit", row.unit), number(row.runs), verdict


def figure(value: float, unit: str) -> str:
    """Rupiah and counts in full, other numbers with four figures."""
    if value != round(value):
        return form(value, ".4g")
    return dots(round(value)) if unit == "Rp" else number(round(value))
