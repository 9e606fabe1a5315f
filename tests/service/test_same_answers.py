"""Service, offline scoring and gate are one model: on real X-rays, in every kind of file, they answer alike."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from flows.running import run_flow
from flows.score import score
from storage.registry import Registry
from storage.settings import Settings
from storage.store import Store
from tests.promoting import CLASSES, RealModel, promote, register_model
from tests.servers.console import console_server
from tests.servers.prefect_service import wait_for
from xray_model.config import ScoreOptions
from xray_model.data.examining import examine_image

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(1800)]

IMAGES = 500
TOGETHER = 25
"""Images of a request."""
MOST = 1e-5
"""That two ways may differ by in a probability."""

Gray = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]


def png(pixels: npt.NDArray[np.uint8 | np.uint16]) -> bytes:
    """A PNG of as many bits."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "png")
    return data.getvalue()


def dicom(pixels: npt.NDArray[np.uint8 | np.uint16]) -> bytes:
    """A DICOM file that stores as many bits, without compression."""
    bits = pixels.dtype.itemsize * 8
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid()
    dataset.Modality, dataset.PatientID, dataset.PhotometricInterpretation = "DX", "P1", "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    even = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset.add_new("PixelData", "OB" if bits == 8 else "OW", even)
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def deep(pixels: Gray) -> npt.NDArray[np.uint16]:
    """The same picture in 16 bits."""
    return pixels.astype(np.uint16) * 257


KINDS: dict[str, Callable[[Gray], bytes]] = {
    "png8": png,
    "png16": lambda pixels: png(deep(pixels)),
    "dicom8": dicom,
    "dicom16": lambda pixels: dicom(deep(pixels)),
}
"""Beside `asis`, the file as it was published: mostly JPEG."""


@pytest.fixture
def champion(home: Path, store: Store, tmp_path: Path, shared_data: Path) -> RealModel:
    """MobileNetV2 with its ImageNet weights in service, under a classifier that was not trained."""
    weights = str(shared_data / "weights" / "mobilenet_v2_1.0_224_no_top.weights.h5")
    made = register_model(
        Registry(Settings()),
        tmp_path,
        seed=1,
        side=store.side,
        backbone="mobilenet_v2",
        input_side=224,
        weights=weights,
        spread=0.06,
    )
    promote(store.objects, made)
    return made


@pytest.fixture
def files(tmp_path: Path, shared_data: Path) -> dict[str, dict[str, bytes]]:
    """By kind: files by name, of images from all sources; they lie in `images` too."""
    listed = pd.read_csv(shared_data / "xray" / "manifest.csv")["path"]
    paths = [shared_data / "xray" / listed[place] for place in np.linspace(0, len(listed) - 1, IMAGES).astype(int)]
    made: dict[str, dict[str, bytes]] = {kind: {} for kind in ("asis", *KINDS)}
    for number, path in enumerate(paths):
        data = path.read_bytes()
        made["asis"][f"asis/{number:03d}{path.suffix.lower()}"] = data
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.asarray(image.convert("L"))
        for kind, write in KINDS.items():
            suffix = "png" if kind.startswith("png") else "dcm"
            made[kind][f"{kind}/{number:03d}.{suffix}"] = write(pixels)
    for kind, found in made.items():
        (tmp_path / "images" / kind).mkdir(parents=True)
        for name, data in found.items():
            (tmp_path / "images" / name).write_bytes(data)
    return made


def by_the_gate(model: RealModel, files: dict[str, bytes], side: int) -> Probabilities:
    """As a challenger is judged: features kept as float16, and the head on them."""
    from xray_model.network import inference, network

    frozen, head = network.split(network.load(model.path))
    pixels = np.stack([examine_image(data, side).pixels for data in files.values()])
    return inference.predict_features(head, inference.compute_features(frozen, pixels))


def by_the_service(console: httpx.Client, files: dict[str, bytes]) -> Probabilities:
    """As a person or a program is answered."""

    def ask() -> Iterator[list[float]]:
        sent = list(files.values())
        for start in range(0, len(sent), TOGETHER):
            form = [("image", data) for data in sent[start : start + TOGETHER]]
            answer = console.post("/v1/predict", files=form)
            assert answer.status_code == 200, answer.text
            yield from ([one["probabilities"][name] for name in CLASSES] for one in answer.json()["predictions"])

    return np.array(list(ask()), np.float32)


def by_the_flow(images: Path, out: Path) -> pd.DataFrame:
    """As `xray score` answers: a row for each file, by its name."""
    run_flow(score, ScoreOptions(images=str(images), out=str(out), log=False))
    return pd.read_parquet(out).set_index("path")


def test_three_ways_are_one(
    store: Store, champion: RealModel, files: dict[str, dict[str, bytes]], prefect_server: None, tmp_path: Path
) -> None:
    """No probability of any file differs by more than 1e-5 between the service, offline scoring and the gate."""
    table = by_the_flow(tmp_path / "images", tmp_path / "table.parquet")
    assert table["refused"].isna().all()
    with console_server(tmp_path / "console.log") as address, httpx.Client(base_url=address, timeout=120) as console:
        wait_for("a model", lambda: console.get("/v1/ready").status_code == 200)
        for kind, found in files.items():
            served = by_the_service(console, found)
            offline = table.loc[list(found), [f"p_{name}" for name in CLASSES]].to_numpy()
            judged = by_the_gate(champion, found, store.side)
            apart = {"offline": np.abs(served - offline).max(), "gate": np.abs(served - judged).max()}
            print(
                kind, len(served), *(f"{way} {most:.2g}" for way, most in apart.items()), f"spread {served.std():.2f}"
            )
            assert served.std() > 0.1, "where all answers are alike, nothing is shown"
            assert max(apart.values()) <= MOST
