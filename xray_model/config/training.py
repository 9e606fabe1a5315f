"""What a model learns from, and how."""

from typing import Literal

from pydantic import Field, field_validator

from xray_model.config.base import FindingName, Options

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
