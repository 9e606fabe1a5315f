"""How often is drift found, and how often cried for nothing? `python bench/drift_power.py [--write docs/results.md]`.

Reads the real X-rays of `--data`, or draws phantoms where there are none. A classifier is fitted on a third of the
patients, who are then left out; the others are the pool. Calm: batches are drawn from the pool by patient, and the rest
of it is the reference. Power: likewise, but something is planted in the batch. The last line is JSON.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.drift_images import METADATA, Head, Images, Pictures, draw_phantoms, fit_head, load_real, plant
from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.judging import judge, score_columns
from xray_model.evaluation.drift.policy import sort_moved
from xray_model.evaluation.drift.preparing import prepare
from xray_model.evaluation.drift.sentences import say_share
from xray_model.outcomes import DriftOutcome, DriftState

HEADING = "## Drift: calm and power"
CALM = "drawn from the reference"
SEEN = (DriftState.OK, DriftState.WATCH, DriftState.RETRAIN, DriftState.HOLD)
FOUND = (DriftState.RETRAIN, DriftState.HOLD)
_THIRD = 3
_NAMED = 3
_CHUNK = 25

Draw = Callable[[np.random.Generator], tuple[pd.DataFrame, pd.DataFrame]]
"""Draws a batch and its reference."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way in which batches differ from their reference."""

    name: str
    classes: tuple[str, ...]
    draw: Draw


@dataclass(frozen=True, slots=True)
class Result:
    """What the policy made of the batches of one scenario."""

    name: str
    batches: int
    states: Counter[DriftState]
    moved: Counter[str]

    @property
    def found(self) -> float:
        """Share of the batches that ask for a retraining or are held."""
        return sum(self.states[state] for state in FOUND) / self.batches

    def row(self) -> str:
        """A line of the table."""
        shares = [say_share(self.states[state] / self.batches) for state in SEEN]
        named = [f"{name} {say_share(times / self.batches)}" for name, times in self.moved.most_common(_NAMED)]
        cells = (self.name, self.batches, *shares, say_share(self.found), ", ".join(named) or "nothing")
        return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Measure, print the table, and keep it where asked."""
    chosen = arguments()
    policy = DriftPolicy(permutations=chosen.permutations)
    images = load_real(chosen.data) if chosen.data else draw_phantoms(chosen.patients, chosen.side)
    results = []
    with start_processes(chosen.processes) as processes:
        for scenario in list_scenarios(images, chosen.images):
            batches = chosen.calm if scenario.name == CALM else chosen.batches
            results.append(measure(scenario, batches, policy, processes))
            print(results[-1].row(), flush=True)
    table = make_table(results, images, chosen.images, policy)
    print(f"\n{table}")
    if chosen.write:
        write_section(chosen.write, table)
    found = {result.name: result.found for result in results}
    print(json.dumps({"calm_alarms": found.pop(CALM), "found": found, "images": chosen.images}))


def arguments() -> argparse.Namespace:
    """Sizes, and where the images are."""
    data = Path(os.environ.get("XRAY_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    there = data if (data / "xray" / "manifest.csv").is_file() else None
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=200, help="of a batch")
    parser.add_argument("--batches", type=int, default=100, help="of each planted shift")
    parser.add_argument("--calm", type=int, default=200, help="batches with nothing planted")
    parser.add_argument("--permutations", type=int, default=DriftPolicy().permutations)
    parser.add_argument("--processes", type=int, default=2, help="that judge batches; 1 for none beside this one")
    parser.add_argument("--data", type=Path, default=there, help="folder with xray/manifest.csv and weights/")
    parser.add_argument("--phantoms", dest="data", action="store_const", const=None, help="draw X-rays instead")
    parser.add_argument("--patients", type=int, default=900, help="of phantoms")
    parser.add_argument("--side", type=int, default=256, help="of phantoms, in pixels")
    parser.add_argument("--write", type=Path, help="Markdown file whose section on drift is replaced")
    return parser.parse_args()


def start_processes(count: int) -> AbstractContextManager[Executor | None]:
    """Processes that judge batches, or none."""
    if count == 1:
        return nullcontext()
    # The sums are small: threads within a process would only wait for those of the other.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    return ProcessPoolExecutor(count, get_context("spawn"))


def list_scenarios(images: Images, size: int) -> Iterator[Scenario]:
    """Calm first, then each planted shift; each version of the pictures is computed once, batches only draw rows."""
    rows, features = images.adults, images.embed(images.adult_pictures)
    patients = rows["patient_id"].unique()
    third = set(np.random.default_rng(0).permutation(patients)[: len(patients) // _THIRD])
    learned = rows["patient_id"].isin(third).to_numpy()
    pool = rows[~learned].reset_index(drop=True)
    pictures = [picture for picture, left_out in zip(images.adult_pictures, learned, strict=True) if not left_out]
    head = fit_head(features[learned], rows["label"][learned])
    known = features[~learned]

    def frame(own: Head, some: pd.DataFrame, seen: Pictures, embedded: npt.NDArray[np.floating]) -> pd.DataFrame:
        return own.frame(some, seen, embedded, known)

    clean = frame(head, pool, pictures, known)
    yield Scenario(CALM, head.classes, partial(draw_batch, clean, clean, size))
    for name, changed in plant(pictures, images.other_scanner):
        planted = frame(head, pool, changed, images.embed(changed))
        yield Scenario(name, head.classes, partial(draw_batch, clean, planted, size))
    children = frame(head, images.children, images.child_pictures, images.embed(images.child_pictures))
    # In neither: what new images alone lack would give them away.
    strangers = partial(draw_strangers, clean.drop(columns=METADATA), children.drop(columns=METADATA), size)
    yield Scenario("children for adults, their metadata left out", head.classes, strangers)

    minority = str(pool["label"].value_counts().idxmin())
    unseen = str(pool["label"].value_counts().index[1])
    rest = rows["label"] != unseen
    narrow = fit_head(features[learned & rest], rows["label"][learned & rest])
    narrow_clean = frame(narrow, pool, pictures, known)
    for hidden, words in ((False, ""), (True, ", its findings not recorded")):
        doubled = partial(draw_doubled, clean, minority, size, hidden)
        yield Scenario(f"share of {minority} doubled{words}", head.classes, doubled)
        surprising = partial(draw_unseen, narrow_clean, unseen, size, hidden)
        yield Scenario(f"{unseen} never seen before{words}", narrow.classes, surprising)


def draw_batch(
    clean: pd.DataFrame, planted: pd.DataFrame, size: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Images of patients drawn at random, as they are planted, and the images of all others as they are."""
    drawn = draw_places(clean, size, rng)
    others = ~clean["patient_id"].isin(clean["patient_id"].iloc[drawn])
    return planted.iloc[drawn], clean[others]


def draw_strangers(
    clean: pd.DataFrame, strangers: pd.DataFrame, size: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A batch of patients who are not of the pool, and a reference as large as that of other batches."""
    _, reference = draw_batch(clean, clean, size, rng)
    return strangers.iloc[draw_places(strangers, size, rng)], reference


def draw_doubled(
    clean: pd.DataFrame, minority: str, size: int, hidden: bool, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A batch in which a class is twice as frequent as in the pool, and a reference in which it is as frequent."""
    own = (clean["label"] == minority).to_numpy()
    wanted = round(2 * size * own.mean())
    places = np.concatenate(
        [
            part[draw_places(clean.iloc[part], count, rng)]
            for part, count in ((np.flatnonzero(own), wanted), (np.flatnonzero(~own), size - wanted))
        ]
    )
    batch = clean.iloc[places]
    rest = clean[~clean["patient_id"].isin(batch["patient_id"])]
    few, others = rest[rest["label"] == minority], rest[rest["label"] != minority]
    kept = min(len(others), round(len(few) * (1 - own.mean()) / own.mean()))
    return _hide(batch, hidden), pd.concat([few, others.sample(kept, random_state=rng)])


def draw_unseen(
    clean: pd.DataFrame, unseen: str, size: int, hidden: bool, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A batch with a class, as frequent as in the pool, that neither the model nor the reference knows."""
    batch, reference = draw_batch(clean, clean, size, rng)
    return _hide(batch, hidden), reference[reference["label"] != unseen]


def draw_places(frame: pd.DataFrame, size: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Places of as many images as asked for, those of a patient one after another."""
    order = {patient: place for place, patient in enumerate(rng.permutation(frame["patient_id"].unique()))}
    return np.argsort(frame["patient_id"].map(order).to_numpy(), kind="stable")[:size]


def measure(scenario: Scenario, batches: int, policy: DriftPolicy, processes: Executor | None) -> Result:
    """Draw so many batches, and judge each."""
    judged = partial(judge_batch, scenario, policy)
    # A few chunks for each process: the frames of a scenario travel with each.
    outcomes = list(
        processes.map(judged, range(batches), chunksize=_CHUNK) if processes else map(judged, range(batches))
    )
    states = Counter(state for state, _ in outcomes)
    moved = Counter(word for _, words in outcomes for word in words)
    return Result(scenario.name, batches, states, moved)


def judge_batch(scenario: Scenario, policy: DriftPolicy, seed: int) -> tuple[DriftState, list[str]]:
    """The state of one batch, and what of it moved."""
    outcome = compare(*scenario.draw(np.random.default_rng(seed)), scenario.classes, policy)
    if outcome.state is DriftState.UNKNOWN:
        sys.exit(f"{scenario.name}: {' '.join(outcome.reasons)} Draw larger batches with --images.")
    return outcome.state, [column.column for column in sort_moved(outcome.columns)]


def compare(
    batch: pd.DataFrame, reference: pd.DataFrame, classes: tuple[str, ...], policy: DriftPolicy
) -> DriftOutcome:
    """The outcome by distances that equal Evidently's."""
    comparison = prepare(batch, reference, policy, classes)
    return judge(comparison, score_columns(comparison), policy)


def make_table(results: list[Result], images: Images, size: int, policy: DriftPolicy) -> str:
    """The section of the results on drift."""
    shares, rows = " | ".join(SEEN), "\n".join(result.row() for result in results)
    return f"""{HEADING}

Made by `python bench/drift_power.py` on {images.told}.
A classifier is fitted on a third of the patients; the others are the pool. A batch is {size} images of patients drawn
at random from the pool, and its reference is the rest of it, so that the first row says how often chance alone is taken
for drift. *Found* is retrain or hold; watch is not. The policy is the default, with {policy.permutations} permutations.

| planted | batches | {shares} | found | moved most often |
|---|{"---:|" * (len(SEEN) + 2)}---|
{rows}
"""


def write_section(path: Path, section: str) -> None:
    """Replace the section on drift of a Markdown file, or put it at the end."""
    text = path.read_text() if path.is_file() else ""
    before, _, after = text.partition(HEADING)
    following = after.find("\n## ")
    rest = after[following + 1 :] if following >= 0 else ""
    path.write_text((f"{before.rstrip()}\n\n" if before else "") + section + (f"\n{rest}" if rest else ""))


def _hide(batch: pd.DataFrame, hidden: bool) -> pd.DataFrame:
    return batch.drop(columns="label") if hidden else batch


if __name__ == "__main__":
    main()
