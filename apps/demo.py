"""`xray demo`: three nights on drawn X-rays in a fresh home, and a steward's decision between them."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from apps.night import default_weights, night_options, start_night, tell
from apps.progress import show_progress
from apps.push import push_batch
from storage.catalog import current_batches
from storage.decisions import record_decision
from storage.settings import Settings
from storage.store import open_store
from xray_model.data.decisions import Action, propose
from xray_model.data.phantoms import (
    BrokenKind,
    CohortOptions,
    OnImage,
    pack_bimcv,
    write_bimcv,
    write_broken_files,
    write_class_folders,
)
from xray_model.errors import ConfigurationError
from xray_model.outcomes import NightOutcome
from xray_model.progress import advance

_MARK = ".demo"
_WORKERS = 2
_SALT = "demo"
_KNOWN, _DRIFTED = "bimcv", "iteration-2"
_STEWARD, _WHY = "demo", "the ward has a new scanner, and its images are sound"


def run_demo(home: Path, backbone: str, weights: str | None, *, verbose: bool) -> int:
    """Draw batches, run three nights, and say what happened; returns the exit code.

    Raises:
        ConfigurationError: `home` holds something that is not an earlier demo's.
    """
    console = Console()
    options = night_options(backbone=backbone, weights=weights or default_weights(backbone), classes="covid,normal")
    begin_home(home)
    console.print("[bold]Night 1[/]: an unbalanced BIMCV archive with broken files, and a Kaggle folder.")
    send_first_night(console)
    first, _ = start_night(options, console, verbose=verbose)
    tell(first, console)
    console.print("\n[bold]Night 2[/]: a batch from another scanner, and one with a wrong MONOCHROME tag.")
    send_second_night(console)
    second, _ = start_night(options, console, verbose=verbose)
    tell(second, console)
    release(f"{_KNOWN}.{_DRIFTED}.", console)
    console.print("\n[bold]Night 3[/]: nothing new arrives, and the batch that was released is trained on.")
    third, index = start_night(options, console, verbose=verbose)
    tell(third, console)
    nights = [first, second, third]
    summarise(nights, index, console)
    return int(any(night.retrain.failed for night in nights))


def begin_home(home: Path) -> None:
    """Make `home` fresh and let this process live in it alone."""
    if home.exists() and any(home.iterdir()) and not (home / _MARK).exists():
        raise ConfigurationError(f"{home} holds something that no demo made: name another folder with --home")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / _MARK).touch()
    for name in ("XRAY_STORE", "XRAY_REGISTRY", "PREFECT_API_URL", "PREFECT_HOME"):
        os.environ.pop(name, None)
    # The salt decides the split: drawn patients need no secret, and every demo should show the same.
    os.environ.update({"XRAY_HOME": str(home), "XRAY_SALT": _SALT})


def send_first_night(console: Console) -> None:
    """Send one covid-heavy BIMCV batch with broken files, packed, and one Kaggle batch."""
    with TemporaryDirectory(prefix="xray-demo-") as folder, show_progress(console):
        bimcv, kaggle = Path(folder, "iteration-1"), Path(folder, "covid-and-normal")
        cohort = CohortOptions(patients=315, shares={"covid": 8, "normal": 1}, seed=1)
        write_bimcv(bimcv, cohort, workers=_WORKERS, on_image=_drawing("draw bimcv"))
        write_broken_files(bimcv, seed=1)
        pack_bimcv(bimcv)
        mixed = CohortOptions(patients=225, shares={"covid": 6, "normal": 3}, seed=2, first_patient=501)
        write_class_folders(kaggle, mixed, three_classes=True, workers=_WORKERS, on_image=_drawing("draw kaggle"))
        push_batch(bimcv, _KNOWN, None, console)
        push_batch(kaggle, "kaggle", None, console)


def send_second_night(console: Console) -> None:
    """Send one batch that has drifted, and one of which a third looks inverted."""
    with TemporaryDirectory(prefix="xray-demo-") as folder, show_progress(console):
        drifted, inverted = Path(folder, _DRIFTED), Path(folder, "new-scanner")
        shares = {"covid": 3.0, "normal": 2.0}
        later = CohortOptions(patients=180, shares=shares, seed=3, first_patient=1001, drift=1.0)
        write_bimcv(drifted, later, workers=_WORKERS, on_image=_drawing("draw drifted"))
        few = CohortOptions(patients=45, shares={"covid": 1, "normal": 1}, seed=4, first_patient=2001)
        write_bimcv(inverted, few, workers=_WORKERS, on_image=_drawing("draw new scanner"))
        write_broken_files(inverted, seed=4, kinds=[BrokenKind.INVERTED], each=18)
        push_batch(drifted, _KNOWN, None, console)
        push_batch(inverted, _KNOWN, None, console)


def release(family: str, console: Console) -> None:
    """Decide as a steward would who knows the scanner: the sound images of a batch (the start of its id) count."""
    objects = open_store(Settings()).objects
    (batch_id,) = current_batches(objects, family)
    proposal = propose(batch_id=batch_id, action=Action.RELEASE, who=_STEWARD, why=_WHY)
    recorded = record_decision(objects, proposal)
    console.print(
        f"\n[bold]By day[/] a steward looks at {batch_id} and releases {recorded.accepted} images: {_WHY}.",
        highlight=False,
        soft_wrap=True,
    )


def summarise(nights: list[NightOutcome], index: str, console: Console) -> None:
    """Print one column a night, and where to look next."""
    table = Table("", *(f"night {place}" for place in range(1, len(nights) + 1)), title="\nWhat happened")
    for name in ("read", "accepted", "quarantined", "held"):
        table.add_row(f"images {name}", *(str(night.total(name)) for night in nights))
    table.add_row("drift", *(night.drift.state for night in nights))
    table.add_row("trained", *(_trained(night) for night in nights))
    table.add_row("F1 of the minority class", *(_score(night) for night in nights))
    table.add_row("in service after", *(_champion(night) for night in nights))
    console.print(table)
    console.print(f"Look next: {index}", highlight=False, soft_wrap=True)
    settings = f"XRAY_HOME={os.environ['XRAY_HOME']} XRAY_SALT={_SALT}"
    console.print(
        f"To go on with its store: export {settings}, then `xray console` or `xray review list`.", soft_wrap=True
    )
    console.print("Drawn X-rays, a research tool: not for diagnostic use.")


def _trained(night: NightOutcome) -> str:
    training = night.retrain.training
    return "no" if training is None else f"{training.backbone} ({training.weights}), {training.seconds:.0f} s"


def _score(night: NightOutcome) -> str:
    challenger = night.retrain.challenger
    if challenger is None:
        return "-"
    return f"{challenger.minority} {challenger.minority_f1}, {challenger.patients} test patients"


def _champion(night: NightOutcome) -> str:
    return "none" if night.champion is None else f"v{night.champion.version}"


def _drawing(stage: str) -> OnImage:
    return lambda done, total: advance(stage, done, total)
