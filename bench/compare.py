"""The notebooks' studies on real X-rays: runs recipes by `xray compare`'s own flow, and writes `docs/results.md`.

`python bench/compare.py --data FOLDER` pushes the sources of `FOLDER/xray` into a store of its own, reads them, and
compares the variants of `three-classes` and `pneumonia` with MobileNetV2 in place of every pretrained network, for its
weights alone are in `FOLDER/weights`. `--epochs` bounds the networks that learn from the start, `--trials` the search,
`--images` both studies. The tables stand between two marks of `docs/results.md`, whose rest stays as it is. A run that
was interrupted goes on where `--home` is the same.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xray_model import recipes
from xray_model.config import CompareOptions
from xray_model.outcomes import CompareOutcome, Interval

SOURCES = (
    "covid-cxnet",
    "ieee8023-covid-chestxray",
    "kaggle-chest-xray-pneumonia",
    "nih-chestxray8-subset-muhammedtalo",
)
RECIPES = ("three-classes", "pneumonia")
BACKBONE, WEIGHTS = "mobilenet_v2", "mobilenet_v2_1.0_224_no_top.weights.h5"
BEGIN, END = "<!-- studies: written by bench/compare.py -->\n", "<!-- end of studies -->\n"
INTRODUCTION = """## The notebooks' studies

Made by `python bench/compare.py`, on the images that the gate does not test on. {backbone} stands in for every
pretrained network of the recipes, for its weights alone were there; its head sees several depths, and nothing of it is
fine-tuned. **Networks that learn from the start had {epochs} epochs**, on two cores: their figures say what so little
training comes to, and nothing of what they can do. Searches had {trials} trials in place of 20.

Each patient is tested once, by a model that has not seen him, and all folds are counted together; intervals of F1 are
by bootstrap over patients. Those of *from the first* hold for all pairs at once and also for what other trainings would
change, as far as three folds tell (`xray_model/evaluation/distances.py`). Seconds are left out, as the machine did
other work.
"""
FROM_THE_START = (('weights = "none"', 'weights = "none", epochs = {epochs}'), ('start"', 'start, {epochs} epochs"'))
"""What bounds the networks of the recipes that learn from the start, and says so in their titles."""


def main() -> None:
    """Ingest, compare, and write."""
    chosen = arguments()
    if not (chosen.data / "weights" / WEIGHTS).is_file():
        sys.exit(f"no weights/{WEIGHTS} in {chosen.data}: give the folder that has it with --data")
    os.environ["XRAY_HOME"] = str(chosen.home)
    os.environ.setdefault("XRAY_SALT", "results")
    from storage.settings import Settings, prepare_environment

    chosen.home.mkdir(parents=True, exist_ok=True)
    prepare_environment(Settings())
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    options = {"folds": chosen.folds, "trials": chosen.trials, "images": chosen.images}
    outcomes = run_studies(chosen.data, options, chosen.epochs)
    write_section(chosen.out, make_section(outcomes, chosen.epochs, chosen.trials))


def arguments() -> argparse.Namespace:
    """Where the images are and what is written where."""
    repository = Path(__file__).resolve().parents[1]
    data = Path(os.environ.get("XRAY_SHARED_DATA", repository.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=data, help="folder with xray/ and weights/")
    parser.add_argument("--home", type=Path, default=Path.home() / ".xray" / "bench-compare", help="store of its own")
    parser.add_argument("--out", type=Path, default=repository / "docs" / "results.md")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="of networks that learn from the start")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--images", type=int, help="of each study at most, drawn by patient; all without")
    return parser.parse_args()


def run_studies(data: Path, options: dict[str, Any], epochs: int) -> list[CompareOutcome]:
    """Read the sources into the store that the environment names, once, and compare.

    Args:
        data: folder with xray/ and weights/.
        options: of `CompareOptions`.
        epochs: of networks that learn from the start.
    """
    from apps.push import push_batch
    from flows.compare import compare
    from flows.ingest import ingest
    from flows.running import run_flow
    from storage.catalog import batch_ids
    from storage.settings import Settings
    from storage.store import open_store
    from xray_model.config import IngestOptions

    if not batch_ids(open_store(Settings()).objects):
        for source in SOURCES:
            push_batch(data / "xray" / source, source, "first")
        run_flow(ingest, IngestOptions())
    whole = {"backbone": BACKBONE, "training": {"weights": str(data / "weights" / WEIGHTS)}, **options}
    with TemporaryDirectory(prefix="xray-recipes-") as folder:
        bound = [bound_recipe(name, epochs, Path(folder)) for name in RECIPES]
        return [run_flow(compare, CompareOptions.model_validate({"recipe": str(path), **whole})) for path in bound]


def bound_recipe(name: str, epochs: int, folder: Path) -> Path:
    """A recipe of the package whose networks from the start have so many epochs, as a file in a folder."""
    text = (Path(recipes.__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    for found, bound in FROM_THE_START:
        if text.count(found) != 1:
            raise ValueError(f"{name} has {text.count(found)} times {found}, where one variant learns from the start")
        text = text.replace(found, bound.format(epochs=epochs))
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def make_section(outcomes: list[CompareOutcome], epochs: int, trials: int) -> str:
    """The section of `docs/results.md`."""
    parts = [INTRODUCTION.format(backbone=BACKBONE, epochs=epochs, trials=trials)]
    for outcome in outcomes:
        parts.append(
            f"### {outcome.title}\n\n{outcome.images} images of {outcome.patients} patients, {outcome.folds} folds, "
            f"{outcome.seeds} seed; the minority is {outcome.minority}. Recipe `{outcome.recipe}`.\n"
        )
        parts.append(make_table(outcome))
        parts.append("".join(f"- {note}\n" for note in outcome.notes))
    return "\n".join(parts)


def make_table(outcome: CompareOutcome) -> str:
    """The standings, the best first."""
    head = [
        "variant",
        "minority F1 [95 %]",
        "from the first",
        "macro F1",
        *(f"recall {name}" for name in outcome.classes),
    ]
    head.append("weights")
    lines = [head, ["---"] * len(head)]
    lines += [
        [
            one.title,
            tell(one.minority_f1),
            "" if one.over_best is None else tell(one.over_best, "+"),
            f"{one.macro_f1.value:.3f}",
            *(f"{one.recalls[name].value:.3f}" for name in outcome.classes),
            f"{one.parameters:,}",
        ]
        for one in outcome.standings
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def tell(figure: Interval, sign: str = "") -> str:
    """A figure with its interval."""
    return f"{figure.value:{sign}.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def write_section(path: Path, section: str) -> None:
    """Put it between the marks, or with them at the end; all else stays."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, begins, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    before = before if begins else f"{before.rstrip()}\n\n".lstrip()
    path.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
