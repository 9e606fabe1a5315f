"""`xray backup` and `xray restore`: the commands; what they do is in `apps.backup`."""

from typing import Annotated

import typer


def backup(
    destination: Annotated[
        str,
        typer.Argument(metavar="DEST", help="A folder outside the home, or s3://bucket/prefix; the same each time."),
    ],
) -> None:
    """Copy everything that lasts: the store without its caches, and the home's registry, salt and console.

    A night may run meanwhile. A later backup in the same place adds what is new; earlier ones stay.
    """
    from apps.backup import make_backup

    make_backup(destination)


def restore(
    source: Annotated[str, typer.Argument(metavar="SRC", help="Where `xray backup` wrote to.")],
    at: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which backup, as `xray backup` named it; the newest without.")
    ] = None,
) -> None:
    """Put a backup back, every object checked by its hash; refused unless the store and the home are empty."""
    from apps import backup as work

    work.restore(source, at)
