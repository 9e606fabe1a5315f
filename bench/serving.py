"""The prediction service beside the notebooks' way: a Flask handler that calls `model.predict` for each request.

`python bench/serving.py [--seconds 20] [--requests 20000]` puts a MobileNetV2 at 224 in service and then a VGG19 at 128
(random weights, precision as a training would choose it: only time is measured), and lets clients of another process
send JPEGs of 1,024 pixels to both ways in turn, once both have answered for five seconds: 32 clients that each wait
for their answer, one client alone, and for the service arrivals at random at 80 % of its peak. Then `--requests` more
are sent, and the process's memory is looked at. The last line is one JSON object; its figures are of the worse of the
two networks, those of each stand beside them:

- `times_flask`: requests answered a second by 32 clients, over those of the Flask page;
- `most_times_flask`: the same of the network alone, without files or HTTP: no service could do more on this machine;
- `p50_ratio`: median latency of one client, over that of the Flask page;
- `p99_over_p50`: latencies at 80 % of the peak;
- `start_seconds`: from starting the console to its first answer;
- `memory_growth`: resident memory after all requests over that after the first tenth of them;
- `errors`: requests to the service that were not answered with 200.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from storage.settings import Settings  # noqa: E402
from tests.registering import evaluation  # noqa: E402 - not in the package
from tests.servers.console import console_process  # noqa: E402
from tests.storage.entries import gate, write_ledger  # noqa: E402
from xray_model.config import BackboneName, TrainingOptions  # noqa: E402

NETWORKS: dict[BackboneName, int] = {"mobilenet_v2": 224, "vgg19": 128}
CLASSES = ("covid", "normal")
CLIENTS = 32
WARM_SECONDS = 5.0
SIDE = 1024
SALT = "bench"
LOAD = Path(__file__).with_name("serving_load.py")
FLASK = Path(__file__).with_name("serving_flask.py")
Told = dict[str, Any]


def main() -> None:
    """Measure both networks and end with JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="Length of each load.")
    parser.add_argument("--requests", type=int, default=20_000, help="For the look at memory, with the first network.")
    given = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("XRAY_", "PREFECT_", "MLFLOW_"))]:
        del os.environ[name]
    found: dict[str, Told] = {}
    with TemporaryDirectory(prefix="xray-bench-") as folder:
        drawn = draw(Path(folder))
        for backbone, side in NETWORKS.items():
            requests = given.requests if not found else 0
            found[backbone] = measure(Path(folder), drawn, backbone, side, given.seconds, requests)
            print(f"{backbone}: {found[backbone]}", flush=True)
    first = next(iter(found.values()))
    summary = {
        "times_flask": min(one["times_flask"] for one in found.values()),
        "most_times_flask": min(one["most_times_flask"] for one in found.values()),
        "p50_ratio": max(one["p50_ratio"] for one in found.values()),
        "p99_over_p50": max(one["p99_over_p50"] for one in found.values()),
        "start_seconds": max(one["start_seconds"] for one in found.values()),
        "memory_growth": first["memory_growth"],
        "errors": sum(one["errors"] for one in found.values()),
    }
    print(json.dumps(summary | found))


def draw(folder: Path) -> Path:
    """A folder with the files that clients send in `sent`: drawn chests."""
    from xray_model.data.phantoms import CohortOptions, write_class_folders

    cohort = CohortOptions(patients=30, shares={"normal": 1, "pneumonia": 2}, seed=1)
    write_class_folders(folder / "batch", cohort, workers=2)
    (folder / "sent").mkdir()
    for number, path in enumerate(sorted((folder / "batch").rglob("*.jpeg"))[:50]):
        with Image.open(path) as image:
            image.convert("L").resize((SIDE, SIDE)).save(folder / "sent" / f"{number:02}.jpeg", quality=90)
    return folder


def measure(folder: Path, drawn: Path, backbone: BackboneName, side: int, seconds: float, requests: int) -> Told:
    """All figures of one network."""
    home = folder / backbone
    os.environ |= {"XRAY_HOME": str(home), "XRAY_SALT": SALT}
    sent = drawn / "sent"
    model = put_in_service(backbone, side)
    alone = answer_alone(model, seconds)
    with flask_page(model, sent) as url:
        load(url, sent, WARM_SECONDS, clients=CLIENTS)
        flask_many = load(url, sent, seconds, clients=CLIENTS)
        flask_one = load(url, sent, seconds)
    started = time.perf_counter()
    with console_process(home / "console.log") as (origin, pid):
        url = f"{origin}/v1/predict"
        await_answer(url, sent)
        start = time.perf_counter() - started
        process = psutil.Process(pid)
        warm = load(url, sent, WARM_SECONDS, clients=CLIENTS)
        ours_many = load(url, sent, seconds, clients=CLIENTS)
        ours_one = load(url, sent, seconds)
        peak = rate(ours_many)
        busy = load(url, sent, seconds, clients=4 * CLIENTS, at=0.8 * peak)
        watched, growth = watch_memory(process, url, sent, requests, peak) if requests else ([], None)
    ours = (warm, ours_many, ours_one, busy, *watched)
    return {
        "flask_per_second": round(rate(flask_many), 1),
        "ours_per_second": round(peak, 1),
        "alone_per_second": round(alone, 1),
        "times_flask": round(peak / rate(flask_many), 2),
        "most_times_flask": round(alone / rate(flask_many), 2),
        "flask_p50_ms": median(flask_one["ms"]),
        "ours_p50_ms": median(ours_one["ms"]),
        "p50_ratio": round(median(ours_one["ms"]) / median(flask_one["ms"]), 3),
        "busy_p50_ms": median(busy["ms"]),
        "busy_p99_ms": quantiles(busy["ms"], n=100)[98],
        "p99_over_p50": round(quantiles(busy["ms"], n=100)[98] / median(busy["ms"]), 2),
        "start_seconds": round(start, 1),
        "memory_growth": growth,
        "errors": sum(one["errors"] for one in ours),
        "first_errors": [error for one in ours for error in one["first_errors"]],
    }


def put_in_service(backbone: BackboneName, side: int) -> Path:
    """A champion in this home, that was never trained; gives its file."""
    from storage.registry import MODEL_FILE, Registry
    from storage.store import open_store
    from xray_model.network import network
    from xray_model.network.backbones import Weights
    from xray_model.network.recipe import choose_recipe

    settings = Settings()
    store, registry = open_store(settings), Registry(settings)
    options = TrainingOptions(backbone=backbone, input_side=side)
    recipe = choose_recipe(options, store.side)
    parts = recipe.build_parts(Weights("none"), None)
    path = settings.home / MODEL_FILE
    digest = network.save(network.join(parts.frozen, recipe.build_head(parts, CLASSES)), path)
    client = registry._client()  # noqa: SLF001 - a run without a training
    run_id = client.create_run(registry._experiment(client)).info.run_id  # noqa: SLF001
    client.log_artifact(run_id, str(path))
    version = registry.register(run_id, evaluation())
    write_ledger(store.objects, gate(0, version).model_copy(update={"run_id": run_id, "model_sha256": digest}))
    return path


def answer_alone(model: Path, seconds: float) -> float:
    """Images a second that the network answers in the service's batches, in this process: the floor."""
    from apps.serving.limits import ServiceLimits
    from xray_model.network.predictor import load_predictor

    predictor, batch = load_predictor(model), ServiceLimits().batch
    pixels = np.random.default_rng(1).integers(0, 256, (batch, predictor.side, predictor.side)).astype(np.uint8)
    predictor.warm_up((batch,))
    answered, started = 0, time.perf_counter()
    while time.perf_counter() < started + seconds:
        answered += len(predictor.answer(pixels).probabilities)
    return answered / (time.perf_counter() - started)


@contextmanager
def flask_page(model: Path, sent: Path) -> Iterator[str]:
    """The notebooks' way with this model; ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with model.with_name("flask.log").open("wb") as log:
        page = subprocess.Popen(  # noqa: S603
            [sys.executable, str(FLASK), str(model), str(Settings().side), str(port)], stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}/predict"
    try:
        await_answer(url, sent)
        yield url
    finally:
        page.terminate()
        page.wait()


def await_answer(url: str, sent: Path, seconds: float = 120) -> None:
    """Wait until an image is answered."""
    body = min(sent.iterdir()).read_bytes()
    request = urllib.request.Request(url, body, {"Content-Type": "image/jpeg"})  # noqa: S310 - our own server
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit(f"{url} gave no answer within {seconds:.0f} s")


def load(url: str, sent: Path, seconds: float, clients: int = 1, at: float | None = None) -> Told:
    """What a load generator told."""
    pace = [] if at is None else ["--rate", f"{at:.2f}"]
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(LOAD), url, str(sent), str(seconds), "--clients", str(clients), *pace],
        capture_output=True,
        text=True,
        check=True,
    )
    told: Told = json.loads(done.stdout)
    return told


def rate(told: Told) -> float:
    """Requests answered a second."""
    return float(told["requests"]) / float(told["seconds"])


def watch_memory(process: psutil.Process, url: str, sent: Path, requests: int, peak: float) -> tuple[list[Told], float]:
    """What came of so many requests, and resident memory after them, over that after a tenth of them."""
    told, sizes = [], []
    for share in (0.1, 0.9):
        told.append(load(url, sent, share * requests / peak, clients=CLIENTS))
        sizes.append(process.memory_info().rss)
    return told, float(round(sizes[1] / sizes[0], 3))


if __name__ == "__main__":
    main()
