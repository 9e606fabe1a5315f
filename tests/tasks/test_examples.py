"""Examples of a model card: the surest misses and hits, of every kind in turn."""

import pandas as pd

from tasks.examples import choose_images

CLASSES = ["covid", "normal"]


def table(*images: tuple[str, str, float]) -> pd.DataFrame:
    """Images by true class, predicted class and the predicted class' probability."""
    rows = [
        {
            "image_id": f"image{place}",
            "label": label,
            "predicted": predicted,
            "p_covid": probability if predicted == "covid" else 1 - probability,
            "p_normal": probability if predicted == "normal" else 1 - probability,
        }
        for place, (label, predicted, probability) in enumerate(images)
    ]
    return pd.DataFrame(rows)


def test_the_surest_of_every_kind_come_first() -> None:
    """Misses stand before hits, and of each pair of classes one is taken before a second of another."""
    chosen = choose_images(
        table(
            ("covid", "normal", 0.6),
            ("covid", "normal", 0.9),
            ("covid", "normal", 0.8),
            ("normal", "covid", 0.55),
            ("covid", "covid", 0.99),
            ("covid", "covid", 0.7),
            ("normal", "normal", 0.51),
        ),
        CLASSES,
        most=3,
    )
    assert chosen["image_id"].tolist() == ["image1", "image3", "image2", "image4", "image6", "image5"]
    assert chosen["probability"].tolist() == [0.9, 0.55, 0.8, 0.99, 0.51, 0.7]


def test_a_model_without_a_miss_shows_hits_alone() -> None:
    """What there is not is not made up, and fewer images than asked for are all of them."""
    chosen = choose_images(table(("covid", "covid", 0.9), ("normal", "normal", 0.8)), CLASSES, most=12)
    assert chosen["label"].tolist() == ["covid", "normal"]
