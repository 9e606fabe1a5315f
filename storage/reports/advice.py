"""What a steward is told to do about a batch, and what happens if nobody does."""

import re
import shlex
from dataclasses import dataclass

from storage.reports import figures
from xray_model.outcomes import BatchOutcome, BatchStatus

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, with the command that does it where there is one."""

    sentence: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one batch."""

    title: str
    """Heading over why the batch is where it is."""
    if_nothing: str
    steps: tuple[Action, ...] = ()
    consequence: str = ""
    """What following the steps will cause."""


def advise(batch: BatchOutcome) -> Advice:
    """Say what to do about a batch, naming only what this version can do."""
    match batch.status:
        case BatchStatus.HELD:
            return _advise_held(batch)
        case BatchStatus.REFUSED:
            return _advise_refused(batch)
        case BatchStatus.FAILED:
            return _advise_failed(batch)
        case BatchStatus.ACCEPTED:
            return _advise_accepted(batch)


def push_command(batch: BatchOutcome) -> str:
    """The command that sends a mended batch under a new name."""
    name = _UNSAFE.sub("-", batch.name).strip("-_")[:_LONGEST]
    return f"xray push PATH --source {shlex.quote(batch.source)} --batch {f'{name}-corrected'.lstrip('-')}"


def _advise_held(batch: BatchOutcome) -> Advice:
    kept = "It stays out of training. Nothing is lost: its files lie in the store as they arrived"
    sound = f", and its {figures.plural(batch.held, 'sound image')} {_wait(batch.held)} with it" if batch.held else ""
    first = "Look at the refused images below, reason by reason." if batch.quarantined else "Read the reason above."
    return Advice(
        title="Why it is held",
        if_nothing=f"{kept}{sound}.",
        steps=(
            Action(first),
            Action(
                "If the files or their tables are wrong, put them right and send the whole batch again under a new "
                "name. PATH is the corrected folder or archive.",
                push_command(batch),
            ),
            Action(
                "If the images are right as they are, release the batch unchanged and say why; "
                "`xray review reject` takes it off the list instead.",
                f"xray review release {shlex.quote(batch.batch_id)} --why REASON",
            ),
        ),
        consequence="The next night reads a corrected batch and checks every image anew; those that pass, and those "
        "released, join the next training.",
    )


def _advise_refused(batch: BatchOutcome) -> Advice:
    arrived = "Read the reason above: it names what was found." if batch.files else "The batch arrived without a file."
    return Advice(
        title="Why it was refused",
        if_nothing="None of it is used. Nothing is lost: its files lie in the store as they arrived.",
        steps=(
            Action(arrived),
            Action(
                "Put it right and send the batch under a new name. PATH is the corrected folder or archive.",
                push_command(batch),
            ),
        ),
        consequence="The next night reads it; images that pass every check join the next training.",
    )


def _advise_failed(batch: BatchOutcome) -> Advice:
    return Advice(
        title="Why it failed",
        if_nothing=f"None of {batch.name} is used. Nothing is lost: its files lie in the store as they arrived, and "
        "the next night tries them again.",
        steps=(
            Action("This is an error of the pipeline, as far as is known not of your files: there is nothing to send."),
            Action("If the batch fails again, show this page to whoever runs the pipeline."),
        ),
    )


def _advise_accepted(batch: BatchOutcome) -> Advice:
    if not batch.quarantined:
        return Advice(title="Nothing is needed from you", if_nothing="The accepted images join the next training.")
    stay = "stays" if batch.quarantined == 1 else "stay"
    return Advice(
        title="Nothing is needed from you",
        if_nothing=f"{figures.plural(batch.quarantined, 'refused image')} {stay} out of training; "
        "nothing is lost. The others join the next training.",
        steps=(
            Action("Look at the refused images below: one reason that stands out often has one cause."),
            Action(
                "To win images back, put them right and send those alone under a new name. PATH is the folder of "
                "corrected images.",
                push_command(batch),
            ),
        ),
    )


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"
