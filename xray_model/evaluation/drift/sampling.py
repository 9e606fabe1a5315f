"""Which images are put beside each other: one of each patient, a hospital beside itself where it is known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.cleaning import find_embedding


@dataclass(frozen=True, slots=True)
class Samples:
    """One image of each patient, new and known."""

    current: pd.DataFrame
    reference: pd.DataFrame
    new_sources: tuple[str, ...]
    """Sources of new images of which the reference has too few patients."""
    notes: tuple[str, ...]

    @property
    def by_source(self) -> bool:
        """Whether the reference was drawn from the sources of the new images, in their proportions."""
        return not self.new_sources

    @property
    def pooled(self) -> pd.DataFrame:
        """Both, the new images first."""
        return pd.concat([self.current, self.reference], ignore_index=True)

    @property
    def strata(self) -> npt.NDArray[np.int64]:
        """Number of each pooled image's stratum: images are exchanged only with those that could stand in their place.

        That is one of the same source, where sources were put beside each other, and one for which the model was asked
        too. The latter does not count where some new images would find no known one to be exchanged with: chance
        would then seem to move nothing, and so would they.
        """
        pooled = self.pooled
        new = pd.Series(np.arange(len(pooled)) < len(self.current), pooled.index)
        source = pooled["source"] if self.by_source else pd.Series("", pooled.index)
        asked = [name for name in ("uncertainty", *find_embedding(pooled)[:1]) if name in pooled]
        answered = pooled[asked].notna().astype(str).agg("".join, axis=1) if asked else ""
        fine = source + "\0" + answered
        alone = (new & new.groupby(fine).transform("all")).groupby(source).transform("any")
        return np.asarray(pd.factorize(fine.where(~alone, source))[0], np.int64)


def draw_samples(current: pd.DataFrame, reference: pd.DataFrame, policy: DriftPolicy) -> Samples:
    """Draw from two clean frames; the same frames and seed give the same samples."""
    rng = np.random.default_rng(policy.seed)
    new = draw_patients(current, rng).head(policy.most_current)
    known = draw_patients(reference, rng)
    available = known["source"].value_counts()
    wanted = new["source"].value_counts()
    few = tuple(sorted(name for name in wanted.index if available.get(name, 0) < policy.minimum_patients))
    if few:
        return Samples(new, known.head(policy.most_reference), few, ())
    size = min(policy.most_reference, *(int(available[name] * len(new) // wanted[name]) for name in wanted.index))
    place = known.groupby("source").cumcount()
    kept = known["source"].map(wanted * size // len(new)).fillna(0)
    same = known[place < kept].reset_index(drop=True)
    notes = [f"Compared with {len(same)} known images of {_say_sources(list(wanted.index))}, one of each patient."]
    return Samples(new, same, (), tuple(notes))


def draw_patients(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One image of each patient at random, in random order.

    Images of one patient are alike: were they all compared, chance would seem to move less than it does.
    """
    shuffled = frame.iloc[rng.permutation(len(frame))]
    return shuffled.drop_duplicates("patient_id").reset_index(drop=True)


def _say_sources(names: list[str]) -> str:
    return f"the same source, {names[0]}" if len(names) == 1 else f"the same {len(names)} sources in the same shares"
