"""What a training learns from: images as the network's frozen part sees them."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.settings import Settings
from storage.shards import iterate_pixels
from storage.store import Store
from tasks.features import gather_features
from tasks.training_state import TrainingState
from xray_model.config import RetrainOptions, TrainingOptions
from xray_model.data.looks import AS_THEY_ARE, AugmentedView
from xray_model.outcomes import EpochScore, Stage
from xray_model.progress import advance

if TYPE_CHECKING:
    import keras

    from xray_model.network.samples import Features, LabelledFeatures
    from xray_model.network.training import Lesson

_MOST_VIEWS = 8
"""Views that `augment_minority` computes of an image where the options do not say; each costs a forward pass, once."""


class Material:
    """Training and validation images, and how far a training with them has come."""

    def __init__(
        self,
        store: Store,
        rows: Mapping[str, pd.DataFrame],
        name: str,
        minority: str,
        options: RetrainOptions,
        judge: Callable[[EpochScore], None] | None = None,
    ) -> None:
        """Take the rows of a snapshot, or of one fold of it.

        Args:
            store: where their pixels and features lie.
            rows: those of `train` and of `validation`.
            name: theirs alone, so that a training is gone on with on the same images only.
            minority: the class that decides.
            options: of the training.
            judge: told of each epoch, and may end the training by an error. One that is judged keeps no state: it would
                go on elsewhere with epochs of which nobody was told.
        """
        self._store = store
        self._options = options
        self._minority = minority
        self._name = name
        self._judge = judge
        self._rows = {split: rows[split] for split in ("train", "validation")}
        self.computed = 0
        """Images sent through a frozen part, views included."""
        self.reused = 0
        """Images whose features were there."""

    @property
    def training(self) -> TrainingOptions:
        """How to train with them."""
        return self._options.training

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the class numbers."""
        return self._options.snapshot.classes

    def count(self, split: str) -> dict[str, int]:
        """Images by class."""
        counts = Counter(self._rows[split]["label"])
        return {name: counts[name] for name in self.classes}

    def gather(self, frozen: "keras.Model") -> "Lesson":
        """Features of both splits; augmented views, if any, of the training split alone."""
        training, rows = self._options.training, self._rows["train"]
        validation = self._label("validation", self._see(frozen, self._rows["validation"], "see validation images"))
        seen = self._see(frozen, rows, "see train images")
        if training.rebalancing == "augment_minority":
            return self._lesson(self._label("train", seen, self._view_minority(frozen, seen.shape[1:])), validation)
        views = [self._see(frozen, rows, f"see view {view}", view) for view in self._numbers(training.augmented_views)]
        return self._lesson(self._label("train", np.concatenate([seen, *views]) if views else seen), validation)

    def gather_pixels(self) -> "Lesson":
        """Canonical pixels of both splits, uint8 [n, side, side, 1]; training shows new views each epoch, if any."""
        found = {}
        for split, rows in self._rows.items():
            pixels = np.empty((len(rows), self._store.side, self._store.side, 1), np.uint8)
            for positions, images in iterate_pixels(self._store.objects, rows):
                pixels[positions, ..., 0] = images
            found[split] = self._label(split, pixels)
        training, lesson = self._options.training, self._lesson(found["train"], found["validation"])
        return replace(lesson, augmentation=training.augmentation if training.augmented_views else None)

    def tell(self, score: EpochScore) -> None:
        """Show an epoch as progress, and let it be judged."""
        training = self._options.training
        whole = training.epochs + (training.fine_tune_epochs if training.fine_tune else 0)
        advance(f"train {training.backbone}", score.epoch, whole)
        if self._judge is not None:
            self._judge(score)

    def state(self, stage: Stage, weights: str) -> TrainingState | None:
        """By which this very training, from these weights, goes on where it was interrupted."""
        if self._judge is not None:
            return None
        text = f"{weights} {self._name} {self._minority} {stage} {self._options.model_dump_json(exclude={'force'})}"
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        settings = Settings()
        path = settings.home.resolve() / "training" / f"{digest}.npz"
        return TrainingState(path, self._store.objects if settings.shares_store else None)

    def _lesson(self, train: "LabelledFeatures", validation: "LabelledFeatures") -> "Lesson":
        from xray_model.network.training import Lesson

        return Lesson(train, validation, self.classes, self._minority)

    def _label(
        self, split: str, features: "Features", views: npt.NDArray[np.float16] | None = None
    ) -> "LabelledFeatures":
        from xray_model.network.samples import LabelledFeatures

        rows, numbers = self._rows[split], {name: place for place, name in enumerate(self.classes)}
        times = len(features) // len(rows) if len(rows) else 1
        targets = np.tile(rows["label"].map(numbers).to_numpy().astype(np.intp), times)
        return LabelledFeatures(features, targets, np.tile(rows["patient_id"].to_numpy(np.str_), times), views)

    def _see(self, frozen: "keras.Model", rows: pd.DataFrame, stage: str, view: int = 0) -> npt.NDArray[np.float16]:
        look = AugmentedView(view, self._options.training.augmentation) if view else AS_THEY_ARE
        found = gather_features(self._store, frozen, rows, stage, look)
        self.computed += found.computed
        self.reused += found.reused
        return found.features

    def _view_minority(self, frozen: "keras.Model", shape: tuple[int, ...]) -> npt.NDArray[np.float16]:
        """Views float16 [k, n, ...]: of the images of smaller classes; those of the largest stay zero, unused."""
        rows, counts = self._rows["train"], self.count("train")
        needed = -(-(max(counts.values()) - min(counts.values())) // max(min(counts.values()), 1))
        number = self._options.training.augmented_views or min(max(needed, 1), _MOST_VIEWS)
        smaller = rows["label"].map(counts).to_numpy() < max(counts.values())
        views = np.zeros((number, len(rows), *shape), np.float16)
        for view in self._numbers(number):
            views[view - 1, smaller] = self._see(frozen, rows[smaller], f"see view {view}", view)
        return views

    @staticmethod
    def _numbers(views: int) -> range:
        return range(1, views + 1)
