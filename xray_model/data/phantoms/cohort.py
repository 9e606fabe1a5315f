"""Who is X-rayed, when, how and with what finding: patients with sessions and images, drawn from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from xray_model.data.labels import FINDINGS
from xray_model.data.phantoms.anatomy import Exposure, draw_chest
from xray_model.data.phantoms.body import Body, draw_body
from xray_model.data.phantoms.projection import Array

FIRST_DAY = date(2020, 3, 1)


class CohortOptions(BaseModel):
    """A population and how it is X-rayed. Patients differ from those of another seed, also under the same numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patients: int = Field(200, ge=1, le=90_000, description="Patients; each has one X-ray or more.")
    shares: dict[str, float] = Field(
        {"covid": 8.0, "normal": 1.0},
        description="Patients by finding, in any proportion: they are counted out exactly.",
    )
    seed: int = Field(0, ge=0, description="Everything follows from it: the same seed gives the same bytes.")
    first_patient: int = Field(
        1, ge=1, description="Number of the first patient. Batches for one store must not share numbers."
    )
    drift: float = Field(
        0.0, ge=0, le=1, description="0 the usual scanners and population, 1 another scanner and older patients."
    )
    portable_share: float = Field(
        0.3, ge=0, le=1, description="Share of AP views among healthy patients; the ill have more."
    )
    lateral_share: float = Field(0.04, ge=0, le=1, description="Share of lateral views.")
    further_share: float = Field(
        0.3, ge=0, lt=1, description="Chance that an image is followed by another of the patient."
    )
    most_images: int = Field(4, ge=1, description="Most images of one patient.")
    children: bool = Field(False, description="Patients of 1 to 5 years, in AP views.")
    smallest_side: int = Field(440, ge=128, description="Mean side of the smallest pictures (pixels).")
    largest_side: int = Field(560, le=900, description="Mean side of the largest pictures (pixels).")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.shares or any(share < 0 for share in self.shares.values()) or not any(self.shares.values()):
            raise ValueError(
                f"shares must hold at least one positive share and no negative one. Received: {self.shares}"
            )
        if unknown := sorted(set(self.shares) - set(FINDINGS)):
            raise ValueError(f"shares names findings that cannot be drawn: {unknown}. Use {', '.join(FINDINGS)}")
        if self.smallest_side > self.largest_side:
            raise ValueError(f"smallest_side {self.smallest_side} is above largest_side {self.largest_side}")
        return self


@dataclass(frozen=True, slots=True)
class Patient:
    """One person of a cohort."""

    number: int
    sex: str
    age: float
    """Years at the first session."""
    finding: str
    body: Body


@dataclass(frozen=True, slots=True)
class Exam:
    """One X-ray to be drawn."""

    patient: Patient
    session: int
    """Counted over the cohort, so that later sessions of a patient have higher numbers."""
    run: int
    """1 for the first image of a session."""
    place: int
    """0 for the patient's first image."""
    day: date
    view: str
    """`PA`, `AP` or `L`."""
    severity: float
    drift: float
    side: int
    key: tuple[int, ...]
    """Seed of the picture."""

    def draw(self) -> Array:
        """The picture: float32 [height, width] in 0 to 1."""
        exposure = Exposure(self.view, self.patient.finding, self.severity, self.drift)
        return draw_chest(self.patient.body, exposure, np.random.default_rng(self.key), self.side)


def plan_cohort(options: CohortOptions) -> list[Exam]:
    """All X-rays of a cohort, in the order of patients and sessions; nothing is drawn yet."""
    rng = np.random.default_rng([options.seed, 0])
    findings = np.repeat(list(options.shares), _apportion(options.patients, list(options.shares.values())))
    rng.shuffle(findings)
    exams: list[Exam] = []
    session = options.first_patient * 2
    for place, finding in enumerate(findings):
        number = options.first_patient + place
        patient_rng = np.random.default_rng([options.seed, 1, number])
        patient = _draw_patient(patient_rng, number, str(finding), options)
        for exam in _plan_patient(patient_rng, patient, session, options):
            exams.append(exam)
            session = exam.session
        session += 1 + int(patient_rng.integers(0, 2))
    return exams


def _apportion(total: int, shares: list[float]) -> list[int]:
    """Whole numbers in the proportion of `shares` that add up to `total` (largest remainders)."""
    exact = np.array(shares) / sum(shares) * total
    counts = np.floor(exact).astype(int)
    for place in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[place] += 1
    return [int(count) for count in counts]


def _draw_patient(rng: np.random.Generator, number: int, finding: str, options: CohortOptions) -> Patient:
    sex = "F" if rng.random() < (0.5 if finding == "normal" else 0.43) else "M"
    if options.children:
        age = rng.uniform(1.0, 5.9)
    else:
        middle = {"normal": 52.0, "covid": 59.0, "pneumonia": 61.0}[finding] + 14.0 * options.drift
        age = float(np.clip(rng.normal(middle, 16.0), 18.0, 95.0))
    return Patient(number, sex, age, finding, draw_body(rng, sex, age))


def _plan_patient(rng: np.random.Generator, patient: Patient, session: int, options: CohortOptions) -> Iterator[Exam]:
    """One patient's images: further views of a session, and further sessions days later as the illness goes its way."""
    day = FIRST_DAY + timedelta(days=int(rng.integers(0, 240)))
    severity, run, ill = draw_severity(rng), 1, patient.finding != "normal"
    portable = min(1.0, options.portable_share * (1.4 if ill else 1.0))
    for place in range(options.most_images):
        if place and rng.random() >= options.further_share:
            return
        if place and rng.random() < 0.75:
            session, run = session + 1, 1
            day += timedelta(days=int(rng.integers(1, 12)))
            severity = float(np.clip(severity + rng.normal(0.0, 0.12), 0.0, 1.0))
        elif place:
            run += 1
        view = "AP" if options.children or rng.random() < portable else "PA"
        view = "L" if rng.random() < options.lateral_share else view
        yield Exam(
            patient=patient,
            session=session,
            run=run,
            place=place,
            day=day,
            view=view,
            severity=severity,
            drift=options.drift,
            side=int(rng.integers(options.smallest_side, options.largest_side + 1)),
            key=(options.seed, 2, patient.number, place),
        )


def draw_severity(rng: np.random.Generator) -> float:
    """How marked a finding is: mostly clear to see, at times hardly."""
    subtle = rng.random() < 0.03
    return float(rng.uniform(0.0, 0.45) if subtle else 0.45 + 0.55 * rng.beta(1.6, 1.6))
