import base64
import re
from html.parser import HTMLParser

import pytest
import trees

from nmm_infer.report import write_report

SECTIONS = ("summary", "diagnosis", "learnt", "prediction", "check", "traces", "provenance")


class Balance(HTMLParser):
    """Complains about elements that are closed in the wrong order."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    path = write_report(trees.good(), tmp_path_factory.mktemp("report") / "report.html")
    return path.read_text(encoding="utf-8")


def pictures(html):
    return [base64.b64decode(text) for text in re.findall(r'src="data:image/png;base64,([^"]+)"', html)]


def test_all_sections_are_there(html):
    assert re.findall(r'<section id="(\w+)"', html) == list(SECTIONS)
    for identifier in SECTIONS:
        assert f'href="#{identifier}"' in html


def test_nothing_is_loaded_from_elsewhere(html):
    assert "http" not in re.sub(r'base64,[^"]+', "", html)
    assert "<script" not in html
    assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]*)"', html))


def test_elements_are_balanced(html):
    parser = Balance()
    parser.feed(html)
    assert parser.open == []


def test_pictures_are_png_and_described(html):
    images = pictures(html)
    assert len(images) >= 8
    assert all(image.startswith(b"\x89PNG") and len(image) > 4000 for image in images)
    assert len(re.findall(r'<img [^>]*alt="[^"]{10,}"', html)) == len(images)
    assert len(html) < 3_000_000
    assert "Not drawn" not in html


def test_it_says_what_was_fitted_and_how(html):
    for text in (
        "Every check that applies passed.",
        "NUTS(draws=500, warmup=500, chains=4)",
        "model.tau (10)",
        "9 frequencies × 10 regions",
        "LeakyIntegrator (model) → Bold (observation) → Spectral (likelihood)",
        "1 min 23 s",
        "62,000 evaluations",
        "nmm_infer 0.1.0, jax 0.11.0",
        "3f2a91c0",
        "Functional connectivity: r = ",
        "prefers-color-scheme: dark",
    ):
        assert text in html


def test_text_is_escaped(tmp_path):
    tree = trees.with_attrs(trees.posterior_only(), engine="<script>alert(1)</script>", note='"><img src=x>')
    html = write_report(tree, tmp_path / "r.html", title="a < b & c").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "<title>a &lt; b &amp; c</title>" in html


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            trees.posterior_only,
            [
                "Not available: contraction",
                "Not available: brain views",
                "Not available: the tree has no posterior_predictive",
                "not kept in the tree",
            ],
        ),
        (
            trees.svi,
            [
                "The loss of the optimisation",
                "No problem was found, but 1 warning.",
                "Draws of the only chain",
            ],
        ),
        (
            trees.evoked,
            ["Signals, measured (dark) and predicted", "of the measured samples", "100 samples × 6 sensors"],
        ),
        (trees.divergent, ["Do not use these draws yet: 1 problem.", "raise the target acceptance"]),
        (trees.interrupted, ["interrupted run"]),
    ],
)
def test_trees_of_every_kind(make, expected, tmp_path):
    html = write_report(make(), tmp_path / "r.html").read_text(encoding="utf-8")
    assert re.findall(r'<section id="(\w+)"', html) == list(SECTIONS)
    for text in expected:
        assert text in html
    assert "Not drawn" not in html


def test_no_figure_stays_open(html):
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_no_folder_no_report(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; make it first"):
        write_report(trees.posterior_only(), tmp_path / "absent" / "r.html")


def test_no_posterior_no_report(tmp_path):
    with pytest.raises(ValueError, match="needs posterior draws"):
        write_report(trees.changed(trees.good(), posterior=None), tmp_path / "r.html")
