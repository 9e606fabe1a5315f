"""`xray console add|remove|people`: who may use the console."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from apps.console.access.audit import write_line
from apps.console.access.people import People
from apps.console.access.visitors import Role
from apps.review import login_name
from storage.settings import Settings

_TERMINAL = "terminal"
"""What the audit file has in place of an address for what was done on the command line."""


def console_folder(settings: Settings) -> Path:
    """Where the console keeps its people and its audit file."""
    return settings.home.resolve() / "console"


def add_person(name: str, role: Role, *, with_token: bool) -> None:
    """Add somebody and print their token.

    Raises:
        InvalidInput: the name is none, or somebody has it.
    """
    folder, who = console_folder(Settings()), login_name()
    token = People(folder).add(name, role, with_token=with_token)
    write_line(folder, who, None, _TERMINAL, "person added", {"name": name, "role": role.value})
    console = Console()
    if token is None:
        console.print(f"{name} is a {role.value}, once the proxy names them.", highlight=False, markup=False)
        return
    console.print(f"{name} is a {role.value}, and signs in with this token. It is kept nowhere:", markup=False)
    console.print(token, highlight=False, markup=False, soft_wrap=True)


def remove_person(name: str) -> None:
    """Remove somebody; their sessions end.

    Raises:
        InvalidInput: nobody has the name.
    """
    folder, who = console_folder(Settings()), login_name()
    People(folder).remove(name)
    write_line(folder, who, None, _TERMINAL, "person removed", {"name": name})
    Console().print(f"{name} may use the console no longer.", highlight=False, markup=False)


def list_people() -> None:
    """Print everybody with their role."""
    console = Console()
    people = People(console_folder(Settings())).all()
    if not people:
        console.print("Nobody is named: on this machine alone the console is open to whoever is logged in.")
        return
    table = Table("name", "role", "signs in with")
    for person in people.values():
        table.add_row(person.name, person.role.value, "a token" if person.token_sha256 else "the proxy's word")
    console.print(table)
