"""The feature cache: what the frozen part of a network made of each image, kept as float16 under its fingerprint.

It may be deleted at any time: a missing or damaged file is computed again.
"""

import logging

import numpy as np
import numpy.typing as npt

from storage.objects import Objects
from storage.shards import array_bytes, load_array
from xray_model.errors import InvalidInput, ObjectNotFound

Features = npt.NDArray[np.float16]
_log = logging.getLogger(__name__)


def features_key(fingerprint: str, batch_id: str, shard: int) -> str:
    """Key of one shard's features."""
    return f"features/{fingerprint}/{batch_id}/{shard:04d}.npy"


def load_features(objects: Objects, fingerprint: str, batch_id: str, shard: int) -> Features | None:
    """Features of all images of a shard, float16 [n, ...], or None where they must be computed."""
    key = features_key(fingerprint, batch_id, shard)
    try:
        features = load_array(objects.get(key), key)
    except ObjectNotFound:
        return None
    except InvalidInput as error:
        _log.warning("%s: computing it again", error)
        return None
    return features.astype(np.float16, copy=False)


def save_features(objects: Objects, fingerprint: str, batch_id: str, shard: int, features: Features) -> None:
    """Keep one shard's features."""
    objects.put(features_key(fingerprint, batch_id, shard), array_bytes(features))
