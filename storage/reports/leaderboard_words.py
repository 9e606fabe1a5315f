"""What a comparison of ways of training says, in sentences."""

from collections.abc import Sequence

from storage.reports import figures
from xray_model.outcomes import CompareOutcome, Interval, Standing


def leading_news(outcome: CompareOutcome) -> str:
    """Who came first, and whether others may be as good; without a full stop."""
    first, *others = outcome.standings
    news = f"First on {outcome.minority}: {first.title}, with F1 {figures.fraction(first.minority_f1.value)}"
    ties = [standing for standing in others if may_be_as_good(standing)]
    if not others:
        return news
    if not ties:
        return f"{news}; {'the other is' if len(others) == 1 else 'all others are'} behind"
    if len(ties) == 1:
        return f"{news}; {ties[0].title} may be as good"
    which = "all" if len(ties) == len(others) else figures.count(len(ties))
    return f"{news}; {which} {'' if which == 'all' else 'of '}{figures.count(len(others))} others may be as good"


def may_be_as_good(standing: Standing) -> bool:
    """Whether neither the patients nor the folds show that a variant is behind the first."""
    return standing.over_best is None or standing.over_best.high >= 0


def distance_words(distance: Interval) -> str:
    """How far a variant lies from the first: `.04 lower, 95 % interval .07 lower to .01 higher`."""
    ends = _signed(distance.low), _signed(distance.high)
    return f"{_signed(distance.value)}, 95 % interval {ends[0]} to {ends[1]}"


def conclusions(outcome: CompareOutcome) -> list[str]:
    """What follows from the figures, and what does not."""
    first, *others = outcome.standings
    ties = [standing for standing in others if may_be_as_good(standing)]
    said = []
    if ties:
        named = _list([standing.title for standing in ties])
        said.append(
            f"By these patients and trainings {named} cannot be told from {first.title}: "
            f"{'its distance' if len(ties) == 1 else 'their distances'} from it may be chance."
        )
        fastest = min([first, *ties], key=lambda standing: standing.seconds)
        if _paid_alike(outcome, [first, *ties]):
            said.append(
                f"Of those that may be as good, {fastest.title} trains fastest: {figures.duration(fastest.seconds)} a "
                f"training{'' if fastest is first else f', {first.title} {figures.duration(first.seconds)}'}."
            )
    elif others:
        said.append(
            f"Patients and trainings show that {first.title} is better on {outcome.minority} than each of the others, "
            f"{others[0].title} being the nearest: {distance_words(others[0].over_best or first.minority_f1)}."
        )
    low, high = min(first.fold_f1, default=0.0), max(first.fold_f1, default=0.0)
    said.append(
        f"From one training of {first.title} to another its F1 of {outcome.minority} lies between "
        f"{figures.fraction(low)} and {figures.fraction(high)}, each on the patients of its own fold."
    )
    missed = min(first.recalls, key=lambda name: first.recalls[name].value)
    said.append(f"{first.title} finds {missed} least well: recall {figures.interval(first.recalls[missed])}.")
    if others:
        said.append(
            "The first of several is first by luck too: on other patients expect a little less of it than stands here."
        )
    return said


def parameter_words(number: int) -> str:
    """`14.7 million`, `1,204`."""
    return f"{number / 1e6:,.1f} million" if number >= 1e6 else figures.count(number)  # noqa: PLR2004 - a million


def option_words(option: str, value: str | float | bool) -> str:
    """An option that a search chose: `dropout .31`."""
    if isinstance(value, bool):
        return f"{option} {'yes' if value else 'no'}"
    return f"{option} {figures.number(value) if isinstance(value, float) else value}"


def _paid_alike(outcome: CompareOutcome, standings: Sequence[Standing]) -> bool:
    """Whether each computed as many features: one that found those of another looks cheaper than it is."""
    computed = dict.fromkeys((standing.variant for standing in standings), 0)
    for cell in outcome.cells:
        if cell.variant in computed:
            computed[cell.variant] += cell.training.features_computed
    return len(set(computed.values())) == 1


def _signed(distance: float) -> str:
    size = figures.fraction(abs(distance))
    return size if size == ".00" else f"{size} {'lower' if distance < 0 else 'higher'}"


def _list(names: Sequence[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
