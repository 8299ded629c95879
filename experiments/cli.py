"""The `sadar` command: thin, every command calls one function that a notebook can call too.

    sadar run lerep                 experiments.run.run("lerep"), Result.document(), Result.save()
    sadar compare lerep --with ...  experiments.compare.compare("lerep", [...]), .verdict(), .save()
    sadar sweep, resume, extend     experiments.sweep.sweep(design, folder), resume(folder), extend(folder, replicates)
    sadar results, branch, replay   experiments.sweep.results, experiments.branch.save, experiments.replay.replay
    sadar list, check, show         scenarios.reading.names, experiments.screens.show
    sadar schedule                  simulation.document.SCHEDULE
    sadar glossary                  experiments.screens.glossary.glossary()
    sadar verify, trials            experiments.verify.verify(data), experiments.trials.trials(names)
    sadar calibrate                 experiments.calibrate.calibrate(), .calibrating.village.calibrate_village(...)
    sadar network                   experiments.network_fit.network_fit(data)
    sadar forecast, cases, evidence experiments.forecast.make(trial), experiments.cases.cases(), experiments.evidence.write()

Heavy modules are imported inside the commands, so that `sadar --help` is there at once. Every word
stands in `experiments.languages`; --lang id|en, before or after the command's name, chooses.
"""

from typing import Annotated

import typer

from experiments.commands import calibrate, compare, glossary, provenance, run, scenario, sweep, trials, verify
from experiments.commands.helping import Lang, Spoken, speaks
from experiments.commands.terminal import Json, Sadar, emit, option

app = typer.Typer(cls=Sadar, add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})
COMMANDS = {
    "run": run.run_command, "compare": compare.compare_command, "sweep": sweep.sweep_command, "resume": sweep.resume_command,
    "extend": sweep.extend_command, "results": sweep.results_command, "branch": provenance.branch_command,
    "replay": provenance.replay_command, "list": scenario.list_command, "check": scenario.check_command, "show": scenario.show_command,
    "schedule": scenario.schedule_command, "glossary": glossary.glossary_command, "verify": verify.verify_command,
    "trials": trials.trials_command, "calibrate": calibrate.calibrate_command, "network": calibrate.network_command,
    "forecast": trials.forecast_command, "cases": trials.cases_command, "evidence": calibrate.evidence_command,
}  # fmt: skip
for name, command in COMMANDS.items():
    app.command(name, cls=Spoken)(speaks(command))


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context, version: Annotated[bool, option("--version", None, "show the version")] = False, json_: Json = False,
    lang: Lang = None,
) -> None:
    """How a village comes to know, join and keep paying for social security."""
    if version:
        from importlib import metadata

        found = metadata.version("sadar")
        emit({"version": found}) if json_ else print(f"sadar {found}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    app(prog_name="sadar")


if __name__ == "__main__":
    main()
