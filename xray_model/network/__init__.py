"""The Keras model: backbones, the whole network, its training, its predictions. The only room that imports Keras."""

import logging
import os
import sys
import tempfile

# Both must be set before Keras is first imported: the same seed gives the same model.
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# One graph for each network and input size is what a night needs, not the mistake this warning is meant for.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

_CHATTER = ("I0000", "WARNING: All log messages before absl", "To enable the following instructions")


def _import_keras() -> None:
    """Import Keras without what TensorFlow's C++ side tells of itself, which no setting silences; the rest is kept."""
    with tempfile.TemporaryFile() as captured:
        terminal = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            import keras  # noqa: F401
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            captured.seek(0)
            lines = captured.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.write("".join(line for line in lines if not line.startswith(_CHATTER)))


_import_keras()
