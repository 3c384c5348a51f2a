"""Layers point one way: a file imports only from files to its left."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "nmm_infer"

# From left to right; what stands in one line may not import from each other (parts of a kind do not know
# their neighbours).
LAYERS = (
    ("_tools", "units", "adjoints", "solvers"),
    ("results", "_labelled", "_ranges", "_ending"),
    ("_regional", "_sampling", "_mne"),
    ("_courses", "priors"),
    ("parameters",),
    ("models", "couplings", "noises", "stimuli"),
    ("_signal",),
    ("_networks", "observe"),
    ("_balance", "_preparation", "solving", "datasets"),
    ("linear",),
    ("_at_rest", "_distributions"),
    ("dynamics",),
    ("likelihoods",),
    ("problems",),
    ("infer",),
    ("check",),
    ("viz",),
    ("report", "study"),
    ("demo",),
    ("cli",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# Slow to import, and needed by few calls: imported where they are used.
HEAVY = {
    "numpyro",
    "blackjax",
    "arviz",
    "arviz_base",
    "arviz_stats",
    "arviz_plots",
    "xarray",
    "matplotlib",
    "brainunit",
    "saiunit",
    "pandas",
}
# A distribution is a subclass of NumPyro's.
MAY_BE_HEAVY = {
    *(
        f"_distributions/_{name}.py"
        for name in ("autoregressive", "complex_normal", "correlation_matrix", "state_space")
    ),
    "likelihoods/_trial_batch.py",
    "priors/_root_half_normal.py",
}

# Modules that are named in code: `nmm.adjoints.Stored()`. Everything else is what a package exports.
PUBLIC_FILES = {
    *(f"{name}.py" for name in ("adjoints", "demo", "parameters", "results", "units")),
    *("infer/devices.py", "infer/starts.py", "infer/_mcmc/stopping.py", "observe/kernels.py"),
}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.name != "__init__.py")


def module_of(path):
    """`solving` for solving/solve.py, `network` for network.py."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def is_typing_guard(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports(path, everywhere):
    """Absolute dotted names that `path` imports; at module level only, unless `everywhere`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = (
        ast.walk(tree)
        if everywhere
        else (inner for node in tree.body if not is_typing_guard(node) for inner in at_module_level(node))
    )
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            name = ".".join(filter(None, (base, node.module)))
            yield name
            # `from . import datasets`: the name itself may be a module.
            yield from (f"{name}.{alias.name}" for alias in node.names)


def at_module_level(node):
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from at_module_level(child)


def ours(names):
    """The modules of the package among `names`."""
    return {
        name.split(".")[1] for name in names if name.startswith("nmm_infer.") and name.split(".")[1] in RANK
    }


def test_every_module_has_its_layer():
    known = {module_of(path) for path in FILES}
    assert known == set(RANK), f"give these a layer: {known - set(RANK)}; these are gone: {set(RANK) - known}"


def test_imports_come_from_the_left():
    back = [
        f"{path.relative_to(PACKAGE)} imports {other}"
        for path in FILES
        # A late import counts, too.
        for other in ours(imports(path, everywhere=True)) - {module_of(path)}
        if RANK[other] >= RANK[module_of(path)]
    ]
    assert not back, f"these are not to the left: {back}"


def test_no_files_import_each_other_in_a_circle():
    """Inside of a package, too, and if only when something is called."""
    known = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES}
    graph = {
        name: {other for other in imports(path, everywhere=True) if other in known and other != name}
        for name, path in known.items()
    }
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()  # raises for a circle, which it names


def test_a_folder_is_seen_at_a_glance():
    for folder in {path.parent for path in FILES} - {PACKAGE / "models"}:
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(files) <= 20, (
            f"{folder.relative_to(PACKAGE)} has {len(files)} files side by side: group them"
        )


def test_files_are_private_unless_users_name_them():
    public = {str(path.relative_to(PACKAGE)) for path in FILES if not path.name.startswith("_")}
    assert public == PUBLIC_FILES


def test_heavy_packages_are_imported_late():
    for path in FILES:
        if RANK[module_of(path)] >= RANK["infer"] and module_of(path) != "cli":
            continue
        found = {name.split(".")[0] for name in imports(path, everywhere=False)} & HEAVY
        allowed = str(path.relative_to(PACKAGE)) in MAY_BE_HEAVY
        assert allowed or not found, f"{path.relative_to(PACKAGE)} imports {', '.join(found)} at module level"


def test_nothing_before_inference_knows_of_it():
    inference = {"infer", "check", "viz", "report", "study", "cli", "demo"}
    for path in FILES:
        if RANK[module_of(path)] <= RANK["problems"]:
            assert not ours(imports(path, everywhere=True)) & inference, path.relative_to(PACKAGE)


def imported_by(statement):
    code = f"import sys\n{statement}\nprint(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )


@pytest.mark.parametrize(
    "statement",
    [
        "import nmm_infer",
        (
            "import nmm_infer as nmm; nmm.Network(nmm.models.JansenRit(mu=0.2),"
            " nmm.datasets.desikan_killiany(), nmm.couplings.Additive(G=0.1))"
        ),
        (
            "import nmm_infer as nmm; nmm.observe.Bold(period=720.0); nmm.noises.Additive(sigma=0.1);"
            " nmm.list_models()"
        ),
    ],
    ids=["import", "network", "parts"],
)
def test_importing_is_light(statement):
    assert not imported_by(statement) & HEAVY


@pytest.mark.parametrize(
    "statement",
    [
        "import nmm_infer as nmm; nmm.models, nmm.observe, nmm.likelihoods, nmm.Problem, nmm.viz, nmm.check,"
        " nmm.datasets, nmm.use_cores(2)"
    ],
)
def test_importing_parts_starts_no_backend(statement):
    # `use_cores` raises once JAX has started, so nothing may compute at import.
    imported_by(statement)
