"""`xray compare`: the flow in this process, with progress by training, and its leaderboard in short."""

from collections.abc import Mapping

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from typer import BadParameter

from apps.starting import start_flow
from storage.settings import Settings
from xray_model.config import CompareOptions
from xray_model.data.decisions import describe_faults
from xray_model.outcomes import CompareOutcome, format_fraction
from xray_model.recipes import read_recipe


def run_compare(options: Mapping[str, object], *, verbose: bool) -> None:
    """Compare the variants of a recipe, and tell which is how good and at what cost.

    Args:
        options: fields of `CompareOptions` by name.
        verbose: show Prefect's own log in place of progress bars.

    Raises:
        BadParameter: an option is not allowed.
        ConfigurationError: there is no such recipe, or it cannot be trained here.
    """
    try:
        chosen = CompareOptions.model_validate(options)
    except ValidationError as error:
        raise BadParameter(describe_faults(error)) from error
    read_recipe(chosen.recipe)  # a wrong name is told before Prefect has started
    console = Console()
    outcome: CompareOutcome = start_flow("compare", chosen, console, verbose=verbose)
    tell(outcome, console)


def tell(outcome: CompareOutcome, console: Console) -> None:
    """Print the standings, what was left out, and where the page is."""
    say = f"{outcome.images:,} images of {outcome.patients:,} patients, {outcome.folds} folds, seeds: {outcome.seeds}"
    console.print(f"\n{outcome.title}", style="bold", highlight=False, markup=False)
    console.print(f"  {say}", highlight=False)
    table = Table(
        Column("variant", overflow="fold"),
        Column(f"F1 of {outcome.minority} [95 %]"),
        Column("training", justify="right"),
        Column("images a second", justify="right"),
    )
    for standing in outcome.standings:
        f1 = standing.minority_f1
        words = f"{format_fraction(f1.value)} [{format_fraction(f1.low)}, {format_fraction(f1.high)}]"
        speed = f"{standing.images_per_second:,.0f}"
        table.add_row(escape(standing.title), escape(words), f"{standing.seconds:,.0f} s", speed)
    console.print(table)
    for note in outcome.notes:
        console.print(f"  {note}", highlight=False, markup=False, soft_wrap=True)
    if outcome.page_key:
        page = f"{Settings().store_url}/{outcome.page_key}"
        console.print(f"Page: {page}", highlight=False, markup=False, soft_wrap=True)
