"""Writing a cohort in the layouts of the Kaggle sets: a folder per class, JPEG images, no tables."""

from collections import Counter
from pathlib import Path

import numpy as np

from xray_model.data.phantoms.archives import pack_zip
from xray_model.data.phantoms.cohort import CohortOptions, Exam, plan_cohort
from xray_model.data.phantoms.writing import Answer, OnImage, PictureFile, Written, make_folders, write_pictures
from xray_model.errors import ConfigurationError

PAEDIATRIC, THREE_CLASSES = "chest_xray", "covid_pneumonia_normal"


def write_class_folders(
    folder: Path,
    options: CohortOptions,
    *,
    three_classes: bool = False,
    archive: bool = False,
    workers: int = 1,
    on_image: OnImage | None = None,
) -> Written:
    """Write a cohort as `folder/chest_xray/{train,test}/{NORMAL,PNEUMONIA}/...jpeg`, or as three flat class folders.

    The first is paultimothymooney/chest-xray-pneumonia, whose file names tell the patient
    (`person12_bacteria_34.jpeg`, `IM-0115-0001.jpeg`, `NORMAL2-IM-0501-0001.jpeg`) and whose patients are children
    (`CohortOptions.children`); the second, `folder/covid_pneumonia_normal/{COVID,NORMAL,PNEUMONIA}/`, tells no
    patients apart.

    Args:
        folder: made if it is missing.
        options: the cohort.
        three_classes: the second layout.
        archive: leave a zip in place of the tree, with the system files that such archives hold.
        workers: processes that draw at the same time; the bytes do not depend on it.
        on_image: told of every image (done, total).

    Raises:
        ConfigurationError: covid patients in the first layout, which has no folder for them.
    """
    if not three_classes and options.shares.get("covid"):
        raise ConfigurationError(
            "the layout chest_xray/{NORMAL,PNEUMONIA} has no folder for covid: "
            "ask for three_classes, or leave covid out of the shares"
        )
    exams = plan_cohort(options)
    files: list[PictureFile] = []
    answers: dict[str, Answer] = {}
    numbers: Counter[str] = Counter()
    for exam in exams:
        rng = np.random.default_rng([*exam.key, 1])
        name, patient = _flat_name(exam, numbers) if three_classes else _paediatric_name(exam, numbers, options.seed)
        colour = bool(rng.random() < 0.06)
        files.append(PictureFile(exam, folder / name, quality=int(rng.integers(82, 95)), colour=colour))
        answers[name] = Answer(exam.patient.finding, patient, exam.view, exam.patient.sex, exam.patient.age)
    make_folders(file.path for file in files)
    write_pictures(files, workers, on_image)
    tree = THREE_CLASSES if three_classes else PAEDIATRIC
    return Written(answers, (pack_zip(folder, tree),) if archive else ())


def _paediatric_name(exam: Exam, numbers: Counter[str], seed: int) -> tuple[str, str]:
    """Name and patient: a patient's images lie in one of the two folders."""
    number = exam.patient.number
    rng = np.random.default_rng([seed, 4, number])
    split = "test" if rng.random() < 0.12 else "train"
    if exam.patient.finding == "normal":
        person = f"{'NORMAL2-' if rng.random() < 0.5 else ''}IM-{number:04d}"
        base = f"{person}-{exam.place + 1:04d}"
        return f"{PAEDIATRIC}/{split}/NORMAL/{base}.jpeg", f"kaggle-cxr:{person}"
    germ = "bacteria" if rng.random() < 0.65 else "virus"
    numbers[germ] += 1
    base = f"person{number}_{germ}_{numbers[germ]}"
    return f"{PAEDIATRIC}/{split}/PNEUMONIA/{base}.jpeg", f"kaggle-cxr:person{number}"


def _flat_name(exam: Exam, numbers: Counter[str]) -> tuple[str, None]:
    group = exam.patient.finding.upper()
    numbers[group] += 1
    return f"{THREE_CLASSES}/{group}/{group.capitalize()}-{numbers[group]:04d}.jpeg", None
