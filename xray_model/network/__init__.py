"""The Keras model: backbones, the whole network, its training, its predictions. The only room that imports Keras."""

import logging
import os

# Both must be set before Keras is first imported: the same seed gives the same model.
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# One graph for each network and input size is what a night needs, not the mistake this warning is meant for.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
