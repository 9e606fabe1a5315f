"""`xray review`: what was refused, and a steward's decisions on it."""

from typing import Annotated

import typer

from apps.arguments import Who, Why

commands = typer.Typer(
    help="Decide on what was refused: look at it, and release, reject or relabel it. Every decision is kept for ever "
    "with who and why, the next snapshot follows it, and undo is a decision too.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ReviewedBatch = Annotated[
    str, typer.Argument(help="Id of the batch, as `xray review list` prints it, or a beginning that no other has.")
]
Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image", help="Id of an image, or its first 8 characters or more; once for each. The whole batch without."
    ),
]


@commands.command("list")
def review_list() -> None:
    """List the batches that hold images back: those held for a person, and how many images are quarantined."""
    from apps.review import list_waiting

    list_waiting()


@commands.command("show")
def review_show(
    batch: ReviewedBatch,
    every: Annotated[bool, typer.Option("--all", help="List every image, not only the first of each reason.")] = False,
) -> None:
    """Show why a batch's images were refused, the ids of the images by reason, and all decisions on it."""
    from apps.review import show_batch

    show_batch(batch, every=every)


@commands.command("release")
def review_release(batch: ReviewedBatch, why: Why, image: Images = None, who: Who = None) -> None:
    """Accept what was refused: the held images of a batch, or the images named, quarantined ones too."""
    from apps.review import decide

    decide("release", batch, images=image or (), why=why, who=who)


@commands.command("reject")
def review_reject(batch: ReviewedBatch, why: Why, image: Images = None, who: Who = None) -> None:
    """Keep images out for good: all held and accepted ones of a batch but those released by name, or those named."""
    from apps.review import decide

    decide("reject", batch, images=image or (), why=why, who=who)


@commands.command("relabel")
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


@commands.command("undo")
def review_undo(
    decision: Annotated[str, typer.Argument(help="Id of the decision, as `xray review show` prints it.")],
    why: Why,
    who: Who = None,
) -> None:
    """Take a decision back, as if it had never been made; undoing an undo brings it back."""
    from apps.review import undo

    undo(decision, why=why, who=who)
