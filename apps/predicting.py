"""`xray predict`: a model's answers to a few images, as a table in the terminal; nothing of them is kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from apps.progress import show_progress
from apps.scoring import describe_model, exit_code
from storage.bounds import load_bounds
from storage.registry import Registry
from storage.settings import Settings, prepare_environment
from storage.store import open_store
from xray_model.errors import InvalidInput
from xray_model.outcomes import NOTICE
from xray_model.progress import advance

if TYPE_CHECKING:
    from storage.scoring.answering import Answerer, RefusedFile, ScoredImage

_AT_ONCE = 16
"""Images that are decoded and answered together."""


def run_predict(paths: Sequence[Path], *, version: int | None, explain: Path | None) -> int:
    """Answer some images and print a table; returns the exit code.

    Args:
        paths: of the images.
        version: of the model; None for the one in service.
        explain: folder that gets, for each image, a PNG of it beside itself under its heat map; none without.

    Raises:
        InvalidInput: there is no such model, or the folder cannot be made.
        RegistryUnavailable: the registry does not answer.
    """
    from storage.scoring.answering import RefusedFile, open_answerer
    from storage.scoring.models import choose_model, copy_model
    from storage.sights import find_sight

    if explain is not None:
        _make_folder(explain)
    settings, console = Settings(), Console()
    prepare_environment(settings)
    objects, registry = open_store(settings).objects, Registry(settings)
    model = choose_model(objects, registry, version)
    bounds = tuple(load_bounds(objects).bounds.values())
    console.print(f"Loading model v{model.version} …", highlight=False)
    with copy_model(registry, model) as path:
        sight = find_sight(objects, model)
        answerer = open_answerer(model, path, bounds, sight)
    with show_progress(console):
        answers = _answer(answerer, paths)
        if explain is not None:
            _explain(answerer, paths, answers, explain)
    console.print(draw_answers(paths, answers, model.classes))
    _say(console, describe_model(model))
    if sight.unchecked is not None:
        _say(console, sight.unchecked)
    if explain is not None:
        _say(console, f"Heat maps, of what speaks for the decision: {_clean(str(explain))}")
    _say(console, NOTICE)
    return exit_code(refused=any(isinstance(answer, RefusedFile) for answer in answers))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"heat maps cannot be written to {folder}: {error.strerror}") from error


def _answer(answerer: "Answerer", paths: Sequence[Path]) -> list["ScoredImage | RefusedFile"]:
    from storage.scoring.images import read_image

    answers: list[ScoredImage | RefusedFile] = []
    for start in range(0, len(paths), _AT_ONCE):
        answers += answerer.answer(read_image(path) for path in paths[start : start + _AT_ONCE])
        advance("answer images", len(answers), len(paths))
    return answers


def _explain(
    answerer: "Answerer", paths: Sequence[Path], answers: Sequence["ScoredImage | RefusedFile"], folder: Path
) -> None:
    """Write a PNG for each answer, named by its place, the file and the decision."""
    from PIL import Image

    from storage.reports.examples import lay_heat
    from storage.scoring.answering import ScoredImage

    for place, (path, answer) in enumerate(zip(paths, answers, strict=True), start=1):
        if isinstance(answer, ScoredImage):
            pixels, label = answer.read.image.pixels, answer.prediction.label
            (heat,) = answerer.predictor.explain(pixels[None], label)
            Image.fromarray(lay_heat(pixels, heat)).save(folder / f"{place:02d}-{path.stem}-{label}.png", "PNG")
        advance("explain answers", place, len(paths))


def draw_answers(
    paths: Sequence[Path], answers: Sequence["ScoredImage | RefusedFile"], classes: Sequence[str]
) -> Table:
    """A table with a row for each image, of which a narrow terminal cuts nothing off.

    Args:
        paths: of the images.
        answers: to each.
        classes: of the model; their probabilities stand one below the other, for there may be many.
    """
    from storage.scoring.answering import RefusedFile

    columns = ("image, warnings", "decision, probabilities")
    table = Table(*(Column(name, overflow="fold") for name in columns), show_lines=True)
    for path, answer in zip(paths, answers, strict=True):
        if isinstance(answer, RefusedFile):
            said, notes = ["not answered"], [answer.reason]
        else:
            prediction = answer.prediction
            said = [prediction.label, *(f"{prediction.probabilities[name]:.3f} {name}" for name in classes)]
            notes = [f"Warning: {warning.text}" for warning in prediction.warnings]
        table.add_row(*(Text("\n".join(lines)) for lines in ([_clean(str(path)), *notes], said)))
    return table


def _clean(name: str) -> str:
    """A file's name without what would steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
