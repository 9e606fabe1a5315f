"""How the notebooks' page served a model: a Flask handler that opens the file and calls `model.predict`.

`python bench/serving_flask.py MODEL.keras SIDE PORT`, for bench/serving.py alone. As theirs it does one image at a
time with Pillow and Keras as they come; unlike theirs it is given the champion's own file, which resizes and
preprocesses within, and has no page.
"""

import io
import sys
from pathlib import Path

import numpy as np
from flask import Flask, Response, jsonify, request
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xray_model.network import network


def main() -> None:
    """Serve until it is ended."""
    model, side = network.load(Path(sys.argv[1])), int(sys.argv[2])
    classes = network.class_names(model)
    app = Flask("seeds")

    @app.post("/predict")
    def predict() -> Response:
        image = Image.open(io.BytesIO(request.get_data())).convert("L")
        pixels = np.asarray(ImageOps.pad(image, (side, side)))[None, ..., None]
        probabilities = model.predict(pixels, verbose=0)[0]
        return jsonify(dict(zip(classes, map(float, probabilities), strict=True)))

    app.run(host="127.0.0.1", port=int(sys.argv[3]), threaded=True)


if __name__ == "__main__":
    main()
