"""The `xray` command line: the commands by themselves, and where those with commands of their own are registered."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from apps.arguments import Verbose
from apps.commands import console, expectations, models, review
from apps.commands.backup import backup, restore
from apps.commands.compare import compare
from apps.commands.drift import drift
from apps.commands.explore import explore
from apps.commands.predict import predict, score
from xray_model.errors import XrayError

app = typer.Typer(
    help="Continuous training for chest X-ray models: batches in, a champion that is really better out. "
    "A research tool, not for diagnostic use.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.add_typer(review.commands, name="review", short_help="Decide on what was refused.")
app.add_typer(console.commands, name="console", short_help="Start the steward's desk, or say who may use it.")
app.add_typer(expectations.commands, name="expectations", short_help="Show or change the bounds of pictures.")
app.add_typer(models.commands, name="models", short_help="List the models, approve one, or go back.")

NEEDS_PERSON = 3
"""Exit code of a night that went well and left something for a person to decide."""

Backbone = Annotated[
    str,
    typer.Option(
        help="Network to train: basic_cnn or vit_tiny from the start; for transfer learning vgg16, vgg19, "
        "vgg19_extended, resnet50, resnet50v2, inception_v3, densenet121, mobilenet_v2, efficientnet_v2_b0, "
        "convnext_tiny or vit_b16."
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        help="Where the backbone's weights come from: `imagenet` (downloaded once), `champion` (the model in service), "
        "a weight file by its path, `store:` and its key or s3://, or `none`. Without it: imagenet, but none for "
        "basic_cnn and vit_tiny, which are trained from the start."
    ),
]


@app.command(short_help="Send a batch to the landing zone.")
def push(
    path: Annotated[Path, typer.Argument(help="A folder of images and tables, or a .zip, .tgz, .tar.gz or .tar file.")],
    source: Annotated[str, typer.Option(help="Who sends it: a hospital or a data set. Stays with every image.")],
    batch: Annotated[
        str | None, typer.Option(help="Name of the batch; the name of the folder or file without.")
    ] = None,
) -> None:
    """Send a batch: copy a folder or an archive into the landing zone and mark it ready for the next night."""
    from rich.console import Console

    from apps.progress import show_progress
    from apps.push import push_batch

    console = Console()
    with show_progress(console):
        push_batch(path, source, batch, console)


@app.command(short_help="Read new batches, and train nothing.")
def ingest(
    source: Annotated[str | None, typer.Option(help="Only batches of this source.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only the batch of this name.")] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="Read with this layout whatever the files look like: bimcv, csv_table, class_folders, dicom."
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Read the named batch again, all of it, as after a reader was mended: the new revision counts, the "
            "earlier ones are kept.",
        ),
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Read new batches into the catalog now, and train nothing.

    Exit code 0: nothing waits for you. 3: a batch is held, refused or failed.
    """
    from apps.ingest import run_ingest

    raise typer.Exit(run_ingest(source=source, batch=batch, layout=layout, again=again, verbose=verbose))


@app.command(short_help="Run a night: ingest, check, watch, train, judge.")
def nightly(
    backbone: Backbone = "basic_cnn",
    weights: Weights = None,
    classes: Annotated[
        str, typer.Option(help="Findings the model tells apart, with commas.")
    ] = "covid,pneumonia,normal",
    train_sources: Annotated[
        str, typer.Option(help="Train on images of these sources alone, with commas; all without.")
    ] = "",
    epochs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Epochs at most; the best by validation minority F1 is kept, or one less than a standard error below "
            "it with a smaller loss.",
        ),
    ] = 60,
    seed: Annotated[int, typer.Option(help="The same images, options and seed give the same model.")] = 20,
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other option of training, gate or drift, as often as needed: `--set rebalancing=smote`, "
            "`--set augmentation.rotation=3`, `--set gate.require_approval=true`, `--set drift.number_hold=2`. A name "
            "there is not is answered with those there are.",
        ),
    ] = None,
    waived: Annotated[
        list[str] | None,
        typer.Option(
            "--waive",
            metavar="CHECK=WHY",
            help="Let a check of the gate fail for a reason, which is kept: a shortcut probe such as lungs-hidden, "
            "calibration, or a subgroup such as subgroup-sex=F.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Train even where nothing is new.")] = False,
    verbose: Verbose = False,
) -> None:
    """Run a night now: read new batches, check them, watch drift, retrain, and promote what is really better.

    Exit code 0: nothing new waits for you. 3: a batch of this night is held, refused or failed, or its model waits for
    approval, and the report says what to do. 1: the night itself, or its training, failed.
    """
    from apps.night import default_weights, night_options, run_night
    from apps.setting import read_settings, read_waivers

    settings = read_settings(chosen or [])

    options = night_options(
        backbone=backbone,
        weights=weights or default_weights(backbone),
        classes=classes,
        sources=train_sources,
        force=force,
        training={"epochs": epochs, "seed": seed, **settings.training},
        gate={**settings.gate, "waivers": read_waivers(waived or [])},
        drift=settings.drift,
    )
    raise typer.Exit(run_night(options, verbose=verbose))


app.command(short_help="Compare new images with what the champion knows.")(drift)
app.command(short_help="Show what the images of a snapshot are of.")(explore)
app.command(short_help="Answer a few images, in a table.")(predict)
app.command(short_help="Answer all images of a folder or prefix.")(score)
app.command(short_help="Compare ways of training by cross-validation.")(compare)
app.command(short_help="Copy everything that lasts.")(backup)
app.command(short_help="Put a backup back.")(restore)


@app.command(short_help="List every batch and what became of its images.")
def batches() -> None:
    """List every batch with what became of its images, the newest last."""
    from apps.listing import list_batches

    list_batches()


@app.command(short_help="Say what this installation has and lacks.")
def doctor(
    backbone: Annotated[
        str | None, typer.Option(help="Load the weights of this network really, instead of a look at which are there.")
    ] = None,
    weights: Weights = None,
    alpha: Annotated[float | None, typer.Option(help="Width of mobilenet_v2 that the weights are for.")] = None,
) -> None:
    """Say what this installation has and lacks, and what to do; nothing is changed or downloaded.

    Exit code 0: nothing is wrong. 1: something that is set or asked for cannot work.
    """
    from apps.doctor.examining import examine

    raise typer.Exit(examine(backbone, weights, alpha))


@app.command(short_help="Run server, workers and console on one machine.")
def up(
    console_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the steward's desk.")] = 8420,
    prefect_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the Prefect server.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of MLflow's pages.")] = 5000,
) -> None:
    """Run all that one machine needs for its nights: Prefect server, workers, console and MLflow's pages.

    It deploys prefect.yaml, starts again what dies, and stops everything on Ctrl-C; logs are under `logs` in the home.
    All listens on this machine alone. Exit code 0: it was stopped. 1: something could not be kept up.
    """
    from apps.up.ports import Ports
    from apps.up.starting import run_up

    raise typer.Exit(run_up(Ports(prefect=prefect_port, console=console_port, mlflow=mlflow_port)))


@app.command(short_help="Show three nights on drawn X-rays.")
def demo(
    home: Annotated[Path, typer.Option(help="Folder for everything the demo makes; made afresh.")] = Path(".xray/demo"),
    backbone: Backbone = "basic_cnn",
    weights: Weights = None,
    verbose: Verbose = False,
) -> None:
    """Show three nights on drawn X-rays, in about three minutes and without a download.

    The first night reads unbalanced batches with some broken files and ends with a first champion; in the second a
    batch from another scanner arrives, and one that must be held.
    """
    from apps.demo import run_demo

    raise typer.Exit(run_demo(home, backbone, weights, verbose=verbose))


def main() -> None:
    """Run the command line; what this project refuses is one clear line, not a traceback."""
    try:
        app(prog_name="xray")  # also where it is started as `python -m apps`
    except XrayError as error:
        sys.stderr.write(f"xray: {error}\n")
        sys.exit(1)
