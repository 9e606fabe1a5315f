"""DICOM files that a test changes where it matters."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from xray_model.data.phantoms.dicom import dicom_bytes

Values = npt.NDArray[np.uint16]
Edit = Callable[..., bytes]
Compress = Callable[[bytes, str], bytes]


def ramp(bits: int, rows: int = 30, columns: int = 40) -> Values:
    """All of a depth's range, without large steps."""
    return np.linspace(0, (1 << bits) - 1, rows * columns).reshape(rows, columns).astype(np.uint16)


@pytest.fixture
def make_values() -> Callable[..., Values]:
    """Makes values [rows, columns] over the whole range of a depth."""
    return ramp


@pytest.fixture
def edit() -> Edit:
    """Changes elements of a DICOM file by keyword; None removes one."""

    def change(data: bytes, **tags: Any) -> bytes:
        dataset = pydicom.dcmread(io.BytesIO(data))
        for keyword, value in tags.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        return dicom_bytes(dataset)

    return change


@pytest.fixture
def put_frame() -> Callable[..., bytes]:
    """Puts a compressed frame, in as many fragments as asked for, into a DICOM file."""

    def put(data: bytes, frame: bytes, syntax: str, fragments: int = 1, **tags: Any) -> bytes:
        dataset: Dataset = pydicom.dcmread(io.BytesIO(data))
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
        dataset.PixelData = encapsulate([frame], fragments_per_frame=fragments)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        return dicom_bytes(dataset)

    return put


@pytest.fixture
def compress(tmp_path: Path) -> Compress:
    """Compresses a DICOM file with GDCM, by its name of the transfer syntax."""

    def change(data: bytes, name: str) -> bytes:
        before, after = tmp_path / "before.dcm", tmp_path / "after.dcm"
        before.write_bytes(data)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(before))
        assert reader.Read()
        changer = gdcm.ImageChangeTransferSyntax()
        changer.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, name)))
        changer.SetInput(reader.GetImage())
        assert changer.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(after))
        writer.SetFile(reader.GetFile())
        writer.SetImage(changer.GetOutput())
        assert writer.Write()
        return after.read_bytes()

    return change
