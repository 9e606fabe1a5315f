"""What a first and a second night of training cost beside what notebooks do, in one run.

`python bench/training.py [--images 2000]` draws chests once, four fifths for training and the rest for validation,
and trains a classifier on a frozen backbone (VGG19 at 128 x 128) in three ways, each epoch checked on the validation
images:

- the seeds' way as published: every image decoded from its file and sent through the whole network in each of 10
  epochs, in batches of 4 (without their augmentation, which would take more);
- a well-written Keras loop without a cache: images decoded once, batches of 32, 10 epochs through the whole network;
- ours: `tasks.training.fit_model` on a store, whole: the network is built, its features are computed and kept, the
  head is trained and chosen, and the model is written. The second night has 5 % more images.

The first two are measured on `images_measured` images of one epoch after a warm-up, before and after ours, and scaled
to 10 epochs of all images; `--full` runs them whole. Their F1 is then that of a head trained for 10 epochs with their
batch size and learning rate on the very features that ours computed: a frozen network without augmentation gives the
same ones in every epoch. Counted in none of the ways are the libraries' import (`import_seconds`) and the one decoding
of the second and third way, which is ingest's here. Each night runs in a process of its own.

The weights are random unless `--weights` names a file: F1 then says only that the ways learn alike. The last line is
one JSON object: seconds of each way, `times_seed`, `times_plain` (theirs over our first night), `share_of_first_night`
(second night over first), `f1_seed`, `f1_plain`, `f1_ours` (validation, minority class), the ratios of processor time
(`..._processor`), which hardly depend on what else is running, and `step_times_memory`: one step of the head on our
batches over the same step on one batch from memory.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.training_images import CLASSES, FIRST, MINORITY, SECOND, SEED, Chosen, draw_store
from bench.training_others import (
    BATCH,
    DROPOUT,
    EPOCHS,
    RATE,
    Way,
    class_numbers,
    compile_plain,
    measure_way,
    minority_f1,
    spent_since,
)
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import open_store
from tasks.features import gather_features
from tasks.training import fit_model
from xray_model.config import RetrainOptions, SnapshotOptions


def main() -> None:
    """Draw, measure by turns, print, and end with JSON."""
    with TemporaryDirectory(prefix="xray-bench-") as folder:
        chosen = arguments(Path(folder))
        os.environ |= {"XRAY_HOME": folder, "XRAY_STORE": Path(folder, "store").as_uri(), "XRAY_SALT": "bench"}
        in_process(draw_store, chosen.folder, chosen.images)
        theirs: dict[Way, list[dict[str, float]]] = {"seed": [], "plain": []}

        def measure_theirs() -> None:
            for way, runs in theirs.items():
                runs.append(in_process(measure_way, chosen, way))
                say(f"{way}: {runs[-1]['seconds']:.0f} s")

        measure_theirs()
        first = in_process(measure_night, chosen, FIRST)
        say(f"first night: {first['seconds']:.1f} s")
        second = in_process(measure_night, chosen, SECOND)
        say(f"second night: {second['seconds']:.1f} s")
        if not chosen.full:
            measure_theirs()
            for way, f1 in in_process(measure_heads, chosen).items():
                theirs[cast("Way", way)][0]["f1"] = f1
    seconds, processor = (
        {way: mean(run[unit] for run in runs) for way, runs in theirs.items()} for unit in ("seconds", "processor")
    )
    figures = {
        "images": chosen.images,
        "images_measured": chosen.images if chosen.full else 2 * chosen.measured,
        **{f"seconds_{way}": one for way, one in seconds.items()},
        "seconds_first_night": first["seconds"],
        "seconds_second_night": second["seconds"],
        "import_seconds": first["import_seconds"],
        **{f"times_{way}": one / first["seconds"] for way, one in seconds.items()},
        "share_of_first_night": second["seconds"] / first["seconds"],
        **{f"times_{way}_processor": one / first["processor"] for way, one in processor.items()},
        "share_of_first_night_processor": second["processor"] / first["processor"],
        **{f"f1_{way}": runs[0]["f1"] for way, runs in theirs.items()},
        "f1_ours": first["f1"],
        "epochs_ours": first["epochs"],
        "step_times_memory": first["step_times_memory"],
    }
    for name, value in figures.items():
        print(f"{name:22} {value:10.3f}")
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def arguments(folder: Path) -> Chosen:
    """What to measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=2_000, help="of the first night")
    parser.add_argument("--measured", type=int, default=160, help="images of an epoch of the other ways, a turn")
    parser.add_argument("--backbone", default="vgg19")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--weights", default="none", help="weight file of the backbone, for all ways")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="of ours; the backbone's unless given")
    parser.add_argument("--full", action="store_true", help="run all ways whole: about half an hour")
    return Chosen(folder=folder, **vars(parser.parse_args()))


def in_process(step: Callable[..., dict[str, float]], *given: object) -> dict[str, float]:
    """What a step measures in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(step, *given).result()


def measure_heads(chosen: Chosen) -> dict[str, float]:
    """Validation minority F1 of heads trained as the others train theirs, on the features that our night kept."""
    import keras

    from xray_model.network import network
    from xray_model.network.backbones import find_backbone

    (train, rows), (validation, checked) = kept_features(chosen)
    found: dict[str, float] = {}
    for way, size in BATCH.items():
        keras.utils.set_random_seed(SEED)
        head = network.build_head(find_backbone(chosen.backbone), train.shape[1:], CLASSES, DROPOUT, seed=SEED)
        compile_plain(head).fit(train, class_numbers(rows), batch_size=size, epochs=EPOCHS, verbose=0)
        found[way] = minority_f1(head.predict(validation, verbose=0), checked)
    return found


def kept_features(chosen: Chosen) -> list[tuple[npt.NDArray[np.float16], pd.DataFrame]]:
    """Features of the training and the validation images of the first night, out of the cache, and their rows."""
    from xray_model.network import network

    store = open_store(Settings())
    frozen, _ = network.split(network.load(chosen.folder / f"{FIRST}.keras"))
    found = []
    for split in ("train", "validation"):
        rows = load_snapshot(store.objects, FIRST, split)
        gathered = gather_features(store, frozen, rows, split)
        assert not gathered.computed  # noqa: S101
        found.append((gathered.features, rows))
    return found


def measure_night(chosen: Chosen, night: str) -> dict[str, float]:
    """The training stage of one night of ours."""
    started = time.perf_counter()
    from xray_model.network import backbones, network, training  # noqa: F401  what the stage imports

    imported = time.perf_counter()
    options = RetrainOptions(snapshot=SnapshotOptions(classes=CLASSES), training=chosen.training)
    path = chosen.folder / f"{night}.keras"
    began = time.perf_counter(), time.process_time()
    outcome = fit_model(open_store(Settings()), night, MINORITY, options, "bench", path)
    spent = spent_since(*began)
    say(f"{night}: {outcome.features_computed} features computed, {outcome.features_reused} reused")
    return {
        **spent,
        "import_seconds": imported - started,
        "f1": outcome.epochs[outcome.best_epoch - 1].validation_minority_f1,
        "epochs": len(outcome.epochs),
        "step_times_memory": step_times_memory(chosen) if night == FIRST else 1.0,
    }


def step_times_memory(chosen: Chosen, rounds: int = 5) -> float:
    """An epoch of the head on shuffled batches of its features, over one on the same batch again and again."""
    import keras

    from xray_model.network import network
    from xray_model.network.backbones import find_backbone
    from xray_model.network.feeding import ShuffledBatches
    from xray_model.network.rebalancing.epoch import one_hot

    (features, rows), _ = kept_features(chosen)
    backbone = find_backbone(chosen.backbone)
    head = network.build_head(backbone, features.shape[1:], CLASSES, DROPOUT, backbone.hidden_units)
    head.compile(keras.optimizers.Adam(RATE), "categorical_crossentropy")
    targets = one_hot(class_numbers(rows), len(CLASSES))
    ours = ShuffledBatches(features, targets, None, chosen.training.head_batch_size, seed=0)
    batch = ours[0]

    class Resident(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
        def __len__(self) -> int:
            return len(ours)

        def __getitem__(self, index: int) -> tuple[npt.NDArray[Any], ...]:
            return batch

    def seconds(batches: keras.utils.PyDataset) -> float:
        started = time.perf_counter()
        head.fit(batches, shuffle=False, verbose=0)
        return time.perf_counter() - started

    seconds(ours)
    return median(seconds(ours) / seconds(Resident()) for _ in range(rounds))


def say(text: str) -> None:
    """Progress, on the other stream than the figures."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
