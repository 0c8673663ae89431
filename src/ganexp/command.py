"""How a command starts: the command line is read, Hydra composes, and a mistake becomes one sentence."""

import contextlib
import logging
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from ganexp import __version__, interruption, latest, manual, refusals, worker
from ganexp.arguments import Arguments, override
from ganexp.config import CONF, register_resolvers
from ganexp.errors import UserError, from_omegaconf, from_system

log = logging.getLogger("ganexp")


class JobError(Exception):
    """A job failed by no mistake of the user; its traceback has been logged."""


def run(
    config_name: str,
    task: Callable[[DictConfig], object],
    arguments: Callable[[Arguments], Arguments] = lambda read: read,
    sweeps: bool = False,
) -> None:
    """Compose `conf/<config_name>.yaml` with the command line and hand it to `task`, once for each job.

    arguments: may change the command line before Hydra reads it. sweeps: whether `-m` may start several jobs.

    A user's mistake exits with status 2 and one sentence on stderr; in a sweep the other jobs still run. A job that
    failed otherwise exits with 1 and its traceback is logged. A job that a signal ended exits with 130.
    """
    logging.raiseExceptions = False  # A full disk under the log is told once, by what else cannot be written.
    threading.excepthook = _thread_failed
    _open_missing_streams()
    register_resolvers()
    try:
        with interruption.listening():
            _run(config_name, task, arguments, sweeps)
    except worker.Stopped:
        sys.exit(130)
    except KeyboardInterrupt as interrupt:
        told = isinstance(interrupt, interruption.Interrupted) and interrupt.told
        if not told and "--multirun" not in sys.argv:  # The end of a sweep says how to go on.
            _tell(f"{interrupt or 'SIGINT'}: stopped; type the command again")
        sys.exit(130)


def _run(
    config_name: str,
    task: Callable[[DictConfig], object],
    arguments: Callable[[Arguments], Arguments],
    sweeps: bool,
) -> None:
    before = os.environ.get("HYDRA_FULL_ERROR", "0")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors and prints none of them.
    read = Arguments((), ())
    try:
        read = Arguments.read(sys.argv[1:], known=lambda: refusals.keys(config_name))
        if "--version" in read.flags:
            print(f"ganexp {__version__}")
            return
        if "--help" in read.flags:
            print(manual.of_command(config_name, read.config_dir))
            return
        refusals.check(config_name, read, sweeps)
        read = arguments(_with_latest(read))
        sys.argv[1:] = read.argv
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(_job(task))()
    except UserError as error:
        refuse(str(error))
    except JobError:
        sys.exit(1)
    except (HydraException, OmegaConfBaseException, OSError, ValueError) as error:
        # A job's own errors do not come here, so Hydra refused something.
        if before == "1":
            raise
        refuse(refusals.explain(error, config_name, read, sweeps))
    finally:
        os.environ["HYDRA_FULL_ERROR"] = before


def _open_missing_streams() -> None:
    """A service may start without standard streams. What would be written to them goes nowhere then."""
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


def refuse(sentence: str) -> NoReturn:
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


def _job(task: Callable[[DictConfig], object]) -> Callable[[DictConfig], object]:
    command = os.getpid()

    def job(config: DictConfig) -> object:
        try:
            try:
                with worker.job_of(command):
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
                raise
            sys.exit(2)  # Hydra would print a line of its own before the sentence.
        except worker.Stopped:
            raise
        except KeyboardInterrupt as interrupt:
            worker.hand_on(interrupt)
            raise
        except Exception as error:
            interruption.check()  # Code in C, such as an import, may make another exception of a signal's.
            log.exception("The run failed:")
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise JobError(str(error)) from error
            sys.exit(1)

    return job


def _is_out_of_memory(error: Exception) -> bool:
    """torch has an exception of its own for a GPU, and a bare RuntimeError for the CPU and for sizes beyond 64 bits."""
    said = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in said
        or "Storage size calculation overflowed" in said
    )
