"""What a run does: one frozen option model per flow, from which the Prefect UI draws its form.

Where the machine is (store, registry, salt) is `storage.settings.Settings`, never an option: options are
stored on the Prefect server, so they hold no secret.
"""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FindingName = Literal["covid", "pneumonia", "normal"]
BackboneName = Literal[
    "basic_cnn",
    "vgg16",
    "vgg19",
    "vgg19_extended",
    "resnet50",
    "resnet50v2",
    "inception_v3",
    "densenet121",
    "mobilenet_v2",
    "efficientnet_v2_b0",
    "convnext_tiny",
    "vit_tiny",
    "vit_b16",
]
"""The names of `xray_model.network.backbones.BACKBONES`, which a form must know without Keras."""
FROM_THE_START: frozenset[BackboneName] = frozenset({"basic_cnn", "vit_tiny"})
"""Those that are trained whole and take no weights."""
Precision = Literal["float32", "bfloat16", "float16"]
FeatureKind = Literal["last", "depths"]
Rebalancing = Literal[
    "none",
    "class_weight",
    "class_balanced",
    "focal",
    "oversample",
    "undersample",
    "balanced_batches",
    "augment_minority",
    "smote",
    "adasyn",
    "mixup_minority",
]


class Options(BaseModel):
    """Base of all options: frozen, refusing unknown fields, every field with its help text."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class IngestOptions(Options):
    """How new batches are read."""

    sources: tuple[str, ...] = Field((), description="Only batches of these sources; empty for all.")
    batches: tuple[str, ...] = Field((), description="Only batches of these names; empty for all.")
    again: bool = Field(
        False,
        description="Read the named batches again, all their files, after a reader was mended: a new revision takes "
        "the place of the earlier ones, which are kept.",
    )
    layout: Literal["bimcv", "class_folders", "csv_table", "dicom"] | None = Field(
        None, description="Read every batch with this layout; empty to detect it."
    )
    shard_size: int = Field(
        512, ge=1, le=4096, description="Most images in a shard, the unit of work and of retries; 0.1 MB each."
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Shards decoded at the same time; empty for one more than the cores, 8 at most in one process.",
    )
    dask: str | None = Field(
        None, description="Address of a Dask scheduler whose workers decode; empty for XRAY_DASK, else this process."
    )


class DriftPolicy(Options):
    """When the new images count as different from what the champion was trained on."""

    minimum_images: int = Field(
        30, ge=2, description="Below this number of new images nothing is said: too few to tell drift from chance."
    )
    number_threshold: float = Field(
        0.3, gt=0, description="Wasserstein distance, in standard deviations, from which a number counts as moved."
    )
    category_threshold: float = Field(
        0.2, gt=0, le=1, description="Jensen-Shannon distance from which a category counts as moved."
    )
    watch_share: float = Field(0.25, gt=0, le=1, description="Share of moved columns from which a night is watched.")
    retrain_share: float = Field(0.5, gt=0, le=1, description="Share of moved columns that asks for a retraining.")


class Augmentation(Options):
    """How augmented views of training images are drawn. There is no vertical flip: no chest stands on its head.

    Shear and zoom are those of the notebooks this grew from; there Keras took a shear of .2 for degrees, and so hardly
    sheared at all.
    """

    rotation: float = Field(7.0, ge=0, le=45, description="Degrees, at most, that a view is turned either way.")
    shear: float = Field(
        0.2, ge=0, le=0.5, description="Most shear: a side is moved by this share of the height, half at either end."
    )
    zoom: float = Field(0.2, ge=0, le=0.5, description="A view is from 1 - zoom to 1 + zoom times as large.")
    shift: float = Field(0.05, ge=0, le=0.5, description="Most shift along each axis, as a share of the side.")
    horizontal_flip: bool = Field(
        False,
        description="Mirror every second view. Off, because the side matters in a chest: a mirrored heart is "
        "situs inversus, and an L or R marker then lies.",
    )
    brightness: float = Field(0.1, ge=0, le=0.5, description="Most gray added or taken away, as a share of white.")
    contrast: float = Field(0.2, ge=0, le=0.9, description="Contrast is from 1 - contrast to 1 + contrast times.")
    erase_borders: float = Field(
        0.1,
        ge=0,
        le=0.3,
        description="Deepest strip blackened along one border of the picture, as a share of its side, against marks "
        "burned in there.",
    )


class TrainingOptions(Options):
    """How the challenger is trained."""

    backbone: BackboneName = Field("basic_cnn", description="Network by name.")
    alpha: float | None = Field(
        None, gt=0, le=2, description="Width of mobilenet_v2 as a share of the published one; empty for 1."
    )
    weights: str = Field(
        "none",
        description="Start of the backbone: `none`; `imagenet`, downloaded by Keras; `champion`, the model in service; "
        "or a weight file, by its path, `store:` and its key, or s3://.",
    )
    weights_sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="Expected hash of the weight file.")
    input_side: int | None = Field(None, ge=32, le=512, description="Input side in pixels; empty for the backbone's.")
    features: FeatureKind | None = Field(
        None,
        description="What the head sees of a backbone: `last`, its last layer; `depths`, averages of the maps at each "
        "place where fine-tuning may begin, which say more of textures. Empty for the backbone's.",
    )
    hidden_units: int | None = Field(
        None,
        ge=0,
        le=4096,
        description="Of the layer between features and classifier; 0 for none, empty for the backbone's.",
    )
    epochs: int = Field(
        60,
        ge=1,
        le=500,
        description="Epochs at most; the best by validation minority F1 is kept, "
        "or one less than a standard error below it with a smaller loss.",
    )
    patience: int = Field(10, ge=1, description="Epochs without a better one before stopping.")
    fine_tune: str | None = Field(
        None,
        description="Layer of the backbone after which its weights are fine-tuned once the head has learnt; `all` for "
        "the whole of it; empty to train the head alone.",
    )
    fine_tune_epochs: int = Field(10, ge=1, le=500, description="Epochs of fine-tuning at most.")
    fine_tune_rate: float | None = Field(
        None, gt=0, lt=1, description="Adam's learning rate of fine-tuning; empty for the backbone's."
    )
    precision: Precision | None = Field(
        None,
        description="Numbers a pretrained backbone computes with; its weights and what is trained on top stay float32. "
        "Empty for the faster where that was measured: bfloat16 for the VGGs on a processor that has it, else float32.",
    )
    batch_size: int = Field(32, ge=1, le=1024, description="Images in a batch of a network that is trained or tuned.")
    head_batch_size: int = Field(
        128,
        ge=1,
        le=4096,
        description="Images in a batch of a head that learns from pooled features, a step of which "
        "costs next to nothing.",
    )
    gradient_accumulation: int = Field(
        1,
        ge=1,
        le=256,
        description="Batches whose gradients make one step of a network that is trained or tuned: for devices that "
        "hold few images.",
    )
    learning_rate: float | None = Field(None, gt=0, lt=1, description="Adam's; empty for the backbone's.")
    dropout: float = Field(0.5, ge=0, lt=1, description="Share of features dropped before the classifier.")
    rebalancing: Rebalancing = Field("oversample", description="Applied to the training split alone.")
    effective_number_beta: float = Field(
        0.999, ge=0, lt=1, description="Of class_balanced: 0 weighs all images the same, near 1 all classes."
    )
    focal_gamma: float = Field(2.0, ge=0, description="Of focal: how much less an image weighs that is surely right.")
    neighbours: int = Field(5, ge=1, description="Of smote and adasyn: nearest images of the class to go towards.")
    mixup_alpha: float = Field(0.2, gt=0, description="Of mixup_minority: the larger, the more equal the two shares.")
    prior_correction: bool = Field(
        False, description="Put the probabilities back to the training split's true class frequencies."
    )
    temperature_scaling: bool = Field(
        True, description="Divide the class scores by the number that makes the validation split most likely."
    )
    decision_threshold: bool = Field(
        False, description="Choose on the validation split from which probability on the minority class is called."
    )
    augmented_views: int = Field(
        0,
        ge=0,
        le=32,
        description="Augmented views of each training image, beside the image itself; kept as features. "
        "Where the whole network is fine-tuned, any number but 0 shows a new view of each image in every epoch.",
    )
    augmentation: Augmentation = Augmentation()
    seed: int = Field(20, ge=0, description="Same snapshot, options and seed give the same model on one machine.")


class SnapshotOptions(Options):
    """Which accepted images a model may see."""

    classes: tuple[FindingName, ...] = Field(
        ("covid", "normal", "pneumonia"), min_length=2, description="Findings the model tells apart."
    )
    sources: tuple[str, ...] = Field((), description="Only images of these sources; empty for all.")

    @field_validator("classes")
    @classmethod
    def _order_classes(cls, classes: tuple[FindingName, ...]) -> tuple[FindingName, ...]:
        """One order for one set of classes, so that champion and challenger can be compared."""
        if len(set(classes)) != len(classes):
            raise ValueError(f"a class is named twice: {', '.join(classes)}")
        return tuple(sorted(classes))


_SUBGROUP_CHECK = "subgroup-(sex|age|view|source|manufacturer)=.+"


class ShortcutBounds(Options):
    """What the shortcut probes may find before a challenger is refused."""

    lungs_hidden: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Most of the challenger's skill (minority F1 above that of guessing) that may be left where the "
        "centre of every image is masked.",
    )
    lungs_alone: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How much higher the minority F1 may be with the lungs hidden than with all but the lungs hidden.",
    )
    metadata_alone: float = Field(
        0.05,
        ge=0,
        le=1,
        description="How much the challenger's minority F1 must be above that of a model that sees source, view, sex, "
        "age and manufacturer, and no pixel.",
    )
    source_from_embedding: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Highest product of how well the source is told from the embedding within a class (0 as chance "
        "would, 1 always) and Cramer's V of class and source.",
    )
    within_source: float = Field(
        0.25, ge=0, le=1, description="How far minority F1 within a source may lie below that over all sources."
    )
    left_out_source: float = Field(
        1.0,
        ge=0,
        le=1,
        description="How far the minority F1 of a linear probe may fall on images of a source it has not learned from. "
        "At 1 it is told and refuses nothing: between public sets, of children and of adults, it falls by .8 and more.",
    )
    class_by_source: float = Field(
        0.9, ge=0, le=1, description="Highest Cramer's V of class and source among the training images."
    )
    class_by_age: float = Field(
        0.9, ge=0, le=1, description="Highest Cramer's V of class and age group among the training images."
    )


class GatePolicy(Options):
    """When a challenger may take the champion's place. All conditions must hold, or be waived by name."""

    minority: FindingName | None = Field(
        None, description="The class that decides; empty for the one with the fewest training images."
    )
    floor: float = Field(0.6, ge=0, le=1, description="Minority-class F1 that any champion must reach.")
    recall_floor: float = Field(0.5, ge=0, le=1, description="Recall of each class that any champion must reach.")
    skill_confidence: float = Field(
        0.95,
        ge=0,
        lt=1,
        description="Needed P(minority F1 > that of calling every image the class), which is the best guess. At 0 "
        "nothing is asked: for trials.",
    )
    margin: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How much worse than the champion still counts as no worse (F1). At 0 a tie is not better.",
    )
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="Needed P(challenger >= champion - margin): Student's t with the standard error of a paired "
        "bootstrap over patients.",
    )
    recall_allowance: float = Field(
        0.05, ge=0, le=1, description="How far any class's recall may fall from that of the champion of the day."
    )
    subgroup_allowance: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How far minority F1, or any class's recall, may fall in a subgroup of patients. A fall counts "
        "where it is larger with a probability of 80 %, since chance makes one in some of many small subgroups.",
    )
    subgroup_patients: int = Field(
        20, ge=1, description="Test patients of a class in a subgroup below which nothing is said of it there."
    )
    calibration_error: float = Field(
        0.15, ge=0, le=1, description="Highest expected calibration error, less what chance makes of so many images."
    )
    minimum_patients: int = Field(
        10, ge=1, description="Test patients of the minority class below which there is not enough evidence."
    )
    shortcuts: ShortcutBounds = ShortcutBounds()
    incompatible_champion: Literal["refuse", "as_first"] = Field(
        "refuse",
        description="Where the champion cannot be compared (other classes, or a model that cannot be scored): refuse, "
        "or judge as if there were none, by floors, skill, calibration and probes.",
    )
    waivers: dict[str, str] = Field(
        {},
        description="Checks that may fail, by name, each with the reason, which is kept: a shortcut probe such as "
        "lungs-hidden, calibration, or a subgroup such as subgroup-sex=F.",
    )
    require_approval: bool = Field(
        False, description="A challenger that passes waits until a steward approves it (console, xray models approve)."
    )
    draws: int = Field(2000, ge=100, le=100_000, description="Bootstrap draws.")
    seed: int = Field(20, ge=0)

    @field_validator("waivers")
    @classmethod
    def _check_waivers(cls, waivers: dict[str, str]) -> dict[str, str]:
        """A misspelt waiver would waive nothing, and evidence, floors, skill and comparison are what a gate is."""
        known = ["calibration", *(name.replace("_", "-") for name in ShortcutBounds.model_fields)]
        for name, reason in waivers.items():
            if name not in known and not re.fullmatch(_SUBGROUP_CHECK, name):
                raise ValueError(
                    f"{name} cannot be waived; what can is {', '.join(known)}, and a subgroup such as subgroup-sex=F"
                )
            if not reason.strip():
                raise ValueError(f"the waiver of {name} has no reason: say why, it is kept with the decision")
        return waivers


class MonitorOptions(Options):
    """Comparing new images with the champion's reference."""

    policy: DriftPolicy = DriftPolicy()


class RetrainOptions(Options):
    """From a snapshot to a champion, or to the reasons why not."""

    snapshot: SnapshotOptions = SnapshotOptions()
    training: TrainingOptions = TrainingOptions()
    gate: GatePolicy = GatePolicy()
    force: bool = Field(False, description="Train even where this snapshot was trained with these options before.")

    @model_validator(mode="after")
    def _check_minority(self) -> Self:
        if self.gate.minority is not None and self.gate.minority not in self.snapshot.classes:
            raise ValueError(f"the gate decides on {self.gate.minority}, which is none of the snapshot's classes")
        return self


class NightlyOptions(Options):
    """One night: ingest, monitor, retrain, report."""

    ingest: IngestOptions = IngestOptions()
    monitor: MonitorOptions = MonitorOptions()
    retrain: RetrainOptions = RetrainOptions()
