"""The site: Sphinx, with MyST-NB for the pages and PyData's theme. `docs/build.py` builds it."""

import importlib.metadata
import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import docstrings  # noqa: E402
import downloads  # noqa: E402
import reference  # noqa: E402

project = "nmm_infer"
copyright = "the nmm_infer authors"
version = release = importlib.metadata.version("nmm-infer")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
]
exclude_patterns = ["**/_*", "hallmarks", "ruff.toml"]
templates_path = ["_templates"]

# ---------------------------------------------------------------- pages

short = tags.has("short")  # pyright: ignore[reportUndefinedVariable]
nb_custom_formats = {".md": ("pages.notebook", {"short": short}, False)}
nb_execution_mode = "off"  # `build.py` runs them
# On the command line Sphinx takes no lists for it.
nb_execution_excludepatterns = os.environ.get("NMM_DOCS_LEFT_OUT", "").split()
nb_execution_timeout = -1
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_output_stderr = "remove"
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4

# ---------------------------------------------------------------- reference

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "both"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Fields", "params_style")]
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True
default_role = "literal"
# Where files' names do not tell capitals, `check.Modes` and `check.modes` would be one.
autosummary_filename_map = reference.filenames()

# ---------------------------------------------------------------- looks

html_theme = "pydata_sphinx_theme"
html_title = "nmm_infer"
mathjax = importlib.metadata.distribution("sphinx-mathjax-offline").locate_file(
    "sphinx-mathjax-offline/static/mathjax/tex-svg.js"
)
html_static_path = ["_static", str(mathjax)]
mathjax_path = "tex-svg.js"
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_sidebars = {"index": []}
html_theme_options = {
    "logo": {"text": "nmm_infer"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 9,
    "article_header_end": ["notebook"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_nav_level": 1,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app):
    docstrings.setup(app)
    downloads.setup(app)
