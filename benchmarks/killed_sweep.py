"""Kill the driver of a sweep at random moments, and count what is lost, doubled or left behind.

    python benchmarks/killed_sweep.py [--cells 50] [--kills 20] [--seed 1]

The cells run on the fake engine of the tests. Ends with 1 if a row is lost or doubled, or a
process stays.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from killed_sweeps import kill_and_go_on


def main() -> int:
    """Kill, go on, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        after = kill_and_go_on(Path(folder), options.cells, options.kills, options.seed)
    once = after.rows_of_cells.get(1, 0)
    doubled = sum(count for rows, count in after.rows_of_cells.items() if rows > 1)
    print(f"killed {after.kills} of {options.kills} times, then run to the end: code {after.code}")
    print(f"cells with one good row: {once} of {options.cells}; doubled: {doubled}")
    print(f"further rows, of cells that ended with the driver: {after.other_rows}")
    print(f"processes left behind: {after.processes}")
    return int(once != options.cells or after.processes > 0 or after.code != 0)


if __name__ == "__main__":
    sys.exit(main())
