"""One page that says what was fitted, whether to trust it, and what it shows."""

from ._write import write_report as write_report
