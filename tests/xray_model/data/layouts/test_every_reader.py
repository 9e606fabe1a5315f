"""What every reader owes, whatever it is given."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.data.layouts.detection import LAYOUTS
from xray_model.data.phantoms.dicom import encode_dicom
from xray_model.data.records import Layout
from xray_model.errors import InvalidInput

FOLDERS = st.sampled_from(
    [
        "covid19_posi",
        "covid19_neg",
        "sub-S1",
        "sub-S2",
        "ses-E1",
        "mod-rx",
        "derivatives",
        "labels",
        "EHR",
        "covid",
        "x",
    ]
)
BASES = st.sampled_from(
    [
        "sub-S1_ses-E1_run-1_bp-chest_vp-pa_dx.png",
        "sub-S1_ses-E1_run-1_bp-chest_vp-pa_dx.json",
        "sub-S2_ses-E1_ct.nii.gz",
        "sub-S1_sessions.tsv",
        "participants.tsv",
        "partitions.tsv",
        "listjoin_ok.tsv",
        "labels_covid_posi.tsv",
        "sil_reg_covid_posi.tsv",
        "metadata.csv",
        "a.png",
        "a.dcm",
        "IM000001",
        "1.2.840.10008.1.7",
    ]
)
NAMES = st.builds(lambda folders, base: "/".join([*folders, base]), st.lists(FOLDERS, max_size=4), BASES)
LINES = st.sampled_from(
    [
        "\tPatientID\tReportID\tLabels",
        "0\tsub-S1\tses-E1\t\"['unchanged', 'COVID 19",
        "participant\tage\tgender",
        "sub-S1\t[\t",
        "session_id\tstudy_date",
        "label\tcovid19_neg",
        "filename,finding,patient_id",
        "a.png,normal,1",
        '"',
        "",
    ]
)
TEXT = st.lists(LINES).map("\n".join)
DICOM = encode_dicom(np.arange(12, dtype=np.uint16).reshape(3, 4), 12, tags={"PatientID": "7"})
CONTENTS = (
    st.binary()
    | st.just(DICOM)
    | st.integers(0, len(DICOM)).map(lambda length: DICOM[:length])
    | TEXT.map(str.encode)
    | st.just(b'{"00280004": {"Value": [[["MONOCHROME1"]]]}}')
)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@settings(deadline=None)
@given(files=st.dictionaries(NAMES | st.text(), CONTENTS, max_size=10))
def test_any_batch_is_read_or_refused(layout: Layout, files: Mapping[str, bytes]) -> None:
    """Every name ends as a record, as passed over or as opened; or the batch is refused without naming a file."""
    names = list(files)
    needed = layout.needs(names)
    assert len(needed) == len(set(needed))
    assert set(needed) <= set(names)
    starts = layout.headers(names)
    assert starts == sorted(set(starts))
    assert set(starts) <= set(names) - set(needed)
    contents = {name: files[name] for name in [*needed, *starts]}

    def open_file(name: str, /, *, first: int | None = None) -> bytes:
        return contents[name][:first]

    try:
        reading = layout.read(names, open_file)
    except InvalidInput as error:
        refused = str(error)
        reading = None
    if reading is None:
        assert all(name not in refused for name in names if len(name) > len("listjoin_ok.tsv"))
    else:
        counted = len(reading.records) + sum(reading.passed_over.values()) + reading.metadata_files
        assert counted == len(names)
        assert all(count > 0 for count in [*reading.passed_over.values(), *reading.notes.values()])
