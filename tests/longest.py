"""Which tests are marked `long`, and are not among the default ones: `uv run pytest --durations=0 -vv >
durations.log; python tests/longest.py durations.log`.

How long a test takes is measured, not known, so the list is written by this script and read by `conftest`. Of
each function the quickest case stays among the default tests, if it is quick enough, so that they still cover
everything.
"""

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

LIST = Path(__file__).parent / "longest.txt"
# Seconds (with two workers on two cores) from which a test counts as long, and from which even the quickest
# case of a function does.
LONG, TOO_LONG = 2.0, 6.0


def longest(durations: str) -> list[str]:
    """Names of the long ones."""
    seconds = Counter[str]()
    for took, name in re.findall(r"^([0-9.]+)s call\s+(.*)$", durations, flags=re.MULTILINE):
        seconds[name] += float(took)
    functions = defaultdict(list)
    for name in sorted(seconds, key=seconds.__getitem__):
        functions[name.split("[")[0]].append(name)
    long = []
    for names in functions.values():
        moved = [name for name in names if seconds[name] >= LONG]
        quickest = len(moved) == len(names) and seconds[names[0]] < TOO_LONG
        long += moved[1:] if quickest else moved
    return sorted(long)


def main() -> None:
    names = longest(Path(sys.argv[1]).read_text())
    # What moved before is not among the default tests' durations.
    kept = LIST.read_text().splitlines() if LIST.exists() else []
    LIST.write_text("\n".join(sorted({*names, *kept})) + "\n")


if __name__ == "__main__":
    main()
