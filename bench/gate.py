"""How often does the gate promote a challenger that is no better, and how often one that is?

`python bench/gate.py [pairs]` draws so many pairs of models (1,000 unless told) of known true F1 for each kind of pair,
number of minority patients and share of the minority class, and asks of each whether the gate would find the challenger
better, with the policy's defaults but 500 draws. For challengers that are equal it prints that beside the naive way,
the share of draws in which the challenger is ahead; for better ones, how many are seen, and the median of what the test
set is said to detect. Its last line is one JSON object: `false_promotion_rate` and `naive_rate` (means over all rows),
`worst_false_promotion_rate` and `worst_naive_rate` (of one row), and `power` (by minority patients and true gain).
"""

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from bench.gate_simulation import (
    EQUAL_PAIRS,
    Population,
    compare_pair,
    draw_pairs,
    is_promoted,
    make_skill,
    with_evidence,
)
from xray_model.config import GatePolicy
from xray_model.evaluation.bootstrap import Floats
from xray_model.evaluation.confusion import bootstrap_confusions, class_figures
from xray_model.evaluation.power import detectable_difference

POLICY = GatePolicy(draws=500)
SIZES = (10, 20, 30, 50, 100)
SHARES = (0.1, 0.3)
F1, GAINS, GAIN_SHARE = 0.75, (0.05, 0.1, 0.15), 0.3
Rates = tuple[float, float]


def main() -> None:
    """Measure and print."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    equal = [(kind, share, size, pairs) for size in SIZES for share in SHARES for kind in range(len(EQUAL_PAIRS))]
    better = [(gain, size, pairs) for size in SIZES for gain in GAINS]
    with ProcessPoolExecutor() as pool:
        rates = list(pool.map(measure_equal, equal))
        power = list(pool.map(measure_better, better))
    print(f"Equal true F1, {pairs} pairs each, confidence {POLICY.confidence:.0%}: promoted by")
    print(f"{'':26} {'minority':>8} {'patients':>8} {'the gate':>8} {'share of draws':>14}")
    for (kind, share, size, _), (gate, naive) in zip(equal, rates, strict=True):
        print(f"{EQUAL_PAIRS[kind].name:26} {share:8.0%} {size:8} {gate:8.1%} {naive:14.1%}")
    print(f"\nTrue F1 of the champion {F1}, minority class {GAIN_SHARE:.0%} of the patients: promoted, said to detect")
    print(f"{'':9}" + "".join(f"{f'+{gain:.2f}':>8}" for gain in GAINS) + f"{'detects':>10}")
    found = dict(zip([(size, gain) for gain, size, _ in better], power, strict=True))
    for size in SIZES:
        shown = "".join(f"{found[size, gain][0]:8.0%}" for gain in GAINS)
        print(f"{size:9}{shown}{found[size, GAINS[0]][1]:10.2f}")
    result = {
        "false_promotion_rate": round(float(np.mean([gate for gate, _ in rates])), 4),
        "naive_rate": round(float(np.mean([naive for _, naive in rates])), 4),
        "worst_false_promotion_rate": round(max(gate for gate, _ in rates), 4),
        "worst_naive_rate": round(max(naive for _, naive in rates), 4),
        "power": {str(size): {f"{gain:.2f}": round(found[size, gain][0], 3) for gain in GAINS} for size in SIZES},
    }
    print(json.dumps(result))


def measure_equal(job: tuple[int, float, int, int]) -> Rates:
    """Share of equal challengers that the gate promotes, and that the naive way would."""
    kind, share, size, pairs = job
    drawn = list(with_evidence(EQUAL_PAIRS[kind].draw(share, size, pairs, seed=size + kind), POLICY))
    gate = np.mean([is_promoted(pair, POLICY) for pair in drawn])
    naive = np.mean([share_ahead(pair) >= POLICY.confidence for pair in drawn])
    return float(gate), float(naive)


def share_ahead(pair: tuple[Floats, Floats]) -> float:
    """Share of paired draws in which the challenger's minority F1 is above the champion's."""
    f1 = [class_figures(bootstrap_confusions(counts, POLICY.draws, POLICY.seed))[2][:, 0] for counts in pair]
    return float(np.mean(f1[0] > f1[1]))


def measure_better(job: tuple[float, int, int]) -> Rates:
    """Share of better challengers that the gate promotes, and the median of what can be detected."""
    gain, size, pairs = job
    champion, challenger = (make_skill(f1, f1, GAIN_SHARE) for f1 in (F1, F1 + gain))
    promoted, detectable = [], []
    drawn = draw_pairs(Population(GAIN_SHARE, size), champion, challenger, pairs, seed=size)
    for pair in with_evidence(drawn, POLICY):
        difference = compare_pair(pair, POLICY)
        promoted.append(difference.chance_above(-POLICY.margin) >= POLICY.confidence)
        smallest = detectable_difference(difference.error, difference.freedom, POLICY.confidence)
        detectable.append(np.nan if smallest is None else smallest)
    return float(np.mean(promoted)), float(np.nanmedian(detectable))


if __name__ == "__main__":
    main()
