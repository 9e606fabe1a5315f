"""The `xray` command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from apps import models
from apps.arguments import Verbose, Who, Why
from apps.console.access.visitors import Role
from apps.drift import drift
from xray_model.errors import XrayError

app = typer.Typer(
    help="Continuous training for chest X-ray models: batches in, a champion that is really better out. "
    "A research tool, not for diagnostic use.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

review = typer.Typer(
    help="Decide on what was refused: look at it, and release, reject or relabel it. Every decision is kept for ever "
    "with who and why, the next snapshot follows it, and undo is a decision too.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(review, name="review")

console = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(console, name="console")
expectations = typer.Typer(
    help="The bounds that pictures are judged by: those in force, those that accepted images speak for, and who set "
    "which. A change counts for the batches judged after it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(expectations, name="expectations")
app.add_typer(models.commands, name="models")

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
ReviewedBatch = Annotated[
    str, typer.Argument(help="Id of the batch, as `xray review list` prints it, or a beginning that no other has.")
]
Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image", help="Id of an image, or its first 8 characters or more; once for each. The whole batch without."
    ),
]
PersonName = Annotated[str, typer.Argument(help="The name they sign in with, and decide under.")]


@app.command()
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


@app.command()
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


@app.command()
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
            help="Any other option of training or gate, as often as needed: `--set rebalancing=smote`, "
            "`--set augmentation.rotation=3`, `--set gate.require_approval=true`. A name there is not is answered with "
            "those there are.",
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
    )
    raise typer.Exit(run_night(options, verbose=verbose))


app.command()(drift)


@app.command()
def batches() -> None:
    """List every batch with what became of its images, the newest last."""
    from apps.listing import list_batches

    list_batches()


@app.command()
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
    from apps.doctor import examine

    raise typer.Exit(examine(backbone, weights, alpha))


@review.command("list")
def review_list() -> None:
    """List the batches that hold images back: those held for a person, and how many images are quarantined."""
    from apps.review import list_waiting

    list_waiting()


@review.command("show")
def review_show(
    batch: ReviewedBatch,
    every: Annotated[bool, typer.Option("--all", help="List every image, not only the first of each reason.")] = False,
) -> None:
    """Show why a batch's images were refused, the ids of the images by reason, and all decisions on it."""
    from apps.review import show_batch

    show_batch(batch, every=every)


@review.command("release")
def review_release(batch: ReviewedBatch, why: Why, image: Images = None, who: Who = None) -> None:
    """Accept what was refused: the held images of a batch, or the images named, quarantined ones too."""
    from apps.review import decide

    decide("release", batch, images=image or (), why=why, who=who)


@review.command("reject")
def review_reject(batch: ReviewedBatch, why: Why, image: Images = None, who: Who = None) -> None:
    """Keep images out for good: all held and accepted ones of a batch but those released by name, or those named."""
    from apps.review import decide

    decide("reject", batch, images=image or (), why=why, who=who)


@review.command("relabel")
def review_relabel(
    batch: ReviewedBatch,
    label: Annotated[str, typer.Option(help="The finding: covid, pneumonia or normal.")],
    why: Why,
    image: Images = None,
    who: Who = None,
) -> None:
    """Give images another finding; whether they are accepted stays as it is."""
    from apps.review import decide

    decide("relabel", batch, images=image or (), why=why, who=who, label=label)


@review.command("undo")
def review_undo(
    decision: Annotated[str, typer.Argument(help="Id of the decision, as `xray review show` prints it.")],
    why: Why,
    who: Who = None,
) -> None:
    """Take a decision back, as if it had never been made; undoing an undo brings it back."""
    from apps.review import undo

    undo(decision, why=why, who=who)


@console.callback()
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
) -> None:
    """The steward's desk: start a web console to look at what was refused and to decide, or say who may use it.

    It listens on this machine alone unless told otherwise.
    """
    if context.invoked_subcommand is not None:
        return
    from apps.console.serving import Listening, serve_console

    serve_console(Listening(host, port, tuple(name or ()), certificate, key, tuple(proxy or ()), proxy_header))


@console.command("add")
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


@console.command("remove")
def console_remove(name: PersonName) -> None:
    """Take somebody's access away at once, also where they are signed in."""
    from apps.people import remove_person

    remove_person(name)


@console.command("people")
def console_people() -> None:
    """List who may use the console, with their roles."""
    from apps.people import list_people

    list_people()


@expectations.command("show")
def expectations_show() -> None:
    """Show the bounds in force, where each comes from, and every change that was made."""
    from apps.expectations import show_bounds

    show_bounds()


@expectations.command("propose")
def expectations_propose() -> None:
    """Show the bounds that accepted images speak for beside today's, and how many images each would leave out."""
    from apps.expectations import show_proposals

    show_proposals()


@expectations.command("accept")
def expectations_accept(
    proposal: Annotated[str, typer.Option(help="Id of what you saw, as `xray expectations propose` prints it.")],
    why: Why,
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="RULE", help="Rules whose proposed bound is accepted.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Accept every bound that is proposed.")] = False,
    who: Who = None,
) -> None:
    """Put proposed bounds in force, for the batches judged from now on; it is refused if the proposal changed since."""
    from apps.expectations import accept

    accept(codes or (), every=every, proposal=proposal, why=why, who=who)


@expectations.command("reset")
def expectations_reset(
    codes: Annotated[list[str], typer.Argument(metavar="RULE", help="Rules whose bound is put back.")],
    why: Why,
    who: Who = None,
) -> None:
    """Put bounds back to those that the pipeline starts with; the changes made before stay on record."""
    from apps.expectations import reset

    reset(codes, why=why, who=who)


@app.command()
def demo(
    home: Annotated[Path, typer.Option(help="Folder for everything the demo makes; made afresh.")] = Path(".xray/demo"),
    backbone: Backbone = "basic_cnn",
    weights: Weights = None,
    verbose: Verbose = False,
) -> None:
    """Show two nights on drawn X-rays, in about two minutes and without a download.

    The first night reads unbalanced batches with some broken files and ends with a first champion; in the second a
    batch from another scanner arrives, and one that must be held.
    """
    from apps.demo import run_demo

    raise typer.Exit(run_demo(home, backbone, weights, verbose=verbose))


def main() -> None:
    """Run the command line; what this project refuses is one clear line, not a traceback."""
    try:
        app()
    except XrayError as error:
        sys.stderr.write(f"xray: {error}\n")
        sys.exit(1)
