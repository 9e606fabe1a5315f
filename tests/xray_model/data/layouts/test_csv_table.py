"""Image folders with a metadata table, in the spellings of the public sets and of strangers."""

from typing import TYPE_CHECKING

import pytest

from xray_model.data.layouts.csv_table import CsvTable
from xray_model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.xray_model.data.layouts.conftest import Batch

IEEE8023 = "patientid,offset,sex,age,finding,view,modality,folder,filename"
FIGURE1 = "patientid,offset,sex,age,finding,survival,view,modality,artifacts/distortion,notes"
ACTUALMED = "patientid,offset,sex,age,finding,survival,view,modality,imagename,artifacts/distortion,notes"
COVID_CXNET = "filename,patient_id,sex,age,view,label,pcr_test"
HANNOVER = "patient_id,image_id,sex,age,icu_admission_offset,modality,projection"
NIH = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,Image[Width,Height]"


@pytest.mark.parametrize(
    ("image", "table", "expected"),
    [
        (
            "images/a.jpeg",
            f"{IEEE8023}\n2,0,M,65,Pneumonia/Viral/COVID-19,AP Supine,X-ray,images,a.jpeg\n",
            ("ieee8023:2", "covid", "AP", "M", 65.0),
        ),
        (
            "images/COVID-00003a.jpg",
            f'{FIGURE1}\nCOVID-00003a,8,F,50+,COVID-19,,AP erect,X-ray,,"28F, fit"\n',
            ("figure1:COVID-00003", "covid", "AP", "F", 50.0),
        ),
        (
            "images/CR.1.2.3.png",
            f"{ACTUALMED}\nANON56,,,,No finding,,PA,X-ray,CR.1.2.3.png,,x\n",
            ("actualmed:ANON56", "normal", "PA", None, None),
        ),
        (
            "chest_xray_images/covid19/364.jfif.jpg",
            f"\ufeff{COVID_CXNET}\n364.jfif,55,male,0.25,,COVID-19,positive\n",
            ("cxnet:55", "covid", None, "M", 0.25),
        ),
        (
            "png/b343e657.png",
            f"{HANNOVER}\n042f06a9,b343e657,w,,0.0,CR,ap\n",
            ("hannover:042f06a9", "covid", "AP", "F", None),
        ),
        (
            "X/Pneumonia/00000061_012.png",
            f"{NIH}\n00000061_012.png,Edema|Pneumonia,12,61,077Y,M,AP,3056,2544\n",
            ("nih:00000061", "pneumonia", "AP", "M", 77.0),
        ),
        (
            "all/a.png",
            "Filename;Patient-ID;Label;Projection;Gender;Age\na.png;12.0;normal;pa;f;30\n",
            ("source:12", "normal", "PA", "F", 30.0),
        ),
        (
            "all/a.png",
            "image_path\tfinding\nwhere\\it\\was\\A.PNG\tneumonía\n".encode("latin-1"),
            (None, None, None, None, None),
        ),
    ],
)
def test_spellings(batch: "Callable[..., Batch]", image: str, table: str | bytes, expected: tuple[object, ...]) -> None:
    """Every public set's columns, and any other's, come to the same record."""
    (record,) = batch(image, metadata=table).read(CsvTable()).records
    assert (record.patient, record.label, record.view, record.sex, record.age) == expected


def test_nothing_is_lost_between_rows_and_files(batch: "Callable[..., Batch]") -> None:
    """Rows without a file are counted, a file without a row is a record with a reason, CT rows are passed over."""
    table = f"""{IEEE8023}
1,0,M,65,COVID-19,PA,X-ray,images,a.png
2,0,M,65,COVID-19,Axial,CT,images,b.png
3,0,M,65,COVID-19,Coronal,,images,c.png
4,0,M,65,COVID-19,L,X-ray,images,d.png
5,0,M,65,COVID-19,PA,X-ray,images,not here.png
6,0,M,65,COVID-19,PA,X-ray,images,
7,0,M,65,COVID-19,PA,MRI,images,f.png
"""
    images = [f"images/{letter}.png" for letter in "abcdef"]
    reading = batch(*images, "images/.DS_Store", "README.md", metadata=table).read(CsvTable())
    assert [(record.name[-5], record.label, record.view) for record in reading.records] == [
        ("a", "covid", "PA"),
        ("d", "covid", "L"),
        ("e", None, None),
    ]
    assert reading.records[-1].problems == ("no table row describes the image",)
    assert reading.notes == {"table row without an image": 2}
    assert reading.passed_over == {"CT image": 2, "image of another modality": 1, "document": 1, "system file": 1}


def test_the_table_counts_where_folders_disagree(batch: "Callable[..., Batch]") -> None:
    """A class folder neither overrules the table nor fills in what the table leaves blank."""
    table = "filename,finding\n1.png,No Finding\n2.png,\n3.png,COVID-19\n"
    reading = batch("covid/1.png", "covid/2.png", "covid/3.png", metadata=table).read(CsvTable())
    assert [record.label for record in reading.records] == ["normal", None, "covid"]
    disagreement = "the class folder and the table disagree on the finding; the table counts"
    assert [disagreement in record.problems for record in reading.records] == [True, True, False]


@pytest.mark.parametrize(
    ("rows", "label", "patient", "problems"),
    [
        ("a.png,7,Pneumonia\na.png,7,Effusion", "pneumonia", "source:7", ()),
        ("a.png,7,Pneumonia\na.png,7,Pneumonia", "pneumonia", "source:7", ()),
        ("a.png,7,\na.png,,Pneumonia", "pneumonia", "source:7", ()),
        ("a.png,7,normal\na.png,7,COVID-19", None, "source:7", ("its source calls it normal and names a finding",)),
        ("a.png,7,COVID-19\na.png,8,COVID-19", "covid", None, ("the table rows of the image disagree on the patient",)),
    ],
)
def test_several_rows_of_one_image(
    batch: "Callable[..., Batch]", rows: str, label: str | None, patient: str | None, problems: tuple[str, ...]
) -> None:
    """Rows of one image add up; where they contradict each other the record says so and holds neither."""
    (record,) = batch("a.png", metadata=f"filename,patient_id,finding\n{rows}\n").read(CsvTable()).records
    assert (record.label, record.patient, record.problems) == (label, patient, problems)


@pytest.mark.parametrize(
    ("table", "labelled"),
    [
        ("filename,finding\n1.png,normal\n", [None, None]),
        ("filename,folder,finding\n1.png,a,normal\n", ["normal", None]),
        ("filename,finding\na/1.png,normal\nx/b/1.png,COVID-19\n", ["normal", "covid"]),
    ],
)
def test_two_files_of_one_name(batch: "Callable[..., Batch]", table: str, labelled: list[str | None]) -> None:
    """Files of one name are told apart by their folders; where the table gives none, neither gets the label."""
    reading = batch("x/a/1.png", "x/b/1.png", metadata=table).read(CsvTable())
    assert [record.label for record in reading.records] == labelled
    assert all(record.problems for record in reading.records if record.label is None)


def test_a_shifted_row_has_no_label(batch: "Callable[..., Batch]") -> None:
    """A row with more cells than columns may have its cells in the wrong places."""
    (record,) = batch("a.png", metadata="filename,note,finding\na.png,x,normal,PA\n").read(CsvTable()).records
    assert record.label is None
    assert "more cells than the table has columns" in record.problems[0]


def test_formulas_become_plain_text(batch: "Callable[..., Batch]") -> None:
    """A cell that a spreadsheet would run is shown behind an apostrophe and labels nothing."""
    (record,) = batch("a.png", metadata='filename,finding\na.png,"=HYPERLINK(""http://x"")"\n').read(CsvTable()).records
    assert record.label is None
    assert record.finding == '\'=HYPERLINK("http://x")'


def test_the_table_that_names_most_images_comes_first(batch: "Callable[..., Batch]") -> None:
    """A second table about a few images does not overrule the one about all, and fills in images of its own."""
    files = batch(
        *("a.png", "b.png", "c.png", "d.png"),
        boxes="Image Index,finding,x\na.png,Mass,1\nd.png,Pneumonia,1\n",
        data="Image Index,Finding Labels\na.png,Pneumonia\nb.png,No Finding\nc.png,No Finding\nz.png,Mass\n",
        notes="a,b\n1,2\n",
        broken=b"\x00",
    )
    reading = files.read(CsvTable())
    assert [record.label for record in reading.records] == ["pneumonia", "normal", "normal", "pneumonia"]
    assert reading.notes == {"table row without an image": 1, "table that describes no image": 2}
    assert reading.metadata_files == 4


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("finding,age\nnormal,3\n", "no column with image names"),
        ("filename,finding\nother.png,normal\n", "no row names an image"),
        ("filename,finding\n", "no row names an image"),
        ("", "empty"),
        ("filename,finding\na.png,normal\n".encode("utf-16"), "NUL bytes"),
        (",".join(["filename", *(f"c{i}" for i in range(3000))]), "3,001 columns"),
    ],
)
def test_tables_that_describe_nothing_are_refused(
    batch: "Callable[..., Batch]", table: str | bytes, reason: str
) -> None:
    """Without a table that names an image the batch is refused, with what was found and what to do, without names."""
    with pytest.raises(InvalidInput, match=reason) as refused:
        batch("images/Doe_John.png", "images/a.jpg", metadata=table).read(CsvTable())
    assert "filename, finding" in str(refused.value)
    assert "Doe" not in str(refused.value)


def test_masks_and_inner_copies(batch: "Callable[..., Batch]") -> None:
    """A mask or a copy with the name of an image does not make the name ambiguous."""
    table = "filename,finding\n1.png,normal\n"
    reading = batch("d/images/1.png", "d/masks/1.png", "d/d/images/1.png", metadata=table).read(CsvTable())
    assert [record.label for record in reading.records] == ["normal"]
    assert reading.passed_over == {"lung mask": 1, "inner copy": 1}


def test_patient_from_the_file_name(batch: "Callable[..., Batch]") -> None:
    """Where the table tells no patient, the file name of a public set does."""
    table = "filename,finding\nperson3_virus_6.jpeg,Pneumonia\n"
    (record,) = batch("person3_virus_6.jpeg", metadata=table).read(CsvTable()).records
    assert record.patient == "kaggle-cxr:person3"


@pytest.mark.parametrize(("age", "noted"), [("411", True), ("65", False), ("", False), ("?", False)])
def test_ages_that_are_none(batch: "Callable[..., Batch]", age: str, noted: bool) -> None:
    """An age that no person has is unknown and noted; a blank one is only unknown."""
    (record,) = batch("a.png", metadata=f"filename,finding,age\na.png,normal,{age}\n").read(CsvTable()).records
    assert (record.age is None) is (age != "65")
    assert bool(record.problems) is noted
