"""Labels of BIMCV studies: `unchanged` followed back in time, and PCR tests that confirm a suspicion."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from xray_model.data.labels import Labelling, label_report
from xray_model.data.layouts.bimcv_tables import NEGATIVE, Report, Tables

TEST_WINDOW = timedelta(days=7)
"""How far a positive PCR may lie from the study, before or after.

UC15_pipeline, the public pipeline for this set, leaves it to its user and takes the same day by default. A week
to either side allows for the wait for a result and for the days between first symptoms and test, and stays
within one illness.
"""

Key = tuple[str, str, str]
"""Set, patient and session."""

_Resolved = tuple[frozenset[str], bool, bool]
_NOTHING: _Resolved = (frozenset(), False, False)


@dataclass(frozen=True, slots=True)
class _Study:
    report: Report
    day: date | None
    confirmed: bool


def label_studies(tables: Tables, dates: Mapping[Key, date]) -> dict[Key, Labelling]:
    """The label of every study that has a report, by set, patient and session.

    `unchanged` adds the words of the patient's study before, and whether that one was confirmed; where that is
    unchanged too, of the one before it, and so on. Studies follow each other by day; one without a day follows
    the study with the next lower session number.

    Args:
        tables: reports, tests and the join of the two sets, across which one patient's studies are followed.
        dates: day of the study by set, patient and session.
    """
    patients: defaultdict[str, list[_Study]] = defaultdict(list)
    for key, report in tables.reports.items():
        day = dates.get(key)
        person = tables.person(report.patient_set, report.patient)
        known = report.patient_set != NEGATIVE or report.patient in tables.joined
        tests = tables.positive_tests.get(person, ()) if known else ()
        confirmed = day is not None and any(abs(test - day) <= TEST_WINDOW for test in tests)
        patients[person].append(_Study(report, day, confirmed))
    return {
        (study.report.patient_set, study.report.patient, study.report.session): labelling
        for studies in patients.values()
        for study, labelling in _label_patient(studies)
    }


def _label_patient(studies: Sequence[_Study]) -> list[tuple[_Study, Labelling]]:
    before = _studies_before(studies)
    resolved: dict[int, _Resolved] = {}
    labelled = []
    for i, study in enumerate(studies):
        words, confirmed, cut = _resolve(i, studies, before, resolved)
        labelling = label_report(words, patient_set=study.report.patient_set, confirmed=confirmed, cut=cut)
        if words and words <= {"unchanged"}:
            labelling = Labelling(None, "unchanged since a study that has no report in this batch")
        labelled.append((study, labelling))
    return labelled


def _resolve(
    i: int, studies: Sequence[_Study], before: Sequence[int | None], resolved: dict[int, _Resolved]
) -> _Resolved:
    """Words, whether a test confirms them, and whether a cell was cut, of a study and those it is unchanged since."""
    chain: list[int] = []
    seen: set[int] = set()
    place: int | None = i
    while place is not None and place not in resolved and place not in seen:
        chain.append(place)
        seen.add(place)
        place = before[place] if _unchanged(studies[place]) else None
    base: _Resolved = resolved.get(place, _NOTHING) if place is not None else _NOTHING
    for link in reversed(chain):
        study = studies[link]
        words, confirmed, cut = base
        base = (
            words | {word.casefold() for word in study.report.words},
            confirmed or study.confirmed,
            cut or study.report.cut,
        )
        resolved[link] = base
    return base


def _unchanged(study: _Study) -> bool:
    return "unchanged" in {word.casefold() for word in study.report.words}


def _studies_before(studies: Sequence[_Study]) -> list[int | None]:
    """For each study of one patient, the place of the one before it."""
    numbered = sorted(range(len(studies)), key=lambda i: _number(studies[i]))
    dated = sorted(
        (i for i in numbered if studies[i].day is not None),
        key=lambda i: (studies[i].day or date.min, _number(studies[i])),
    )
    undated = [i for i in numbered if studies[i].day is None]
    undated_numbers = [_number(studies[i]) for i in undated]
    before: list[int | None] = [None] * len(studies)
    for earlier, later in pairwise(dated):
        before[later] = earlier
    for earlier, later in pairwise(numbered):
        if studies[later].day is None:
            before[later] = earlier
    for first in dated[:1]:
        place = bisect_left(undated_numbers, _number(studies[first]))
        before[first] = undated[place - 1] if place else None
    return before


def _number(study: _Study) -> tuple[int, str]:
    digits = re.sub(r"\D", "", study.report.session, flags=re.ASCII)
    return (int(digits[:18] or 0), study.report.session)
