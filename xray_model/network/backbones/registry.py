"""Backbones by name: how each is built and preprocessed, where its fine-tuning may begin, and where to explain it.

Adding a backbone is one entry of `BACKBONES`, and its name in `xray_model.config`, which cannot import Keras.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from keras import applications, layers

from xray_model.config import FeatureKind, Precision
from xray_model.errors import ConfigurationError
from xray_model.network import transformers
from xray_model.network.backbones.builders import (
    Build,
    application,
    build_convnext_tiny,
    build_mobilenet_v2,
)
from xray_model.network.backbones.presets import build_vit_b16
from xray_model.network.layers import Preprocessing

ALL = "all"
"""In place of a boundary: all of the backbone may be fine-tuned, and frozen is its preprocessing alone."""
_TF_KERNELS = "{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"
_MOBILENET_SIDES = (96, 128, 160, 192, 224)


def _no_trunk() -> list[layers.Layer]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """One entry of the registry."""

    name: str
    preprocessing: Preprocessing
    default_side: int
    minimum_side: int = 32
    side_step: int = 1
    """The side is a multiple of this: of the patches, where it sees patches."""
    build: Build | None = None
    """The part that can be pretrained; None where all of it is trunk, trained from the start."""
    trunk: Callable[[], list[layers.Layer]] = _no_trunk
    """Trained layers between the pretrained part and the classifier."""
    features: FeatureKind = "last"
    """What the head sees of it, where the options name nothing."""
    hidden_units: int = 256
    """Of the layer between features and classifier, where the options name no number; 0 for none."""
    learning_rate: float = 1e-3
    """Adam's for the head, where the options name none: weights from the start learn faster than on good features."""
    fine_tune_rate: float = 1e-5
    """Adam's for the upper part, once the head has learnt."""
    precision: Precision = "float32"
    """What it is computed in where the processor has both and the options name none."""
    boundaries: tuple[str, ...] = ()
    """Layers after which fine-tuning may begin, from the input on: everything goes through each of them."""
    cam_layer: str | None = None
    """The last map with places in it, for Grad-CAM; None for a transformer, whose attention is rolled out."""
    imagenet_file: str = ""
    """Name of the file that Keras downloads, by `name`, `alpha` and `rows`; empty where keras-hub does."""
    alpha: float | None = None
    """Width as a share of the published one; None where there is no such choice."""

    @property
    def pretrained(self) -> bool:
        """Whether weights can be loaded into it."""
        return self.build is not None

    @property
    def width(self) -> float:
        """As a share of the published one."""
        return 1.0 if self.alpha is None else self.alpha

    def imagenet_name(self, side: int) -> str:
        """Name of the file with its ImageNet weights."""
        rows = side if side in _MOBILENET_SIDES else _MOBILENET_SIDES[-1]
        return self.imagenet_file.format(name=self.name, alpha=self.width, rows=rows)

    def check_side(self, side: int) -> None:
        """Refuse a side it cannot see.

        Raises:
            ConfigurationError: too small, or no multiple of its patches.
        """
        if side < self.minimum_side or side % self.side_step:
            step = f" that is a multiple of {self.side_step}" if self.side_step > 1 else ""
            raise ConfigurationError(
                f"{self.name} cannot see pictures of side {side}: give an input side of at least "
                f"{self.minimum_side}{step}, or none for {self.default_side}"
            )


def _basic_cnn() -> list[layers.Layer]:
    stack: list[layers.Layer] = []
    # The first convolution strides, so that most of the work is done at a quarter of the pixels.
    for block, (filters, size, stride) in enumerate(((16, 5, 2), (32, 3, 1), (64, 3, 1)), start=1):
        stack += [
            layers.Conv2D(filters, size, stride, padding="same", activation="relu", name=f"conv{block}"),
            layers.MaxPooling2D(2, name=f"pool{block}"),
        ]
    return [*stack, layers.GlobalAveragePooling2D(name="average")]


def _further_convolutions() -> list[layers.Layer]:
    return [
        layers.Conv2D(256, 3, padding="same", activation="relu", name="further_conv1"),
        layers.Conv2D(256, 3, padding="same", activation="relu", name="further_conv2"),
        layers.GlobalAveragePooling2D(name="further_average"),
    ]


# Measured side by side on two busy cores of a Xeon with AMX, VGG19 at 128: 73 images a second against float32's 15.
_VGG_PRECISION: Precision = "bfloat16"
_VGG_BOUNDARIES = ("block1_pool", "block2_pool", "block3_pool", "block4_pool")
_RESNET_BOUNDARIES = ("conv2_block3_out", "conv3_block4_out", "conv4_block6_out")

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="basic_cnn",
            preprocessing="tf",
            default_side=128,
            trunk=_basic_cnn,
            hidden_units=0,
            learning_rate=2e-3,
            cam_layer="conv3",
        ),
        Backbone(
            name="vgg16",
            preprocessing="caffe",
            default_side=224,
            build=application(applications.VGG16),
            precision=_VGG_PRECISION,
            boundaries=_VGG_BOUNDARIES,
            cam_layer="block5_conv3",
            imagenet_file=_TF_KERNELS,
        ),
        Backbone(
            name="vgg19",
            preprocessing="caffe",
            default_side=224,
            build=application(applications.VGG19),
            precision=_VGG_PRECISION,
            boundaries=_VGG_BOUNDARIES,
            cam_layer="block5_conv4",
            imagenet_file=_TF_KERNELS,
        ),
        Backbone(
            name="vgg19_extended",
            preprocessing="caffe",
            default_side=224,
            build=application(applications.VGG19, pooling=None),
            trunk=_further_convolutions,
            hidden_units=0,
            learning_rate=5e-4,
            precision=_VGG_PRECISION,
            boundaries=_VGG_BOUNDARIES,
            cam_layer="further_conv2",
            imagenet_file=_TF_KERNELS.replace("{name}", "vgg19"),
        ),
        Backbone(
            name="resnet50",
            preprocessing="caffe",
            default_side=224,
            build=application(applications.ResNet50),
            boundaries=_RESNET_BOUNDARIES,
            cam_layer="conv5_block3_out",
            imagenet_file=_TF_KERNELS,
        ),
        Backbone(
            name="resnet50v2",
            preprocessing="tf",
            default_side=224,
            build=application(applications.ResNet50V2),
            boundaries=_RESNET_BOUNDARIES,
            cam_layer="post_relu",
            imagenet_file=_TF_KERNELS,
        ),
        Backbone(
            name="inception_v3",
            preprocessing="tf",
            default_side=299,
            minimum_side=75,
            build=application(applications.InceptionV3),
            boundaries=("mixed2", "mixed4", "mixed7", "mixed8"),
            cam_layer="mixed10",
            imagenet_file=_TF_KERNELS,
        ),
        Backbone(
            name="densenet121",
            preprocessing="torch",
            default_side=224,
            build=application(applications.DenseNet121),
            boundaries=("pool2_pool", "pool3_pool", "pool4_pool"),
            cam_layer="relu",
            imagenet_file=_TF_KERNELS,
        ),
        Backbone(
            name="mobilenet_v2",
            preprocessing="tf",
            default_side=224,
            build=build_mobilenet_v2,
            boundaries=("block_5_add", "block_9_add", "block_12_add", "block_15_add"),
            cam_layer="out_relu",
            features="depths",
            imagenet_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_{rows}_no_top.h5",
            alpha=1.0,
        ),
        Backbone(
            name="efficientnet_v2_b0",
            preprocessing="torch",
            default_side=224,
            build=application(applications.EfficientNetV2B0, include_preprocessing=False),
            boundaries=("block3b_add", "block4c_add", "block5e_add", "block6d_add"),
            cam_layer="top_activation",
            imagenet_file="efficientnetv2-b0_notop.h5",
        ),
        Backbone(
            name="convnext_tiny",
            preprocessing="torch",
            default_side=224,
            build=build_convnext_tiny,
            boundaries=tuple(f"convnext_tiny_downsampling_block_{place}" for place in range(3)),
            cam_layer="last_map",
            imagenet_file="convnext_tiny_notop.h5",
        ),
        Backbone(
            name="vit_tiny",
            preprocessing="tf",
            default_side=128,
            side_step=transformers.PATCH,
            trunk=transformers.vit_tiny,
            hidden_units=0,
            learning_rate=5e-4,
        ),
        Backbone(
            name="vit_b16",
            preprocessing="tf",
            default_side=224,
            side_step=transformers.PATCH,
            build=build_vit_b16,
            boundaries=("block_3", "block_6", "block_9", "block_11"),
        ),
    )
}


def find_backbone(name: str, alpha: float | None = None) -> Backbone:
    """The entry of a name, at a width.

    Raises:
        ConfigurationError: there is no such name, or this one has no choice of width.
    """
    if name not in BACKBONES:
        raise ConfigurationError(f"there is no backbone {name}: take one of {', '.join(BACKBONES)}")
    backbone = BACKBONES[name]
    if alpha is None:
        return backbone
    if backbone.alpha is None:
        raise ConfigurationError(f"{name} has one width only: leave alpha out")
    return replace(backbone, alpha=alpha)
