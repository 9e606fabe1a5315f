"""What every reader owes, whatever it is given."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.data.layouts.detection import LAYOUTS
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
CONTENTS = st.binary() | TEXT.map(str.encode) | st.just(b'{"00280004": {"Value": [[["MONOCHROME1"]]]}}')


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@settings(deadline=None)
@given(files=st.dictionaries(NAMES | st.text(), CONTENTS, max_size=10))
def test_any_batch_is_read_or_refused(layout: Layout, files: Mapping[str, bytes]) -> None:
    """Every name ends as a record, as passed over or as opened; or the batch is refused without naming a file."""
    names = list(files)
    needed = layout.needs(names)
    assert needed == sorted(set(needed))
    assert set(needed) <= set(names)
    contents = {name: files[name] for name in needed}
    try:
        reading = layout.read(names, contents.__getitem__)
    except InvalidInput as error:
        refused = str(error)
        reading = None
    if reading is None:
        assert all(name not in refused for name in names if len(name) > len("listjoin_ok.tsv"))
    else:
        counted = len(reading.records) + sum(reading.passed_over.values()) + reading.metadata_files
        assert counted == len(names)
        assert all(count > 0 for count in [*reading.passed_over.values(), *reading.notes.values()])
