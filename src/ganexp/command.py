"""How a command starts: the command line is read, Hydra composes, and a mistake becomes one sentence."""

import contextlib
import gc
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable
from typing import NoReturn

from hydra import version
from hydra._internal.utils import _run_hydra, get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from ganexp import __version__
from ganexp.config import CONF, register_resolvers
from ganexp.console import manual, refusals
from ganexp.console.arguments import Arguments, override
from ganexp.errors import UserError, from_omegaconf, from_system
from ganexp.processes import interruption, worker
from ganexp.run_folder import latest

log = logging.getLogger("ganexp")


class JobError(Exception):
    """A job failed, and the user made no mistake. The log has the traceback."""


class PastHydra(BaseException):
    """Carries an error past Hydra. Hydra would print a line about a job's exception, and turn a callback's exception
    into a warning."""

    def __init__(self, error: Exception):
        super().__init__(str(error))
        self.error = error


Change = Callable[[Arguments], Arguments]
"""A change of the command line before Hydra reads it."""


def run(
    config_name: str,
    task: Callable[[DictConfig], object],
    arguments: Change = lambda read: read,
    sweeps: bool = False,
) -> None:
    """Compose `conf/<config_name>.yaml` with the command line and hand it to `task`, once for each job.

    sweeps: whether `-m` may start several jobs.

    A user's mistake exits with status 2 and one sentence on stderr; in a sweep the other jobs still run. A job that
    failed otherwise exits with 1 and its traceback is logged. A job that a signal ended exits with 130.
    """
    tell_full_disks_once()
    _open_missing_streams()
    try:
        with interruption.listening():
            _run(config_name, task, arguments, sweeps)
    except worker.Stopped:
        sys.exit(130)
    except KeyboardInterrupt as interrupt:
        told = isinstance(interrupt, interruption.Interrupted) and interrupt.told
        if not told and not (sweeps and "--multirun" in sys.argv):  # The end of a sweep says how to go on.
            _tell(f"{interrupt or 'SIGINT'}: stopped; type the command again")
        sys.exit(130)


def _run(config_name: str, task: Callable[[DictConfig], object], arguments: Change, sweeps: bool) -> None:
    def change(read: Arguments) -> Arguments:
        read = arguments(read)
        sys.argv[1:] = read.argv
        return read

    try:
        read = Arguments.read(sys.argv[1:], known=lambda: refusals.taken(config_name))
        if "--version" in read.flags:
            print(f"ganexp {__version__}")
        elif "--help" in read.flags:
            print(manual.of_command(config_name, read.config_dir))
        else:
            execute(config_name, job_of(task, _leave), read, change, sweeps)
    except UserError as error:
        _refuse(str(error))
    except JobError:
        sys.exit(1)


def execute(
    config_name: str, job: Callable[[DictConfig], object], read: Arguments, arguments: Change, sweeps: bool
) -> None:
    """Let Hydra compose the configuration and run `job`, once for each configuration of a sweep.

    UserError for what Hydra refuses, and JobError, as `job_of` makes them.
    """
    register_resolvers()
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors and prints none of them.
    try:
        refusals.check(config_name, read, sweeps)
        read = arguments(_with_latest(read))
        version.setbase("1.3")
        parser = get_args_parser()
        _run_hydra(parser.parse_args(read.argv), parser, job, str(CONF), config_name)  # As `hydra.main` does.
    except PastHydra as past:
        raise past.error from past.error.__cause__
    except (HydraException, OmegaConfBaseException, OSError, ValueError) as error:
        # A job's own errors do not come here, so Hydra refused something.
        if before == "1":
            raise
        raise UserError(refusals.explain(error, config_name, read, sweeps)) from None
    finally:
        del os.environ["HYDRA_FULL_ERROR"]
        if before is not None:
            os.environ["HYDRA_FULL_ERROR"] = before


def tell_full_disks_once() -> None:
    """Let only the error of the unwritten file report a full disk, and not also logging and TensorBoard's thread."""
    logging.raiseExceptions = False
    threading.excepthook = _thread_failed


def _open_missing_streams() -> None:
    """A service may start without standard streams. Then the output goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (open until the end)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """TensorBoard writes in a thread, and raises the thread's error in the main thread too."""
    if not isinstance(failure.exc_value, OSError):
        threading.__excepthook__(failure)


def _tell(sentence: str) -> None:
    with contextlib.suppress(OSError):  # The terminal may be gone.
        print(sentence, file=sys.stderr)


def _refuse(sentence: str) -> NoReturn:
    """End the process for a user's mistake."""
    _tell(sentence)
    sys.exit(2)


def _with_latest(read: Arguments) -> Arguments:
    """`run=latest`, `resume=latest` and `fork=latest` become the newest run's folder."""
    for key in ("run", "resume", "fork"):
        if read.value(key) == latest.WORD:
            found = latest.resolve(latest.WORD)
            print(f"{key}={latest.WORD} is {found}", file=sys.stderr)
            read = read.around(after=[override(key, str(found))])
    return read


def _leave(error: Exception) -> NoReturn:
    sys.exit(2 if isinstance(error, UserError) else 1)


def job_of(
    task: Callable[[DictConfig], object], end: Callable[[Exception], NoReturn]
) -> Callable[[DictConfig], object]:
    """The task, with its errors logged. `end` gets the error of a single run. In a sweep the error is raised, and the
    other jobs go on.

    UserError for a mistake, JobError for another error.
    """
    process = os.getpid()

    def job(config: DictConfig) -> object:
        try:
            try:
                with worker.one_job_of(process):
                    return task(config)
            except OmegaConfBaseException as error:
                raise from_omegaconf(error) from None
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                asked = re.search(r"allocate ([\d.]+ \w+)", str(error))
                raise UserError(
                    f"There is not enough memory{f' for {asked[1]}' if asked else ''}: type a smaller model.hidden or "
                    "data.batch_size, or take fewer or smaller pictures"
                ) from None
            except OSError as error:
                raise from_system(error) or error from None
        except UserError as error:
            log.error("%s", error)
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                _forget(error)
                raise
            end(error)
        except worker.Stopped:
            raise
        except KeyboardInterrupt as interrupt:
            worker.hand_on(interrupt)
            raise
        except Exception as error:
            interruption.check()  # Code in C, such as an import, may replace a signal's exception by another one.
            log.exception("The run failed:")
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                _forget(error)
                raise JobError(str(error)) from error
            end(error)

    return job


def _forget(error: BaseException | None) -> None:
    """Free what the job of an exception had in memory. Hydra keeps the exceptions of a sweep's jobs until its end, and
    an exception keeps the local variables of each function that it passed."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
    gc.collect()


def _is_out_of_memory(error: Exception) -> bool:
    """torch has an exception of its own for a GPU, and a bare RuntimeError for the CPU and for sizes beyond 64 bits."""
    said = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in said
        or "Storage size calculation overflowed" in said
    )
