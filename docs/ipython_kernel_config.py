"""How the kernels that run the pages are set up: sharp pictures, no bars of progress."""

c = get_config()  # pyright: ignore[reportUndefinedVariable]

c.Application.log_level = "ERROR"
c.InlineBackend.figure_formats = {"png"}
c.InlineBackend.rc = {"figure.dpi": 130}
c.HistoryManager.enabled = False
c.InteractiveShellApp.exec_lines = [
    "import rich.progress as _bars",
    "_bars.Progress.disable = property(lambda bars: True, lambda bars, value: None)",
    "del _bars",
    # What numpyro imports asks for widgets.
    "import warnings as _warnings",
    "_warnings.filterwarnings('ignore', message='IProgress not found')",
    "del _warnings",
]
