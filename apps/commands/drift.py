"""`xray drift`: the command; what it does is in `apps.comparison`."""

from datetime import datetime
from typing import Annotated

import typer

from apps.arguments import Verbose

_DAY = ["%Y-%m-%d"]


def drift(
    batch: Annotated[
        list[str] | None,
        typer.Option(help="A batch, by its id, its name or a beginning that no other has; once for each."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="DATE", help="First day of a window, in UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="DATE", help="Its last day; today without.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="SNAPSHOT", help="The reference; without it what the champion was trained on."),
    ] = None,
    served: Annotated[
        bool, typer.Option("--served/--no-served", help="Look also at what the model was asked in service.")
    ] = True,
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="drift.NAME=VALUE",
            help="An option of the drift policy, as often as needed: `--set drift.number_hold=2`. A name there is not "
            "is answered with those there are.",
        ),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Compare new images with what the champion was trained on: the last days, or the batches or the window named.

    It only looks: no batch is held and no training is asked for. Exit code 0, whatever moved.
    """
    from apps.comparison import run_drift
    from apps.setting import read_drift_settings

    run_drift(
        batches=batch or (),
        since=since.date() if since else None,
        until=until.date() if until else None,
        against=against,
        served=served,
        policy=read_drift_settings(chosen or []),
        verbose=verbose,
    )
