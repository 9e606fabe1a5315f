"""Vision transformers (Dosovitskiy et al. 2021) of Keras' own layers, so that a saved one needs no other package."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from xray_model.network.seeding import redraw

PATCH = 16
_EPSILON = 1e-6


@keras.saving.register_keras_serializable(package="xray")
class PatchTokens(layers.Layer):
    """A picture [n, h, w, c] as tokens [n, h/16 * w/16, width] with learnt positions, after a class token if any."""

    def __init__(self, width: int, class_token: bool, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.class_token = class_token
        self.seed = seed
        self.embed = layers.Conv2D(width, PATCH, PATCH, dtype=self.dtype_policy, name="embed")

    def build(self, input_shape: Sequence[int]) -> None:
        """Make a position for each patch of this size of picture."""
        self.embed.build(input_shape)
        tokens = (input_shape[1] // PATCH) * (input_shape[2] // PATCH) + int(self.class_token)
        if self.class_token:
            self.first = self.add_weight(shape=(1, 1, self.width), initializer="zeros", name="class_token")
        start = keras.initializers.RandomNormal(stddev=0.02, seed=self.seed)
        if self.seed is not None:
            redraw(self.embed, self.seed + 1)
        self.positions = self.add_weight(shape=(tokens, self.width), initializer=start, name="positions")

    def call(self, images: Any) -> Any:
        """Tokens, row by row."""
        patches = self.embed(images)
        tokens = ops.reshape(patches, (-1, patches.shape[1] * patches.shape[2], self.width))
        if self.class_token:
            first = ops.repeat(ops.cast(self.first, tokens.dtype), ops.shape(tokens)[0], axis=0)
            tokens = ops.concatenate([first, tokens], axis=1)
        return tokens + ops.cast(self.positions, tokens.dtype)

    def get_config(self) -> dict[str, Any]:
        """Its width, whether a class token is put first, and its seed."""
        return {**super().get_config(), "width": self.width, "class_token": self.class_token, "seed": self.seed}


@keras.saving.register_keras_serializable(package="xray")
class TransformerBlock(layers.Layer):
    """Attention and a perceptron, each after a normalisation and beside a short cut; tokens [n, t, width] to such."""

    def __init__(self, width: int, heads: int, hidden: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.heads, self.hidden, self.seed = width, heads, hidden, seed
        policy = self.dtype_policy
        self.normalise_1 = layers.LayerNormalization(epsilon=_EPSILON, dtype=policy, name="normalise_1")
        self.attend = layers.MultiHeadAttention(heads, width // heads, dtype=policy, name="attend")
        self.normalise_2 = layers.LayerNormalization(epsilon=_EPSILON, dtype=policy, name="normalise_2")
        self.widen = layers.Dense(hidden, activation="gelu", dtype=policy, name="widen")
        self.narrow = layers.Dense(width, dtype=policy, name="narrow")

    def build(self, input_shape: Sequence[int]) -> None:
        """Make the weights of the layers inside, in the order keras-hub's block has them."""
        self.normalise_1.build(input_shape)
        self.attend.build(input_shape, input_shape)
        self.normalise_2.build(input_shape)
        self.widen.build(input_shape)
        self.narrow.build((*input_shape[:-1], self.hidden))
        if self.seed is not None:
            attend = self.attend
            inside = (attend.query_dense, attend.key_dense, attend.value_dense, attend.output_dense)
            for place, layer in enumerate((*inside, self.widen, self.narrow)):
                redraw(layer, self.seed + place)

    def call(self, tokens: Any) -> Any:
        """The tokens after this block."""
        normal = self.normalise_1(tokens)
        return self._add_perceptron(tokens + self.attend(normal, normal))

    def call_with_attention(self, tokens: Any) -> tuple[Any, Any]:
        """The tokens after this block, and how much each looked at each: [n, heads, t, t], rows add up to 1."""
        normal = self.normalise_1(tokens)
        attended, scores = self.attend(normal, normal, return_attention_scores=True)
        return self._add_perceptron(tokens + attended), scores

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape it is given."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Its sizes and its seed."""
        sizes = {"width": self.width, "heads": self.heads, "hidden": self.hidden}
        return {**super().get_config(), **sizes, "seed": self.seed}

    def _add_perceptron(self, tokens: Any) -> Any:
        return tokens + self.narrow(self.widen(self.normalise_2(tokens)))


@keras.saving.register_keras_serializable(package="xray")
class ClassToken(layers.Layer):
    """The first of the tokens [n, t, width], which gathers what the picture as a whole says: [n, width]."""

    def call(self, tokens: Any) -> Any:
        """The class token."""
        return tokens[:, 0]


def list_layers(width: int, depth: int, heads: int, *, class_token: bool) -> list[layers.Layer]:
    """The layers of a vision transformer from a picture to pooled features, one after another."""
    blocks = [TransformerBlock(width, heads, 4 * width, name=f"block_{place + 1}") for place in range(depth)]
    return [
        PatchTokens(width, class_token, name="tokens"),
        *blocks,
        layers.LayerNormalization(epsilon=_EPSILON, name="normalise"),
        ClassToken(name="class_token") if class_token else layers.GlobalAveragePooling1D(name="average"),
    ]


def vit_tiny() -> list[layers.Layer]:
    """Four blocks of width 192: trains from the start on two cores. Pooling as Beyer et al. 2022 advise."""
    return list_layers(width=192, depth=4, heads=3, class_token=False)
