"""Where the messages of a run go in a process that may have its own logging, such as a notebook."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from ganexp.console import progress

LOGGERS = ("ganexp", "pytorch_lightning", "lightning_fabric", "py.warnings")
"""The loggers that a run writes to. A command also uses the root logger, which here belongs to the user."""


def to_file(path: Path) -> logging.Handler:
    """A handler that writes `train.log`."""
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


@contextlib.contextmanager
def apart(path: Path) -> Iterator[None]:
    """Inside the block, the messages of a run go to the file `path`, and to the user.

    If the process has handlers of its own, they get the messages at the process's own level. Otherwise, and in a
    notebook that would show no progress, the messages are printed. Errors are not printed, because they are raised. The
    root logger is not changed.
    """
    loggers = [logging.getLogger(name) for name in (*LOGGERS, "ganexp.losses")]
    before = [(logger, logger.level, logger.propagate, logger.handlers[:]) for logger in loggers]
    file, shown = to_file(path), _shown()
    try:
        for logger in loggers[: len(LOGGERS)]:
            logger.handlers = [*logger.handlers, file, shown]
            logger.propagate = False
        loggers[0].setLevel(logging.INFO)
        yield
    finally:
        for logger, level, propagate, handlers in before:
            logger.setLevel(level)
            logger.propagate, logger.handlers = propagate, handlers
        file.close()


def _shown() -> logging.Handler:
    ours, root = logging.getLogger("ganexp"), logging.getLogger()
    if root.handlers and (ours.isEnabledFor(logging.INFO) or not progress.in_notebook()):
        return _Forward(ours.getEffectiveLevel())
    printed = logging.StreamHandler(sys.stdout if progress.in_notebook() else sys.stderr)
    printed.addFilter(lambda record: record.levelno < logging.ERROR)
    return printed


class _Forward(logging.Handler):
    """Hands messages to the root logger's handlers."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger().handle(record)
