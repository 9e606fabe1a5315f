"""`xray explore`: the command; what it does is in `apps.exploring`."""

from typing import Annotated

import typer


def explore(
    snapshot: Annotated[
        str | None,
        typer.Argument(
            help="A snapshot, by its id or a beginning that no other has; without it the newest that was trained on."
        ),
    ] = None,
) -> None:
    """Show what the images of a snapshot are of: a page with counts, pictures, near duplicates and confounding.

    Where nothing was trained yet it shows what is accepted now. The page joins the reports, under Data.
    """
    from apps.exploring import explore_snapshot

    explore_snapshot(snapshot)
