"""Writing a cohort in the layout of BIMCV-COVID19: trees of 16-bit PNG with a sidecar beside each image."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xray_model.data.phantoms.archives import pack_tgz
from xray_model.data.phantoms.bimcv_tables import write_tables
from xray_model.data.phantoms.cohort import CohortOptions, Exam, plan_cohort
from xray_model.data.phantoms.encoding import Storage
from xray_model.data.phantoms.writing import Answer, OnImage, PictureFile, Written, make_folders, write_pictures

POSITIVE, NEGATIVE = "covid19_posi", "covid19_neg"
_VIEWS = {"PA": "pa", "AP": "ap", "L": "ll"}
_SERIES = {"PA": "Tórax PA", "AP": "Tórax AP portátil", "L": "Tórax lateral"}


@dataclass(frozen=True, slots=True)
class _Device:
    manufacturer: str
    share: float
    monochrome1: float
    """Share of its images in which high values are dark; as in version 1.0 of the set."""
    bits: int


_DEVICES = (
    _Device("GMM", 0.10, 1.0, 16),
    _Device("FUJIFILM Corporation", 0.07, 1.0, 10),
    _Device("Agfa", 0.21, 0.41, 12),
    _Device("SIEMENS", 0.18, 0.0, 12),
    _Device("KONICA MINOLTA", 0.16, 0.0, 12),
    _Device("Philips Medical Systems", 0.16, 0.0, 15),
    _Device("Carestream Health", 0.12, 0.0, 14),
)
_NEW_DEVICE = _Device("Canon Inc.", 0.0, 0.0, 14)
"""What takes the others' place as a cohort drifts."""


def write_bimcv(
    folder: Path,
    options: CohortOptions,
    *,
    archive: bool = False,
    workers: int = 1,
    on_image: OnImage | None = None,
) -> Written:
    """Write a cohort as `folder/covid19_posi/...`: images, sidecars and tables.

    Pneumonia patients go to `folder/covid19_neg/...`: everyone in the positive set has COVID-19 at some time, so
    that a pneumonia there would not tell whose it is.

    Args:
        folder: made if it is missing.
        options: the cohort.
        archive: leave `covid19_posi_part1.tgz` and `covid19_posi_part2.tgz` (and likewise for the negative set) in
            place of the trees.
        workers: processes that draw at the same time; the bytes do not depend on it.
        on_image: told of every image (done, total).
    """
    exams = plan_cohort(options)
    names = [_name(exam) for exam in exams]
    storages = [_store(exam) for exam in exams]
    files = [PictureFile(e, folder / n, storage=s) for e, n, (_, s) in zip(exams, names, storages, strict=True)]
    make_folders(file.path for file in files)
    write_pictures(files, workers, on_image)
    for exam, name, (device, storage) in zip(exams, names, storages, strict=True):
        sidecar = json.dumps(_sidecar(exam, device, storage), ensure_ascii=False)
        (folder / name).with_suffix(".json").write_text(sidecar, encoding="utf-8")
    trees = sorted({set_of(exam) for exam in exams})
    for tree in trees:
        own = [(exam, name) for exam, name in zip(exams, names, strict=True) if set_of(exam) == tree]
        write_tables(folder / tree, own, options.seed, positive=tree == POSITIVE)
    answers = {
        name: Answer(
            label=exam.patient.finding,
            patient=f"bimcv:S{exam.patient.number:05d}",
            view=exam.view,
            sex=exam.patient.sex,
            age=float(int(exam.patient.age)),
            monochrome1=storage.monochrome1,
        )
        for exam, name, (_, storage) in zip(exams, names, storages, strict=True)
    }
    return Written(answers, pack_bimcv(folder, trees) if archive else ())


def pack_bimcv(folder: Path, trees: Sequence[str] = (POSITIVE, NEGATIVE)) -> tuple[Path, ...]:
    """Replace the trees in `folder` by archives of two parts each, as the set is shipped."""
    return tuple(part for tree in trees if (folder / tree).is_dir() for part in pack_tgz(folder, tree))


def set_of(exam: Exam) -> str:
    """The set, and so the tree, that an exam belongs to."""
    return NEGATIVE if exam.patient.finding == "pneumonia" else POSITIVE


def _name(exam: Exam) -> str:
    subject, session = f"sub-S{exam.patient.number:05d}", f"ses-E{exam.session:05d}"
    modality = "cr" if exam.view == "AP" else "dx"
    base = f"{subject}_{session}_run-{exam.run}_bp-chest_vp-{_VIEWS[exam.view]}_{modality}.png"
    return f"{set_of(exam)}/{subject}/{session}/mod-rx/{base}"


def _store(exam: Exam) -> tuple[_Device, Storage]:
    rng = np.random.default_rng([*exam.key, 1])
    shares = np.array([device.share for device in _DEVICES])
    device = _DEVICES[int(rng.choice(len(_DEVICES), p=shares / shares.sum()))]
    if rng.random() < exam.drift:
        device = _NEW_DEVICE
    dark = bool(rng.random() < device.monochrome1)
    return device, Storage(device.bits, float(rng.uniform(0.02, 0.12)), float(rng.uniform(0.75, 0.98)), dark)


def _sidecar(exam: Exam, device: _Device, storage: Storage) -> dict[str, dict[str, object]]:
    """DICOM tags as BIMCV exports them, with the gaps that its sidecars have."""
    rng = np.random.default_rng([*exam.key, 2])
    centre, width = storage.window
    birth = exam.day.year - int(exam.patient.age)
    tags: dict[str, dict[str, object]] = {
        "00080020": _tag("DA", exam.day.strftime("%Y%m%d")),
        "00080030": _tag("TM", f"{int(rng.integers(24)):02d}{int(rng.integers(60)):02d}00"),
        "00080060": _tag("CS", "CR" if exam.view == "AP" else "DX"),
        "00080070": _tag("LO", device.manufacturer),
        "0008103E": _tag("LO", _SERIES[exam.view]),
        "00100040": _tag("CS", exam.patient.sex),
        "00280004": _tag("CS", "MONOCHROME1" if storage.monochrome1 else "MONOCHROME2"),
        "00280101": _tag("US", storage.bits),
    }
    if rng.random() < 0.1:
        tags["00100030"] = _tag("DA", f"{birth}0101")
    tags["00101010"] = {"vr": "AS"} if rng.random() < 0.15 else _tag("AS", f"{int(exam.patient.age):03d}Y")
    tags["00185101"] = {"vr": "CS"} if rng.random() < 0.45 else _tag("CS", {"L": "LL"}.get(exam.view, exam.view))
    kind = rng.random()
    if kind < 0.1:
        tags["00281050"], tags["00281051"] = _tag("DS", centre, centre * 0.9), _tag("DS", width, width * 1.3)
    elif kind > 0.19:
        tags["00281050"], tags["00281051"] = _tag("DS", centre), _tag("DS", width)
    return tags


def _tag(vr: str, *values: object) -> dict[str, object]:
    return {"vr": vr, "Value": list(values)}
