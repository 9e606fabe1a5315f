"""Cells: lists written as text, ages, sexes, views, days."""

from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xray_model.data.layouts.cells import parse_items, plain_text, read_age, read_date, read_sex, read_view

LIST_LIKE = st.text(alphabet="'\"[],;\t \\\n" + "abC9é")


@settings(deadline=None)
@given(st.one_of(st.text(), LIST_LIKE))
@example("['COVID 19', 'pneum")
@example("'''")
@example('["')
def test_parse_items_law(text: str) -> None:
    """Whatever the text, items come out stripped, not empty, and each once."""
    values = parse_items(text).values
    assert all(value == value.strip() and value for value in values)
    assert len(set(values)) == len(values)


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_characters="'\"\\\n\r", exclude_categories=["C", "Z"]))))
def test_parse_items_reads_what_python_writes(items: list[str]) -> None:
    """A list that Python wrote is read back, but for empty items and repeats."""
    assert parse_items(str(items)) == (tuple(dict.fromkeys(item for item in items if item)), False)


@pytest.mark.parametrize(
    ("text", "values", "cut"),
    [
        ("[' COVID 19', 'pneumonia ', '', 'pneumonia']", ("COVID 19", "pneumonia"), False),
        ("['COVID 19'\t'infiltrates']", ("COVID 19", "infiltrates"), False),
        ("['COVID 19' 'infiltrates']", ("COVID 19", "infiltrates"), False),
        ("[COVID 19\tinfiltrates]", ("COVID 19", "infiltrates"), False),
        ("['COVID 19', 'pneum", ("COVID 19",), True),
        ("['COVID 19', ", ("COVID 19",), True),
        ("[63, 6", ("63",), True),
        ("['patient's left', \"O'Neil\"]", ("patient's left", "O'Neil"), False),
        ("[63, 64]", ("63", "64"), False),
        ("[['CHEST']]", ("CHEST",), False),
        ("[None]", (), False),
        ("normal", ("normal",), False),
        ("nan", (), False),
        ("[]", (), False),
        ("", (), False),
        ("['", (), True),
    ],
)
def test_parse_items(text: str, values: tuple[str, ...], cut: bool) -> None:
    """The label cells of the published tables are read with all their defects."""
    assert parse_items(text) == (values, cut)


def test_parse_items_never_evaluates() -> None:
    """A cell that is a Python expression stays text."""
    assert parse_items("[__import__('os').abort()]").values[0].startswith("__import__(")


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("65", 65.0),
        (" 65.0 ", 65.0),
        ("0,5", 0.5),
        ("50+", 50.0),
        ("063Y", 63.0),
        ("006M", 0.5),
        ("7 years", 7.0),
        ("011D", 11 / 365.25),
        ("005W", 35 / 365.25),
        ("0.03", 0.03),
        ("411", None),
        ("91-92", None),
        ("65 male", None),
        ("-3", None),
        ("nan", None),
        ("", None),
    ],
)
def test_read_age(text: str, years: float | None) -> None:
    """Every way of the public sets to write an age comes to years, and what is no age to none."""
    assert read_age(text) == (years if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("text", "sex"), [("M", "M"), ("male", "M"), ("Female", "F"), ("f", "F"), ("w", "F"), ("None", None), ("O", None)]
)
def test_read_sex(text: str, sex: str | None) -> None:
    """F and M come out of every spelling, and nothing is guessed."""
    assert read_sex(text) == sex


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("PA", "PA"),
        ("ap", "AP"),
        ("AP Supine", "AP"),
        ("AP erect", "AP"),
        ("APS", "AP"),
        ("L", "L"),
        ("ll", "L"),
        ("lateral", "L"),
        ("LATERAL IZQ.", "L"),
        ("PA y LAT", None),
        ("Axial", None),
        ("?", None),
        ("", None),
    ],
)
def test_read_view(text: str, view: str | None) -> None:
    """The views of file names, tables and sidecars come to PA, AP or L."""
    assert read_view(text) == view


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20200315", date(2020, 3, 15)),
        ("20200315.0", date(2020, 3, 15)),
        ("15.03.2020", date(2020, 3, 15)),
        ("2020-03-15", date(2020, 3, 15)),
        ("20201340", None),
        ("nan", None),
    ],
)
def test_read_date(text: str, day: date | None) -> None:
    """Days are read as the tables and sidecars write them; NaN is no day."""
    assert read_date(text) == day


@settings(deadline=None)
@given(st.text())
def test_plain_text_is_safe_to_export(text: str) -> None:
    """Text from a source comes out as one line of bounded length that no spreadsheet takes for a formula."""
    plain = plain_text(text)
    assert plain is None or (plain.isprintable() or "\n" not in plain)
    assert plain is None or (0 < len(plain) <= 200 and plain[0] not in "=+-@\t\r\n")


@settings(deadline=None)
@given(st.text())
def test_single_cells_take_any_text(text: str) -> None:
    """No cell makes a reader fail."""
    for read in (read_age, read_sex, read_view, read_date):
        read(text)
