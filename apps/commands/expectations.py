"""`xray expectations`: the bounds that pictures are judged by."""

from typing import Annotated

import typer

from apps.arguments import Who, Why

commands = typer.Typer(
    help="The bounds that pictures are judged by: those in force, those that accepted images speak for, and who set "
    "which. A change counts for the batches judged after it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@commands.command("show")
def expectations_show() -> None:
    """Show the bounds in force, where each comes from, and every change that was made."""
    from apps.expectations import show_bounds

    show_bounds()


@commands.command("propose")
def expectations_propose() -> None:
    """Show the bounds that accepted images speak for beside today's, and how many images each would leave out."""
    from apps.expectations import show_proposals

    show_proposals()


@commands.command("accept")
def expectations_accept(
    proposal: Annotated[str, typer.Option(help="Id of what you saw, as `xray expectations propose` prints it.")],
    why: Why,
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="RULE", help="Rules whose proposed bound is accepted.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Accept every bound that is proposed.")] = False,
    who: Who = None,
) -> None:
    """Put proposed bounds in force, for the batches judged from now on; it is refused if the proposal changed since."""
    from apps.expectations import accept

    accept(codes or (), every=every, proposal=proposal, why=why, who=who)


@commands.command("reset")
def expectations_reset(
    codes: Annotated[list[str], typer.Argument(metavar="RULE", help="Rules whose bound is put back.")],
    why: Why,
    who: Who = None,
) -> None:
    """Put bounds back to those that the pipeline starts with; the changes made before stay on record."""
    from apps.expectations import reset

    reset(codes, why=why, who=who)
