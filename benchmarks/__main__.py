"""`python -m benchmarks` runs all benchmarks, one after the other; `python -m benchmarks peers --help` says
what one of them takes.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from . import peers as peers_module
from .contestants import chosen
from .environments import FOLDER

# Each is a module with a main program, and is run in a process of its own.
SUBBENCHMARKS = (
    "solve",
    "profile",
    "peers",
    "memory",
    "scaling",
    "gpu",
    "erp",
    "resting",
    "at_rest",
    "eeg",
    "mean_field",
    "epileptor",
    "evidence",
    "engines",
    "sbc",
    "linearity",
)

app = typer.Typer(
    add_completion=False,
    help="What simulations cost, against other simulators and against the hand-written limit.",
)


def available() -> list[str]:
    return [name for name in SUBBENCHMARKS if importlib.util.find_spec(f"benchmarks.{name}") is not None]


@app.callback(invoke_without_command=True)
def everything(context: typer.Context) -> None:
    """Without a command: all of them."""
    if context.invoked_subcommand is not None:
        return
    failed = [name for name in available() if start(name)]
    if failed:
        typer.echo(f"failed: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


def start(name: str) -> int:
    typer.echo(f"== {name}")
    module = ["benchmarks", "peers"] if name == "peers" else [f"benchmarks.{name}"]
    return subprocess.run(
        [sys.executable, "-m", *module], cwd=Path(__file__).parent.parent, check=False
    ).returncode


@app.command()
def peers(
    only: Annotated[
        str | None, typer.Option(help="Workers to run, comma-separated, such as ours,tvboptim.")
    ] = None,
    problem: Annotated[str | None, typer.Option(help="Only this problem: MPR, Hopf or Hopf-x.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind: forward, gradient or speed.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds.")] = 5,
    quick: Annotated[bool, typer.Option(help="Fewer steps.")] = False,
    keep: Annotated[
        bool, typer.Option(help="Keep the tasks of an earlier run that are not measured now.")
    ] = False,
    environments: Annotated[Path, typer.Option(help="Folder of the peers' environments.")] = FOLDER,
    results: Annotated[
        Path | None,
        typer.Option(
            help=(
                "Folder of peers.md and peers.json; by default benchmarks/results, for a part of them a"
                " cache."
            )
        ),
    ] = None,
) -> None:
    """The same network in every simulator."""
    try:
        contestants = chosen(only)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    tasks = tuple(
        task
        for task in peers_module.tasks(quick)
        if problem in (None, task.problem) and kind in (None, task.kind)
    )
    if not tasks:
        raise typer.BadParameter(
            f"no task is {problem or 'any problem'} and {kind or 'any kind'}; problems are MPR, Hopf, Hopf-x,"
            " kinds are forward, gradient, speed"
        )
    is_part = any((only, problem, kind, quick))
    place = results or (environments / "results" if is_part else peers_module.RESULTS)
    peers_module.run(contestants, tasks, rounds, environments, place, typer.echo, keep)
    typer.echo(f"written to {place / 'peers.md'} and {place / 'peers.json'}")


def _command(name: str) -> None:
    @app.command(name, help=f"Run benchmarks/{name}.py.")
    def command() -> None:
        raise typer.Exit(start(name))


for _name in available():
    if _name != "peers":
        _command(_name)


if __name__ == "__main__":
    app()
