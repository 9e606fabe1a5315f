"""Which images are put beside each other: one of each patient, a hospital beside itself where it is known."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.cleaning import UNKNOWN

_GAIN = 2
"""Times as large as it is a reference must become for a scarce source to be left out."""


@dataclass(frozen=True, slots=True)
class Samples:
    """One image of each patient, new and known."""

    current: pd.DataFrame
    reference: pd.DataFrame
    by_source: bool
    """Whether the reference was drawn from the sources of the new images, in their proportions."""
    new_sources: tuple[str, ...] = ()
    """Sources of these new images of which the reference has too few patients."""
    first_sources: tuple[str, ...] = ()
    """The same of new images that were left out, each with enough patients to say that a source is new."""
    notes: tuple[str, ...] = ()

    @property
    def pooled(self) -> pd.DataFrame:
        """Both, the new images first."""
        return pd.concat([self.current, self.reference], ignore_index=True)

    def find_strata(self, present: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Number of each pooled image's stratum: images are exchanged only with those that could stand in their place.

        That is one of the same source, where sources were put beside each other, and of those that hold a value
        (`present`) one that holds one too: an answer of the model is not known of what it has learned from.
        """
        source = self.pooled["source"] if self.by_source else pd.Series("", range(len(present)))
        return np.asarray(2 * pd.factorize(source)[0] + present, np.int64)


def draw_samples(current: pd.DataFrame, reference: pd.DataFrame, policy: DriftPolicy) -> Samples:
    """Draw from two clean frames; the same frames and seed give the same samples.

    New images of sources that the reference knows are compared alone, where there are enough: what else came with them
    makes them no stranger.
    """
    rng = np.random.default_rng(policy.seed)
    new, known = draw_patients(current, rng), draw_patients(reference, rng)
    available = known["source"].value_counts()
    own = new["source"].map(available).fillna(0) >= policy.minimum_patients
    if own.sum() >= policy.minimum_patients:
        samples = _match_sources(new[own], known, policy)
        first, notes = _tell_left_out(new.loc[~own, "source"].value_counts(), available, policy)
        return replace(samples, first_sources=first, notes=(*samples.notes, *notes))
    whole = Samples(new.head(policy.most_current), known.head(policy.most_reference), by_source=False)
    strange = tuple(sorted(set(new.loc[~own, "source"])))
    if strange != (UNKNOWN,):
        return replace(whole, new_sources=strange)
    note = "Compared with known images of all sources: that of the new ones is not recorded."
    return replace(whole, notes=(note,))


def draw_patients(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One image of each patient at random, in random order.

    Images of one patient are alike: were they all compared, chance would seem to move less than it does.
    """
    shuffled = frame.iloc[rng.permutation(len(frame))]
    return shuffled.drop_duplicates("patient_id").reset_index(drop=True)


def _match_sources(new: pd.DataFrame, known: pd.DataFrame, policy: DriftPolicy) -> Samples:
    """Known images of the sources of the new ones, in their proportions."""
    available = known["source"].value_counts()
    notes = []
    while scarce := _find_scarce(new["source"].value_counts(), available, policy):
        left_out = new["source"] == scarce
        notes.append(
            f"Not compared: {_count_images(int(left_out.sum()))} of {scarce}, of which the reference has "
            f"{available[scarce]} patients, too few beside the other sources."
        )
        new = new[~left_out]
    new = new.head(policy.most_current).reset_index(drop=True)
    wanted = new["source"].value_counts()
    size = int(min(policy.most_reference, _allow(wanted, available)))
    place = known.groupby("source").cumcount()
    kept = known["source"].map(wanted * size // len(new)).fillna(0)
    same = known[place < kept].reset_index(drop=True)
    said = f"Compared with {len(same)} known images of {_say_sources(list(wanted.index))}, one of each patient."
    return Samples(new, same, by_source=True, notes=(said, *notes))


def _allow(wanted: pd.Series, available: pd.Series) -> float:
    """How large a reference in these proportions can be."""
    return float((available[wanted.index] * wanted.sum() // wanted).min())


def _find_scarce(wanted: pd.Series, available: pd.Series, policy: DriftPolicy) -> str | None:
    """A source for whose sake the reference would be small beside the new images, and without which it would not."""
    size = _allow(wanted, available)
    scarce = str((available[wanted.index] / wanted).idxmin())
    others = wanted.drop(scarce)
    if size >= min(int(wanted.sum()), policy.most_current) or others.sum() < policy.minimum_patients:
        return None
    return scarce if min(policy.most_reference, _allow(others, available)) >= _GAIN * size else None


def _tell_left_out(counts: pd.Series, available: pd.Series, policy: DriftPolicy) -> tuple[tuple[str, ...], list[str]]:
    """Those of sources with too few known patients that are new sources indeed, and a note on each."""
    notes = [
        f"Not compared: {_count_images(count)} of {name}, of which the reference has {available.get(name, 0)} patients."
        if name != UNKNOWN
        else f"Not compared: {_count_images(count)} whose source is not recorded."
        for name, count in sorted(counts.items())
    ]
    enough = counts.index[counts >= policy.minimum_patients]
    return tuple(sorted(name for name in enough if name != UNKNOWN)), notes


def _count_images(count: int) -> str:
    return f"{count} new image{'s' * (count != 1)}"


def _say_sources(names: list[str]) -> str:
    return f"the same source, {names[0]}" if len(names) == 1 else f"the same {len(names)} sources in the same shares"
