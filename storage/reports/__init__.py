"""Static report pages: what a steward reads after a night, what each batch was asked, and the indexes of both."""

from storage.reports.batches import write_batch_page
from storage.reports.cards import ModelCard, make_card
from storage.reports.drift import write_drift_report
from storage.reports.drift_records import read_drifts
from storage.reports.examples import Example
from storage.reports.explore import write_explore_page
from storage.reports.index import write_index
from storage.reports.leaderboard import write_leaderboard
from storage.reports.markdown import render_card_markdown
from storage.reports.models import write_model_page
from storage.reports.nights import write_night_page
from storage.reports.pictures import Picture
from storage.reports.validation import write_validation_page
from storage.reports.words import headline

__all__ = [
    "Example",
    "ModelCard",
    "Picture",
    "headline",
    "make_card",
    "read_drifts",
    "render_card_markdown",
    "write_batch_page",
    "write_drift_report",
    "write_explore_page",
    "write_index",
    "write_leaderboard",
    "write_model_page",
    "write_night_page",
    "write_validation_page",
]
