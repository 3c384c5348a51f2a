"""Progress where bars cannot be drawn: in a log."""

import pytest

from nmm_infer.infer import _progress as progress


@pytest.mark.parametrize(
    ("every", "lines"),
    [(0.0, ["draws 4/8, 0 s 13 steps a draw", "draws 8/8, 0 s 13 steps a draw"]), (60.0, [])],
)
def test_a_log_gets_a_line_now_and_then(every, lines, capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", every)
    with progress.progress_bar(True) as bars:
        bar = progress.Steps(bars, "draws", 8)
        for _ in range(2):
            bar.advance(4, "13 steps a draw")
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("draws") and "━" not in line] == lines


def test_nobody_is_told_who_does_not_want_to_know(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.progress_bar(False) as bars:
        progress.Steps(bars, "draws", 2).advance(1)
    assert capsys.readouterr().err == ""
