"""`xray console`: the web console, and who may use it."""

from pathlib import Path
from typing import Annotated

import typer

from apps.console.access.visitors import Role
from apps.importing import seldom_collecting

commands = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

PersonName = Annotated[str, typer.Argument(help="The name they sign in with, and decide under.")]


@commands.callback()
def console_start(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines reach needs people and a certificate.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")] = 8420,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="Name, with :port where another, that people open it under; once for each."),
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="Certificate chain (PEM), to serve https.")] = None,
    key: Annotated[Path | None, typer.Option(help="Private key (PEM) of the certificate.")] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy", help="Address or network of a proxy that signs people in and is believed; once for each."
        ),
    ] = None,
    proxy_header: Annotated[str, typer.Option(help="Header in which the proxy names the person.")] = "X-Forwarded-User",
    predict: Annotated[
        bool,
        typer.Option("--predict/--no-predict", help="Answer to images with the model in service, or leave it out."),
    ] = True,
) -> None:
    """The steward's desk: start a web console to look at what was refused and to decide, or say who may use it.

    It listens on this machine alone unless told otherwise.
    """
    if context.invoked_subcommand is not None:
        return
    with seldom_collecting():
        from apps.console.serving import Listening, serve_console

    listening = Listening(host, port, tuple(name or ()), certificate, key, tuple(proxy or ()), proxy_header, predict)
    serve_console(listening)


@commands.command("add")
def console_add(
    name: PersonName,
    role: Annotated[Role, typer.Option(help="steward: looks and decides. viewer: looks.")],
    token: Annotated[
        bool, typer.Option("--token/--no-token", help="Print a token to sign in with; none is needed behind a proxy.")
    ] = True,
) -> None:
    """Let somebody use the console, and print their token: once, for it is kept nowhere."""
    from apps.people import add_person

    add_person(name, role, with_token=token)


@commands.command("remove")
def console_remove(name: PersonName) -> None:
    """Take somebody's access away at once, also where they are signed in."""
    from apps.people import remove_person

    remove_person(name)


@commands.command("people")
def console_people() -> None:
    """List who may use the console, with their roles."""
    from apps.people import list_people

    list_people()
