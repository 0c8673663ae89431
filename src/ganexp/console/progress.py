"""Progress bars. A terminal and a notebook draw them; elsewhere there are none."""

import logging
import sys
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook, as Jupyter's and Colab's kernels do."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def visible() -> bool:
    """Whether somebody can see a bar."""
    return sys.stderr.isatty() or in_notebook()


def bar(*args: Any, **options: Any) -> tqdm:
    """tqdm's bar with its arguments, which disappears at its end. With ipywidgets, a notebook draws a widget."""
    kind: type[tqdm] = tqdm
    if in_notebook() and find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm as kind
    return kind(*args, disable=not visible(), leave=False, **options)


def lines_above() -> AbstractContextManager[None]:
    """Inside the block, a line that is logged to the console while a bar is up goes above the bar."""
    consoles = sys.stdout, sys.stderr
    loggers = [logging.getLogger(), logging.getLogger("ganexp")]
    return logging_redirect_tqdm([x for x in loggers if any(getattr(h, "stream", 0) in consoles for h in x.handlers)])
