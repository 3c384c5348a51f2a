"""One thing that was checked."""

from typing import Literal, NamedTuple

type Severity = Literal["good", "note", "warning", "problem"]


class Finding(NamedTuple):
    """What was measured, what is expected, and what to do about the difference.

    `severity`: `"good"` meets the expectation; `"note"` cannot or need not be checked here; `"warning"`
    deserves a look, but the draws may still be right; `"problem"` means that the numbers should not be used
    as they are.
    """

    severity: Severity
    what: str
    measured: str
    expected: str
    remedy: str
