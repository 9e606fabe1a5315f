"""The tables of the BIMCV-COVID19 sets: which files they are, and what their rows say.

Every table belongs to the positive or the negative set, told by its folder or its name: the two sets number
their patients independently of each other.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from xray_model.data.layouts.cells import parse_items, read_age, read_date, read_sex
from xray_model.data.layouts.files import base_name, split_path
from xray_model.data.layouts.tables import Table, read_table
from xray_model.data.records import OpenFile
from xray_model.errors import InvalidInput

POSITIVE, NEGATIVE, UNKNOWN = "positive", "negative", ""


class TableKind(Enum):
    """The tables that are read."""

    REPORTS = re.compile(r"(?:labels?_.*(?:covid|sars).*|derivatives/labels/.*)\.tsv")
    TESTS = re.compile(r"sil_reg_covid_posi.*\.(?:tsv|txt|csv)")
    PARTICIPANTS = re.compile(r"participants\.tsv")
    SESSIONS = re.compile(r"sub-[a-z0-9]+_sessions\.tsv")
    JOIN = re.compile(r"listjoin_ok\.tsv")
    PARTITIONS = re.compile(r"partitions\.tsv")


_NEWEST_FIRST = (
    "labels_covid_123.tsv", "labels_covid_posi.tsv", "labels_covid19_posi.tsv",
    "labels_covid_neg_jan21.tsv", "labels_sars-cov-2_nega.tsv",
)  # fmt: skip
"""Label tables by iteration: where two label one study, the later iteration counts."""

_REPORT_ROW = re.compile(r'(?:\d+\t)?"?(?:sub-)?S\d+\t', re.ASCII)
_SET = re.compile(r"(?:^|[^a-z])(?:(posi(?:tives?)?)|neg(?:a|atives?)?)(?![a-z])")


@dataclass(frozen=True, slots=True)
class Report:
    """One study in a label table."""

    patient_set: str
    patient: str
    """The set's own number, before the join: `S03044`."""
    session: str
    words: tuple[str, ...]
    cut: bool


@dataclass(slots=True)
class Tables:
    """All tables of a batch. Keys start with the set they belong to."""

    reports: dict[tuple[str, str, str], Report] = field(default_factory=dict)
    """By set, patient and session."""
    people: dict[tuple[str, str], tuple[str | None, float | None]] = field(default_factory=dict)
    """Sex and age in years by set and patient."""
    dates: dict[tuple[str, str, str], date] = field(default_factory=dict)
    """Day of the study by set, patient and session."""
    positive_tests: defaultdict[str, list[date]] = field(default_factory=lambda: defaultdict(list))
    """Days of positive PCR tests by patient of the positive set."""
    joined: dict[str, str] = field(default_factory=dict)
    """Patient of the positive set by patient of the negative set."""
    listed: set[str] = field(default_factory=set)
    """Image files that `partitions.tsv` names, without their folders: those are not to be relied on."""
    notes: Counter[str] = field(default_factory=Counter)

    def person(self, patient_set: str, patient: str) -> str:
        """The patient's number after the join of the two sets."""
        return patient if patient_set == POSITIVE else self.joined.get(patient, patient)


def table_kind(name: str) -> TableKind | None:
    """Which table a file is, or None for any other file."""
    if not name.casefold().endswith((".tsv", ".csv", ".txt")):
        return None
    parts = [part.casefold() for part in split_path(name)]
    base, tail = "".join(parts[-1:]), "/".join(parts[-3:])
    for kind in TableKind:
        if kind.value.fullmatch(base) or kind.value.fullmatch(tail):
            return kind
    return None


def patient_set_of(name: str) -> str:
    """The set that a file belongs to: the last `posi…` or `neg…` in its path decides."""
    marks = list(_SET.finditer(name.casefold()))
    if not marks:
        return UNKNOWN
    return POSITIVE if marks[-1][1] else NEGATIVE


def sets_to_try(patient_set: str) -> tuple[str, ...]:
    """The sets under which a table may hold what belongs to a file of `patient_set`, the likeliest first."""
    return (UNKNOWN, POSITIVE, NEGATIVE) if patient_set == UNKNOWN else (patient_set, UNKNOWN)


def plain_id(text: str, prefix: str) -> str:
    """An id without the BIDS prefix in front of it: `sub-S03044` is `S03044`."""
    return text.strip().removeprefix(prefix)


def read_tables(names: Iterable[str], open_file: OpenFile) -> Tables:
    """Read all BIMCV tables among `names`.

    Raises:
        InvalidInput: there are label tables and none of them has the columns of one, or the join has not its own.
    """
    tables = Tables()
    by_kind: defaultdict[TableKind, list[str]] = defaultdict(list)
    for name in sorted(names):
        if kind := table_kind(name):
            by_kind[kind].append(name)
    for name in by_kind[TableKind.JOIN]:
        _read_join(read_table(open_file(name), "\t"), tables)
    for kind, read_rows in _BY_THE_WAY.items():
        for name in by_kind[kind]:
            try:
                read_rows(read_table(open_file(name)), name, tables)
            except InvalidInput:
                tables.notes["table that cannot be read"] += 1
    reports = sorted(by_kind[TableKind.REPORTS], key=_iteration)
    read = [_read_reports(open_file(name), name, tables) for name in reports]
    if reports and not any(read):
        raise InvalidInput(
            f"{len(reports)} label tables and none that can be read with the columns PatientID, ReportID and Labels; "
            "send the tables of the set unchanged"
        )
    return tables


def _columns(table: Table, *wanted: str) -> list[int] | None:
    """Where the wanted columns stand, or None where one is missing."""
    places = {column.casefold(): place for place, column in reversed(list(enumerate(table.columns)))}
    return [places[column] for column in wanted] if all(column in places for column in wanted) else None


def _cell(row: list[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _iteration(name: str) -> tuple[int, str]:
    base = base_name(name).casefold()
    return (_NEWEST_FIRST.index(base) if base in _NEWEST_FIRST else len(_NEWEST_FIRST), name)


def _read_reports(data: bytes, name: str, tables: Tables) -> bool:
    """Add the studies of a label table, and say whether it is one that can be read."""
    found: dict[tuple[str, str, str], Report] = {}
    try:
        table = read_table(data, "\t", _REPORT_ROW)
        if (places := _columns(table, "patientid", "reportid", "labels")) is None:
            tables.notes["table under derivatives/labels that labels no study"] += 1
            return False
        for row in table.rows:
            patient, session = plain_id(_cell(row, places[0]), "sub-"), plain_id(_cell(row, places[1]), "ses-")
            key = (patient_set_of(name), patient, session)
            items = parse_items(_whole_list(row, places[2], len(table.columns)))
            before = found.get(key, Report(*key, words=(), cut=False))
            found[key] = Report(*key, tuple(dict.fromkeys(before.words + items.values)), items.cut or before.cut)
            tables.notes["label cell cut short"] += items.cut
    except InvalidInput:
        tables.notes["table that cannot be read"] += 1
        return False
    tables.reports = found | tables.reports
    return True


def _whole_list(row: list[str], place: int, columns: int) -> str:
    """The list cell of a row, put together again where tabs between its items were taken for new columns."""
    cell = _cell(row, place)
    for extra in range(len(row) - columns):
        if not cell.startswith("[") or cell.endswith("]"):
            break
        cell += "\t" + row[place + extra + 1]
    return cell


def _read_people(table: Table, name: str, tables: Tables) -> None:
    places = _columns(table, "participant")
    sex, age = _columns(table, "gender"), _columns(table, "age")
    for row in table.rows if places else ():
        patient = _cell(row, places[0]) if places else ""
        if not patient.startswith("sub-"):
            continue  # the published table has a row for the folder `derivatives`
        sexes = parse_items(_cell(row, sex[0])).values if sex else ()
        ages = parse_items(_cell(row, age[0])).values if age else ()
        tables.people[patient_set_of(name), plain_id(patient, "sub-")] = (
            read_sex(sexes[0]) if sexes else None,
            read_age(ages[0]) if ages else None,
        )


def _read_sessions(table: Table, name: str, tables: Tables) -> None:
    places = _columns(table, "session_id", "study_date")
    patient = plain_id(base_name(name), "sub-").split("_")[0]
    for row in table.rows if places else ():
        session, day = (_cell(row, place) for place in places or ())
        if read := read_date(day):
            tables.dates[patient_set_of(name), patient, plain_id(session, "ses-")] = read


def _read_tests(table: Table, _name: str, tables: Tables) -> None:
    places = _columns(table, "participant", "date", "test", "result")
    if places is None:
        tables.notes["table of tests without the columns participant, date, test and result"] += 1
        return
    for row in table.rows:
        patient, day, test, result = (_cell(row, place) for place in places)
        if test.upper() != "PCR" or result.upper() != "POSITIVO":
            continue
        if read := read_date(day):
            tables.positive_tests[plain_id(patient, "sub-")].append(read)
        else:
            tables.notes["positive PCR test without a day"] += 1


def _read_join(table: Table, tables: Tables) -> None:
    places = _columns(table, "covid19_neg", "covid19_posi")
    if places is None:
        raise InvalidInput(
            "listjoin_ok.tsv lacks the columns covid19_neg and covid19_posi: without it, patients who are in both "
            "sets would be taken for two; send the file of the set unchanged"
        )
    for row in table.rows:
        negative, positive = (plain_id(_cell(row, place), "sub-") for place in places)
        if negative and positive:
            tables.joined.setdefault(negative, positive)


def _read_partitions(table: Table, _name: str, tables: Tables) -> None:
    """Its header is wrong in the published file, so the columns go by their place: subject, session, file path."""
    for row in table.rows:
        path = split_path(row[-1].strip())
        if path and len(row) >= 3:  # noqa: PLR2004
            tables.listed.add(path[-1])


_BY_THE_WAY: dict[TableKind, Callable[[Table, str, Tables], None]] = {
    TableKind.PARTICIPANTS: _read_people,
    TableKind.SESSIONS: _read_sessions,
    TableKind.TESTS: _read_tests,
    TableKind.PARTITIONS: _read_partitions,
}
"""Tables without which a batch can still be read."""
