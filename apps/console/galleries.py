"""Images as a page shows them."""

from dataclasses import dataclass

import pandas as pd

from storage.desk import Review

_SHORT_ID = 6
_TYPICAL = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """One image on a page."""

    image_id: str
    caption: str
    """Such as "PA · F 63 · covid"."""
    status: str
    was: str
    """The status it came to by itself."""
    reasons: tuple[str, ...]
    never: str | None
    """Why it can never be released."""
    has_picture: bool
    recorded: str | None
    """The finding that the source recorded, where a person gave it another."""

    @property
    def short_id(self) -> str:
        """The start of the image id."""
        return self.image_id[:_SHORT_ID]

    @property
    def mark(self) -> str:
        """What a person decided about it, in a word or two; empty where nobody did."""
        if self.status == self.was:
            return ""
        return "released" if self.status == "accepted" else "rejected"


def show_images(rows: pd.DataFrame) -> list[Shown]:
    """Rows of a review as images."""
    return [show_image(row) for _, row in rows.iterrows()]


def show_image(row: pd.Series) -> Shown:
    """One row of a review as an image."""
    relabelled = pd.notna(row["recorded"]) and row["recorded"] != row["label"]
    return Shown(
        image_id=row["image_id"],
        caption=caption(row),
        status=row["status"],
        was=row["was"],
        reasons=tuple(row["reasons"]),
        never=row["never"] if pd.notna(row["never"]) else None,
        has_picture=bool(pd.notna(row["shard"])),
        recorded=row["recorded"] if relabelled else None,
    )


def caption(row: pd.Series) -> str:
    """View, sex, age and finding, as far as they are known."""
    person = " ".join(
        [*([row["sex"]] if pd.notna(row["sex"]) else []), *([f"{row['age']:.0f}"] if pd.notna(row["age"]) else [])]
    )
    parts = [row["view"] if pd.notna(row["view"]) else "", person, row["label"] if pd.notna(row["label"]) else ""]
    return " · ".join(part for part in parts if part)


def find_typical(review: Review) -> list[Shown]:
    """Two sound images of the batch, near its median brightness, to compare the others with."""
    sound = review.rows[(review.rows["was"] != "quarantined") & review.rows["shard"].notna()]
    middle = (sound["mean"] - sound["mean"].median()).abs().sort_values(kind="stable")
    return show_images(sound.loc[middle.index[:_TYPICAL]])
