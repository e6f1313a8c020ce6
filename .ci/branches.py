"""Print the share of branches that tests have reached, and fail if it is too low.

    python .ci/branches.py coverage.json PERCENT

The report of coverage counts lines and branches together.
"""

import json
import sys
from pathlib import Path


def main(path, least):
    """Return 1 if fewer branches were reached."""
    totals = json.loads(Path(path).read_text())["totals"]
    covered, n_branches = totals["covered_branches"], totals["num_branches"]
    percent = 100 * covered / n_branches
    print(f"{covered:,} of {n_branches:,} branches: {percent:.1f} %")
    return int(percent < float(least))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
