"""Does the input side hold the device back? One training step on new views, beside the same step fed from memory.

`python bench/batches.py --network mobilenet_v2 --side 128 --batch 32` trains the whole network by `fit` in three ways,
turn by turn so that a busy machine slows all alike. The floor is one batch from memory, again and again; the naive way
makes each batch in the thread that asks for it; ours is `AugmentedBatches`. Where the device is this machine's own
processor, views take their share of the cores that train, so processor time is compared as well: it hardly depends on
what else is running. The last line is one JSON object: seconds a step, and each way's as times the floor's, by the
clock and in processor time (medians over the rounds), and milliseconds of one core for one view.

On a GPU: `--network vgg19 --side 224 --precision mixed_bfloat16`, under KERAS_BACKEND=jax where there is no TensorFlow.
`images_per_second` is ours, `share_of_matrix_rate` the multiplications of forward and backward pass (three times the
forward's) over those that the device makes of two square matrices in that precision.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xray_model.config import Augmentation
from xray_model.data.augmentation import make_view, make_views
from xray_model.network.batches import AugmentedBatches, Batch
from xray_model.network.feeding import BeginEpochs, ShuffledBatches

import keras  # isort: skip  the network's room sets it up

CANONICAL = 320
CLASSES = 3
NETWORKS = {"mobilenet_v2": "MobileNetV2", "vgg19": "VGG19", "resnet50": "ResNet50"}


class Asked(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """So many batches an epoch, each from one call."""

    def __init__(self, steps: int, make: Callable[[int], Batch]) -> None:
        super().__init__()
        self._steps = steps
        self._make = make

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> Batch:
        """What the call gives."""
        return self._make(index)


def main() -> None:
    """Time, print, and end with JSON."""
    asked = arguments()
    keras.config.set_dtype_policy(asked.precision)
    pixels, targets = draw(asked.batch * asked.steps)
    model = build(asked.network, asked.side)
    ours = AugmentedBatches(ShuffledBatches(pixels, targets, None, asked.batch, seed=0), Augmentation(), seed=0)
    resident = (pixels[: asked.batch], targets[: asked.batch])

    def naive(index: int) -> Batch:
        span = slice(index * asked.batch, (index + 1) * asked.batch)
        return make_views(pixels[span, ..., 0], map(str, range(asked.batch)), 1, Augmentation())[..., None], resident[1]

    def fit_ours(turn: int) -> None:
        model.fit(ours, initial_epoch=turn, epochs=turn + 1, shuffle=False, callbacks=[BeginEpochs(ours)], verbose=0)

    ways: dict[str, Callable[[int], object]] = {
        "floor": lambda _: model.fit(Asked(asked.steps, lambda _: resident), shuffle=False, verbose=0),
        "naive": lambda _: model.fit(Asked(asked.steps, naive), shuffle=False, verbose=0),
        "ours": fit_ours,
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(asked.rounds + 1):
        for name, way in ways.items():
            clock, processor = time.perf_counter(), time.process_time()
            way(turn)
            if turn:  # the first traces the graph
                spent = (time.perf_counter() - clock, time.process_time() - processor)
                taken[name].append((spent[0] / asked.steps, spent[1] / asked.steps))
    figures = {f"seconds_{name}": median(clock for clock, _ in spent) for name, spent in taken.items()}
    for place, unit in enumerate(("clock", "processor")):
        floor = [spent[place] for spent in taken["floor"]]
        for name in ("naive", "ours"):
            ratios = [spent[place] / least for spent, least in zip(taken[name], floor, strict=True)]
            figures[f"{name}_times_floor_{unit}"] = median(ratios)
    figures["images_per_second"] = asked.batch / figures["seconds_ours"]
    multiplications = 3 * count_multiplications(model) * figures["images_per_second"]
    figures["share_of_matrix_rate"] = multiplications / matrix_rate(model.compute_dtype)
    figures["milliseconds_view"] = 1000 * processor_seconds(pixels)
    for name, value in figures.items():
        print(f"{name:28} {value:8.4f}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def arguments() -> argparse.Namespace:
    """What to time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="mobilenet_v2")
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16", "mixed_float16"), default="float32")
    for name, default in (("side", 128), ("batch", 32), ("steps", 8), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def draw(images: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Noise within black margins, for what an image shows does not change what a view costs; and its classes."""
    rng = np.random.default_rng(0)
    pixels = np.zeros((images, CANONICAL, CANONICAL, 1), np.uint8)
    pixels[:, :, 30:-30] = rng.integers(1, 256, (images, CANONICAL, CANONICAL - 60, 1))
    return pixels, np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, images)]


def build(name: str, side: int) -> keras.Model:
    """A whole network that learns, from canonical pixels on."""
    pixels = keras.Input((CANONICAL, CANONICAL, 1))
    gray = keras.layers.Rescaling(1 / 127.5, -1.0)(keras.layers.Resizing(side, side, antialias=True)(pixels))
    network = getattr(keras.applications, NETWORKS[name])(
        input_shape=(side, side, 3), include_top=False, weights=None, pooling="avg"
    )
    scores = keras.layers.Dense(CLASSES, activation="softmax")(network(keras.layers.Concatenate()([gray] * 3)))
    model = keras.Model(pixels, scores)
    model.compile("sgd", "categorical_crossentropy")
    return model


def count_multiplications(model: keras.Model) -> int:
    """Multiplications of one image's forward pass, of convolutions and dense layers."""
    total = 0
    for layer in (inner for outer in model.layers for inner in getattr(outer, "layers", [outer])):
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            # A kernel is applied at every place of its output; a depthwise one has a single input channel for each.
            total += int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:3]))
        elif isinstance(layer, keras.layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    return total


def matrix_rate(dtype: str, side: int = 4096, rounds: int = 5) -> float:
    """Multiplications a second of two square matrices, the best of some rounds."""
    one = keras.ops.ones((side, side), dtype)

    def seconds() -> float:
        started = time.perf_counter()
        # Only what comes back to this side is surely done.
        keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.matmul(one, one)))
        return time.perf_counter() - started

    return side**3 / min(seconds() for _ in range(rounds))


def processor_seconds(images: npt.NDArray[np.uint8]) -> float:
    """What one view takes of one core."""
    started = time.thread_time()
    for number, pixels in enumerate(images[..., 0]):
        make_view(pixels, str(number), 1, Augmentation())
    return (time.thread_time() - started) / len(images)


if __name__ == "__main__":
    main()
