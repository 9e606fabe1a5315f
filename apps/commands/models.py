"""`xray models`: which model is in service, now or then, and a steward's part in it."""

from typing import Annotated

import typer

from apps.arguments import Who, Why

commands = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

Version = Annotated[str, typer.Argument(help="Version of the model, such as 4 or v4.")]


@commands.callback()
def models(
    context: typer.Context,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Say which model was in service then: the end of a day (2026-05-03), or a moment "
            "(2026-05-03T14:30), in UTC.",
        ),
    ] = None,
) -> None:
    """List every trained model with what was decided on it and which one is in service; approve, refuse, go back."""
    if context.invoked_subcommand is not None:
        return
    from apps.model_service import list_models, tell_champion_at

    if at is None:
        list_models()
    else:
        tell_champion_at(at)


@commands.command("approve")
def models_approve(version: Version, why: Why, who: Who = None) -> None:
    """Put a model in service that passed the gate and waits for it."""
    from apps.model_service import approve

    approve(version, why=why, who=who)


@commands.command("refuse")
def models_refuse(version: Version, why: Why, who: Who = None) -> None:
    """Keep a model out of service that passed the gate and waits for approval."""
    from apps.model_service import refuse

    refuse(version, why=why, who=who)


@commands.command("rollback")
def models_rollback(
    why: Why,
    to: Annotated[
        str | None, typer.Option(help="Version that was in service before; without it the champion before this one.")
    ] = None,
    who: Who = None,
) -> None:
    """Put a model in service again that was there before, at once."""
    from apps.model_service import go_back

    go_back(to, why=why, who=who)
