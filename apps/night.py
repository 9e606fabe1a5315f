"""`xray nightly`: the flow in this process, with progress, and its news at the end."""

from collections.abc import Mapping

from pydantic import ValidationError
from rich.console import Console

from apps.starting import start_flow
from storage.decisions import count_statuses
from storage.settings import Settings
from storage.settling import settle_night
from storage.store import open_store
from xray_model.config import (
    FROM_THE_START,
    DriftPolicy,
    GatePolicy,
    MonitorOptions,
    NightlyOptions,
    RetrainOptions,
    SnapshotOptions,
    TrainingOptions,
)
from xray_model.data.decisions import describe_faults
from xray_model.errors import ConfigurationError
from xray_model.outcomes import NightOutcome


def default_weights(backbone: str) -> str:
    """ImageNet for a backbone made for transfer learning, none for one trained from the start."""
    return "none" if backbone in FROM_THE_START else "imagenet"


def night_options(
    *,
    backbone: str,
    weights: str,
    classes: str,
    sources: str = "",
    force: bool = False,
    training: Mapping[str, object] | None = None,
    gate: Mapping[str, object] | None = None,
    drift: Mapping[str, object] | None = None,
) -> NightlyOptions:
    """The options of a night from the words of the command line.

    Args:
        backbone: name of the network.
        weights: where it starts from.
        classes: findings it tells apart, with commas.
        sources: those whose images it learns from, with commas; all where empty.
        force: train where nothing is new.
        training: further training options by name.
        gate: options of the gate by name.
        drift: options of the drift policy by name.

    Raises:
        ConfigurationError: one of them is not allowed.
    """
    chosen = {"backbone": backbone, "weights": weights, **(training or {})}
    try:
        return NightlyOptions(
            monitor=MonitorOptions(policy=DriftPolicy.model_validate(drift or {})),
            retrain=RetrainOptions(
                snapshot=SnapshotOptions.model_validate({"classes": _words(classes), "sources": _words(sources)}),
                training=TrainingOptions.model_validate(chosen),
                gate=GatePolicy.model_validate(gate or {}),
                force=force,
            ),
        )
    except ValidationError as error:
        raise ConfigurationError(f"an option is not allowed: {describe_faults(error)}") from error


def run_night(options: NightlyOptions, *, verbose: bool) -> int:
    """Run one night and tell its news; returns the exit code."""
    console = Console()
    night, page = start_night(options, console, verbose=verbose)
    # A batch that `xray ingest` held, and a person decided on since, is reported by this night and waits for nobody.
    night = settle_night(night, count_statuses(open_store(Settings()).objects))
    tell(night, console)
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    return exit_code(night)


def start_night(options: NightlyOptions, console: Console, *, verbose: bool) -> tuple[NightOutcome, str]:
    """Run one night; returns what came of it and the URL of the report index."""
    night: NightOutcome = start_flow("nightly", options, console, verbose=verbose)
    return night, f"{Settings().store_url}/reports/index.html"


def tell(night: NightOutcome, console: Console) -> None:
    """Print what happened: the headline, and a line for each batch or model that needs a person."""
    from storage.reports import headline

    console.print(f"\n{headline(night)}.", style="bold", highlight=False)
    for batch in night.batches:
        if batch.needs_person:
            reasons = " ".join(batch.reasons)
            console.print(f"  {batch.source} / {batch.name} is {batch.status}: {reasons}", highlight=False)
    promotion = night.retrain.promotion
    if promotion is not None and promotion.awaits_approval:
        version = promotion.challenger_version
        words = f"  `xray models approve {version} --why …` puts v{version} in service, `xray models refuse` does not."
        console.print(words, highlight=False, soft_wrap=True)
    if not night.retrain.trained:
        console.print(f"  {night.retrain.reasons[0]}", highlight=False)


def exit_code(night: NightOutcome) -> int:
    """0 when nothing waits, 3 when a batch or a model waits for a person, 1 when the training failed."""
    from apps.cli import NEEDS_PERSON

    if night.retrain.failed:
        return 1
    promotion = night.retrain.promotion
    model_waits = promotion is not None and promotion.awaits_approval
    return NEEDS_PERSON if night.needs_person or model_waits else 0


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
