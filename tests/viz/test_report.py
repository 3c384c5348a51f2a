import base64
import csv
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
import trees
import xarray as xr

from nmm_infer.report import write_report
from nmm_infer.report._found import stands_apart

SECTIONS = ("summary", "model", "diagnosis", "learnt", "prediction", "check", "traces", "provenance")


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
    assert html.count("<script") == 1  # its own, for tables that can be sorted
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
    assert "<script>alert" not in html
    assert html.count("<script") == 1
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


def test_the_first_section_says_what_was_found_and_what_to_distrust(tmp_path):
    tree = trees.good()
    tree.attrs["priors"] = '{"coupling.G": "Prior(Beta(4, 1))"}'
    tree.attrs["unstable"] = 3
    page = write_report(tree, tmp_path / "r.html").read_text(encoding="utf-8")
    first = page[page.index('id="summary"') : page.index('id="model"')]
    tau = tree["posterior"]["model.tau"]
    median = tau.median(["chain", "draw"])
    slowest = str(median["region"].values[int(median.argmax())])
    assert f"{float(median.max()):.3g} (" in first
    assert f") in {slowest}." in first
    assert "differ from the typical one with 90 % probability" in first
    assert "the posterior reaches towards the edge of stability" in first
    assert "Functional connectivity: r =" in first
    assert first.index("What was found") < first.index("What to distrust") < first.index("wall time")
    model = page[page.index('id="model"') : page.index('id="diagnosis"')]
    assert "Prior(Beta(4, 1))" in model
    assert "τ x&#x27; = " in model


def test_regions_are_named_on_the_brain_and_can_be_taken_away(html):
    labels = [str(label) for label in trees.good()["posterior"]["region"].values]
    for label in labels:
        assert f"<title>{label}: " in html
    name, data = re.search(r'download="([^"]+)" href="data:text/csv;base64,([^"]+)"', html).groups()
    assert name == "model.tau.csv"
    table = list(csv.DictReader(base64.b64decode(data).decode().splitlines()))
    assert [row["region"] for row in table] == labels
    tau = trees.good()["posterior"]["model.tau"]
    assert float(table[3]["5 %"]) == pytest.approx(
        float(tau.isel(region=3).quantile(0.05, ["chain", "draw"])), rel=1e-6
    )


def test_regions_apart_are_those_whose_interval_leaves_the_typical_region():
    rng = np.random.default_rng(0)
    middle = np.array([0.0, 0.1, -0.1, 2.0, -2.0])
    data = xr.DataArray(middle + 0.3 * rng.normal(size=(4, 200, 5)), dims=("chain", "draw", "region"))
    assert stands_apart(data).tolist() == [0, 0, 0, 1, -1]


def test_a_point_claims_no_probability(tmp_path):
    page = write_report(trees.point(), tmp_path / "r.html").read_text(encoding="utf-8")
    first = page[page.index('id="summary"') : page.index('id="model"')]
    assert "the best point; how sure, is not known" in first
    assert "with 90 % probability" not in first


@pytest.mark.parametrize("where", ["left", "middle", "nowhere"])
def test_brains_of_any_shape(where, tmp_path):
    tree = trees.good()
    centres = tree["constant_data"]["centres"].copy()
    centres[:, 0] = {"left": -abs(centres[:, 0]) - 1, "middle": 0.0 * centres[:, 0]}.get(where, np.nan)
    tree["constant_data"] = tree["constant_data"].to_dataset().assign(centres=centres)
    page = write_report(tree, tmp_path / "r.html").read_text(encoding="utf-8")
    assert ('class="atlas"' in page) == (where != "nowhere")


def test_odd_variables_and_missing_numbers_do_not_cost_the_report(tmp_path):
    tree = trees.good()
    posterior = tree["posterior"].to_dataset()
    flags = posterior["coupling.G"] > 0.8
    tau = posterior["model.tau"].copy()
    tau[:, :, 0] = np.nan
    group = posterior["noise.sigma"].rename(region="region_cortex")
    tree["posterior"] = posterior.assign({"flags": flags, "model.tau": tau, "cortex.I": group})
    page = write_report(tree, tmp_path / "r.html").read_text(encoding="utf-8")
    first = page[page.index('id="summary"') : page.index('id="model"')]
    assert "medians from nan" not in first
    assert "more parameters, below" in first


CLICK = """<script>
const table = document.querySelector("table.sortable");
const second = table.tHead.rows[0].cells[1];
const column = () => [...table.tBodies[0].rows].map((row) => row.cells[1].textContent).join(" ");
second.firstChild.click(); const up = column();
second.firstChild.click(); const down = column();
table.tBodies[0].rows[0].dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
document.title = [up, down, document.querySelectorAll("circle.chosen").length].join("|");
</script></body>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_table_sorts_in_a_browser(html, tmp_path):
    page = tmp_path / "clicked.html"
    page.write_text(html.replace("</body>", CLICK), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--dump-dom", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    up, down, chosen = re.search(r"<title>(.*?)</title>", dom).group(1).split("|")
    numbers = [float(text) for text in up.split()]
    assert numbers == sorted(numbers)
    assert [float(text) for text in down.split()] == sorted(numbers, reverse=True)
    assert int(chosen) >= 1


def test_no_figure_stays_open(html):
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_no_folder_no_report(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; make it first"):
        write_report(trees.posterior_only(), tmp_path / "absent" / "r.html")


def test_no_posterior_no_report(tmp_path):
    with pytest.raises(ValueError, match="needs posterior draws"):
        write_report(trees.changed(trees.good(), posterior=None), tmp_path / "r.html")
