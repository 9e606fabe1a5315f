"""Arguments that several commands take."""

from typing import Annotated

import typer

Why = Annotated[str, typer.Option(help="The reason, for whoever asks later.")]
Who = Annotated[str | None, typer.Option(help="Who decides; your login name without.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show Prefect's own log instead of progress bars.")]
