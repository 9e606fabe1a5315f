"""Reading single cells: lists written as text, ages, sexes, views and dates. None of it raises on any text."""

import re
from datetime import date
from typing import NamedTuple

BLANK = frozenset({"", "?", "-", "nan", "none", "null", "n/a", "na", "unknown", "[]"})
FINDING_LENGTH = 200

# What follows tells a closing quote from an apostrophe inside the item.
_CLOSING = {quote: re.compile(quote + r"(?=\s*(?:[,;\]\t]|$)|\s+['\"])") for quote in ("'", '"')}
_UNQUOTED = re.compile(r"[^,;\t\[\]]+")
_BETWEEN = re.compile(r"[\s,;\[\]]*")
_AGE = re.compile(
    r"[<>~]?\s*(\d{1,3}(?:[.,]\d{1,6})?)\s*(?:(y)(?:ears?|rs?|o)?|(m)(?:onths?|o)?|(w)(?:eeks?|k)?|(d)(?:ays?)?)?\s*\+?",
    re.IGNORECASE | re.ASCII,
)
_UNITS = {"m": 1 / 12, "w": 7 / 365.25, "d": 1 / 365.25}
_OLDEST = 122
_SEX = {
    **dict.fromkeys(("f", "female", "w", "woman", "mujer", "femenino"), "F"),
    **dict.fromkeys(("m", "male", "man", "hombre", "masculino"), "M"),
}
_FRONTAL = {"pa": "PA", "posteroanterior": "PA", "ap": "AP", "aps": "AP", "anteroposterior": "AP"}
_LATERAL = frozenset({"l", "ll", "rl", "lat", "lateral", "llat", "rlat"})
_DATES = (
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:\.0*)?", re.ASCII),
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?:[T ].*)?", re.ASCII),
    re.compile(r"(?P<d>\d{1,2})[./](?P<m>\d{1,2})[./](?P<y>\d{4})", re.ASCII),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")
"""Also marks that are not seen: they turn the direction of what is read, or break its line."""


class Items(NamedTuple):
    """The items of a list that was written as text."""

    values: tuple[str, ...]
    """Stripped, never empty, each once, in order."""
    cut: bool
    """Whether the text ends before its list does; an item that was cut is left out."""


def parse_items(text: str) -> Items:
    """Read a Python list that was written as text, without evaluating it.

    Items may be quoted or not, separated by commas, semicolons, tabs or (where quoted) blanks; nested lists are
    flattened. Blank items and repeats are dropped, as are cells like `nan`.
    """
    text = text.strip()
    if text.casefold() in BLANK:
        return Items((), cut=False)
    closed = not text.startswith("[") or text.endswith("]")
    values: dict[str, None] = {}
    position = 0
    while (position := _skip(text, position)) < len(text):
        quote = text[position]
        if quote in _CLOSING:
            end = _CLOSING[quote].search(text, position + 1)
            if end is None:
                return Items(tuple(values), cut=True)
            item, position = text[position + 1 : end.start()].strip(), end.end()
        else:
            run = _UNQUOTED.match(text, position)
            item, position = (run[0].strip(), run.end()) if run else ("", position + 1)
            if item.casefold() in BLANK or (position == len(text) and not closed):
                continue
        if item:
            values[item] = None
    return Items(tuple(values), cut=not closed)


def read_age(text: str) -> float | None:
    """Age in years from `65`, `65.0`, `50+`, `063Y`, `006M`, `012W` or `030D`; None for anything else."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        return None
    unit = match[match.lastindex or 1].lower()
    years = float(match[1].replace(",", ".")) * _UNITS.get(unit, 1.0)
    return years if years <= _OLDEST else None


def read_sex(text: str) -> str | None:
    """`F` or `M` from the words of the public sets (English, German, Spanish); None for anything else."""
    return _SEX.get(text.strip().casefold())


def read_view(text: str) -> str | None:
    """`PA`, `AP` or `L` from `PA`, `AP Supine`, `lateral`, `LL` and the like; None where nothing or two are named."""
    words = re.findall(r"[a-z]+", text.casefold())
    views = {_FRONTAL[word] for word in words if word in _FRONTAL} | ({"L"} if _LATERAL & set(words) else set())
    return views.pop() if len(views) == 1 else None


def read_date(text: str) -> date | None:
    """A day from `20200315`, `20200315.0`, `2020-03-15` or `15.03.2020`; None for anything else."""
    for pattern in _DATES:
        if match := pattern.fullmatch(text.strip()):
            try:
                return date(int(match["y"]), int(match["m"]), int(match["d"]))
            except ValueError:
                return None
    return None


def plain_text(text: str, length: int = FINDING_LENGTH) -> str | None:
    """Text that is safe to show and to export: one line, no control characters, never a spreadsheet formula.

    A leading `=`, `+`, `-` or `@` is hidden behind an apostrophe, as OWASP advises against CSV injection.
    """
    text = " ".join(_CONTROL.sub(" ", text).split())
    if text.casefold() in BLANK:
        return None
    return (f"'{text}" if text[0] in "=+-@" else text)[:length]


def _skip(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return match.end() if match else position
