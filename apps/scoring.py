"""`xray score`: a folder or a prefix of images in, a table of predictions out."""

from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from apps.starting import start_flow
from storage.objects.keys import is_text
from xray_model.config import ScoreOptions
from xray_model.outcomes import NOTICE, ScoreOutcome, ServedModel

_SHOWN = 8
"""Reasons and warnings that are told of."""


def run_score(
    images: str,
    out: str,
    *,
    version: int | None,
    shard_size: int,
    workers: int | None,
    dask: str | None,
    log: bool,
    verbose: bool,
) -> int:
    """Score a folder or prefix and tell what came of it; returns the exit code.

    Raises:
        InvalidInput: there is no such model, folder or image, or the table cannot be written where it is to be.
        ConfigurationError: the images are at no URL of a folder or a bucket.
    """
    from storage.scoring.images import check_place
    from storage.scoring.table import check_out

    options = ScoreOptions(
        images=_place_of_images(images),
        out=whole_place(out),
        version=version,
        shard_size=shard_size,
        workers=workers,
        dask=dask,
        log=log,
    )
    check_out(options.out)  # as the flow does, which takes seconds to start
    check_place(options.images)
    console = Console()
    outcome: ScoreOutcome = start_flow("score", options, console, verbose=verbose)
    tell(outcome, options.out, console)
    return exit_code(refused=bool(outcome.refused))


def whole_place(place: str) -> str:
    """A URL as it is, and a path from the root on: the flow may run elsewhere."""
    return place if "://" in place else str(Path(place).absolute())


def _place_of_images(place: str) -> str:
    """`whole_place`; a path that is no UTF-8 as a URL, for Prefect keeps what it is given as text."""
    whole = whole_place(place)
    return whole if is_text(whole) else Path(whole).as_uri()


def tell(outcome: ScoreOutcome, out: str, console: Console) -> None:
    """Print what was answered and by whom, what was not, what to be careful with, and where the table is."""

    def say(line: str, *, bold: bool = False) -> None:
        console.print(line, style="bold" if bold else None, highlight=False, markup=False, soft_wrap=True)

    answered, refused = sum(outcome.labels.values()), sum(outcome.refused.values())
    say(f"\n{_count(answered, 'image')} answered: {_list(outcome.labels)}.", bold=True)
    say(describe_model(outcome.model))
    if outcome.unchecked is not None:
        say(outcome.unchecked)
    if earlier := outcome.images - outcome.answered_now:
        say(f"{_count(earlier, 'image')} of them had been gone through by an earlier run, and were not again.")
    if refused:
        say(f"{_count(refused, 'image')} could not be answered:")
        _tell_most(outcome.refused, say)
    if outcome.warned:
        say("Answers that deserve less trust:")
        _tell_most({each.warning.text: each.images for each in outcome.warned}, say)
    if outcome.passed_over:
        say(f"Passed over: {_list(outcome.passed_over)}.")
    say(f"Table: {out}")
    say(f"Read it with pandas.read_parquet({out!r}). Look first at the rows that have `refused` or `warnings`.")
    say(NOTICE)


def describe_model(model: ServedModel) -> str:
    """Which model answered, and what is known of it; it may never have been in service."""
    return (
        f"Model v{model.version} ({model.backbone}, decided on {model.since:%Y-%m-%d %H:%M} UTC, snapshot "
        f"{model.snapshot_id}); F1 of {model.minority} {model.minority_f1}, {model.test_patients} test patients."
    )


def exit_code(*, refused: bool) -> int:
    """0 when all was answered, 3 when a person has to look at what was not."""
    from apps.cli import NEEDS_PERSON

    return NEEDS_PERSON if refused else 0


def _tell_most(counts: Mapping[str, int], say: Callable[[str], None]) -> None:
    for what, count in [*counts.items()][:_SHOWN]:
        say(f"  {count:,} x {what}")
    if others := sum([*counts.values()][_SHOWN:]):
        say(f"  {others:,} x others; the table has them all")


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
