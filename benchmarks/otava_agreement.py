"""How often `ttbench history` finds the same change points as Apache Otava.

Makes random series from a fixed seed: 10 to 150 runs, 0 to 4 steps of 0.5 to 10 %, noise of
0.3, 1 or 3 %. Compares the places with those of Otava's `compute_change_points`, which gets the
same p-value, magnitude and window. Needs `pip install apache-otava`, in an environment of its
own: it pins numpy. `nox -s otava` makes one.

When Otava 0.8 removes a weak change point, it tests the next two again, and not the one before,
whose stretch has become longer as well. ttbench tests both neighbours, as the paper says. So the
series are compared with Otava as it is, and with Otava whose merge tests the two neighbours.

    python benchmarks/otava_agreement.py [series]
"""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import otava.analysis

from ttbench_core.results.history import DEFAULT_SENSITIVITY
from ttbench_core.results.history.change_points import find_change_points

SEED: Final = 7
SERIES: Final = 200
#: The smallest share of series with the same places.
WANTED: Final = 0.95
#: Lines of Otava's merge, and those that test both neighbours of a removed point.
_NEXT_TWO: Final = ("recompute(weakest_cp_index)", "recompute(weakest_cp_index + 1)")
_NEIGHBOURS: Final = ("recompute(weakest_cp_index - 1)", "recompute(weakest_cp_index)")

Places = Callable[[Sequence[float]], list[int]]


def rates(chance: random.Random) -> list[float]:
    """Make up a series of rates."""
    count, noise = chance.randint(10, 150), chance.choice((0.003, 0.01, 0.03))
    steps = {
        chance.randrange(count): chance.choice((-1, 1)) * chance.uniform(0.005, 0.1)
        for _ in range(chance.randint(0, 4))
    }
    level, made = chance.uniform(1, 5000), []
    for place in range(count):
        level *= 1 + steps.get(place, 0.0)
        made.append(level * (1 + chance.gauss(0, noise)))
    return made


def of_ttbench(values: Sequence[float]) -> list[int]:
    """Return the places that ttbench finds."""
    return [one.index for one in find_change_points(values)]


def of_otava(values: Sequence[float]) -> list[int]:
    """Return the places that Otava finds."""
    found, _ = otava.analysis.compute_change_points(
        list(values),
        window_len=DEFAULT_SENSITIVITY.window,
        max_pvalue=DEFAULT_SENSITIVITY.max_p,
        min_magnitude=DEFAULT_SENSITIVITY.min_change,
    )
    return [int(one.index) for one in found]


def neighbours_tested() -> bool:
    """Let Otava test both neighbours; False if its merge is not the one that is known here."""
    source, names = inspect.getsource(otava.analysis.merge), vars(otava.analysis)
    if not all(source.count(f"{line}\n") == 1 for line in _NEXT_TWO):
        return False
    for old, new in zip(_NEXT_TWO, _NEIGHBOURS, strict=True):
        source = source.replace(f"{old}\n", f"{new}\n")
    exec(compile(source, otava.analysis.__file__, "exec"), names)  # noqa: S102 - of the library
    return True


def agreement(series: Sequence[Sequence[float]], other: Places) -> float:
    """Return the share of series with the same places; prints the first that differ."""
    found: list[tuple[Any, Any]] = [(of_ttbench(one), other(one)) for one in series]
    different = [pair for pair in found if pair[0] != pair[1]]
    for ours, theirs in different[:3]:
        print(f"  ttbench {ours}, Otava {theirs}")
    return 1 - len(different) / len(series)


def main() -> int:
    """Print the shares; 1 if the one with Otava as it is is too small."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SERIES
    chance = random.Random(SEED)  # noqa: S311 - no secret
    series = [rates(chance) for _ in range(count)]
    as_it_is = agreement(series, of_otava)
    print(f"same change points as Otava: {as_it_is:.1%} of {count} series")
    if neighbours_tested():
        share = agreement(series, of_otava)
        print(f"and where it tests both neighbours of a removed point: {share:.1%}")
    return int(as_it_is < WANTED)


if __name__ == "__main__":
    raise SystemExit(main())
