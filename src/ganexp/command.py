"""How a command starts: the command line is read, Hydra composes, and a mistake becomes one sentence."""

import contextlib
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp import __version__, interruption, latest, manual, worker
from ganexp.arguments import Arguments, override
from ganexp.config import CONF, register_resolvers
from ganexp.errors import UserError, did_you_mean, from_omegaconf, from_system, no_such_key
from ganexp.keys import of_command

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
        read = Arguments.read(sys.argv[1:], known=lambda: keys(config_name))
        if "--version" in read.flags:
            print(f"ganexp {__version__}")
            return
        if "--help" in read.flags:
            print(manual.of_command(config_name, read.config_dir))
            return
        _check(config_name, read, sweeps)
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
        refuse(_explain(error, config_name, read, sweeps))
    finally:
        os.environ["HYDRA_FULL_ERROR"] = before


def config_dir(hydra: Any) -> list[str]:
    """The flag `--config-dir=…` that a run was started with, from the run's Hydra configuration; [] if none."""
    return [f"--config-dir={s.path}" for s in hydra.runtime.config_sources if s.provider == "command-line"]


def writable(out: Path, folder: bool = False) -> Path:
    """`out`, if it can be written as a file, or as a folder.

    UserError if not: a mistake should be told before the work.
    """
    try:
        if out.exists() and out.is_dir() != folder:
            raise UserError(
                f"out={out}: there is {'a folder' if out.is_dir() else 'a file'} of that name; name another"
            )
        there = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
        if not os.access(there, os.W_OK) or not (there.is_dir() or out.exists()):
            raise UserError(f"out={out}: {there} cannot be written; name another")
    except OSError as error:
        raise UserError(f"out={out}: it cannot be written ({error.strerror}); name another") from None
    return out


def keys(config_name: str, read: Arguments | None = None) -> list[str]:
    """Every group and key of a command, as composed with the options that were typed; groups stand first."""
    groups = _groups()
    typed = (
        [str(o.input_line) for o in read.overrides if o.key_or_group in groups and o.package is None] if read else []
    )
    if read is not None and read.config_dir is not None:
        typed.append(override("hydra.searchpath", [f"file://{Path(read.config_dir).absolute()}"]))
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            composed = compose(config_name, typed, return_hydra_config=True)
        except HydraException:  # A sweep of several options, or one that does not exist.
            composed = compose(config_name, return_hydra_config=True)
    plain: Any = OmegaConf.to_container(composed, resolve=False)
    settings = plain.pop("hydra")
    chosen = [str(group) for group in settings["runtime"]["choices"] if "/" not in str(group)]
    folders = ["hydra.run.dir", "hydra.sweep.dir"] if settings["run"]["dir"] != "." else []
    return [*chosen, *_paths(plain, ""), *folders]


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


def _groups() -> set[str]:
    return {folder.name for folder in CONF.iterdir() if folder.is_dir()}


def _check(config_name: str, read: Arguments, sweeps: bool) -> None:
    """UserError for what Hydra would take and a command cannot use."""
    if read.multirun and not sweeps:
        raise UserError(
            f"-m starts several jobs, and {config_name} writes one result: leave -m out, and type the command once "
            "for each value"
        )
    if read.multirun and any(flag.startswith("--cfg") for flag in read.flags):
        raise UserError("--cfg prints the configuration of one run: leave -m out")
    if read.config_dir is not None and not Path(read.config_dir).is_dir():
        raise UserError(f"--config-dir={read.config_dir}: no such folder")
    if read.value("hydra.job.chdir"):
        raise UserError("hydra.job.chdir=true: paths are relative to the folder you are in: leave it out")
    # Hydra merges the options of a list, and removes any key. Only a group whose default is a list can take that.
    lists = [group.name for group in of_command(config_name).groups if group.takes_list]
    for typed in read.overrides:
        group, value = typed.key_or_group, typed.value()
        if typed.is_delete() and group.partition(".")[0] not in {*lists, "hydra"}:
            raise UserError(f"{typed.input_line}: a key cannot be removed: type {group}=…, or leave it out")
        if typed.is_delete() and group in lists:
            raise UserError(f"{typed.input_line}: type {group}=[] for none")
        if group not in _groups() or typed.is_sweep_override():
            continue
        if not isinstance(value, str | list) or (isinstance(value, list) and group not in lists):
            several = f"; {' and '.join(lists)} also take a list, and [] for none" if lists else ""
            raise UserError(f"{typed.input_line}: a group takes the name of one option{several}")


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


def _explain(error: Exception, config_name: str, read: Arguments, sweeps: bool) -> str:
    """Hydra's refusal of a command line, as one sentence with the near miss."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and "/" in error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        options = error.options  # Hydra names none for an option of a list, such as regularizer=[r1,r2].
        known = options if options is not None else [path.stem for path in (CONF / group).glob("*.yaml")]
        return f"{group}={option}: no such option; {did_you_mean(option, known)}"
    message = str(error)
    if message.startswith("Ambiguous value for argument '"):
        typed = message.split("'")[1]
        key, _, values = typed.partition("=")
        as_list = f"; as one list, type '{key}=[{values}]'" if "." in key else ""
        each = "for a run with each of them, put -m before it" if sweeps else "type one value"
        return f"{typed}: {each}{as_list}"
    if isinstance(error, ConfigCompositionException) and "Could not override '" in message:
        typed = message.split("Could not override '")[1].split("'")[0]
        key, _, package = typed.partition("@")
        if package:
            return f"{typed}: a group has one place here; type {key}=…"
        if key.startswith("hydra."):
            return f"{key}: Hydra has no such key; --cfg hydra prints them all"
        return no_such_key(key, keys(config_name, read))
    if message.endswith("appears more than once in the final defaults list"):
        group = message.split()[0]
        return f"+{group}=…: {group} is chosen already; type {group}=…, without +"
    causes = list(_causes(error))
    if isinstance(causes[-1], OSError):
        key = "hydra.sweep.dir" if read.multirun else "hydra.run.dir"
        return f"{key}: the run's folder cannot be made or written ({causes[-1]}); name another: {key}=…"
    unresolved = next((cause for cause in causes if isinstance(cause, OmegaConfBaseException)), None)
    return str(from_omegaconf(unresolved)) if unresolved is not None else message.splitlines()[0]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _paths(node: Any, prefix: str) -> Iterator[str]:
    for key, child in node.items() if isinstance(node, dict) else ():
        if key != "_target_":
            yield f"{prefix}{key}"
            yield from _paths(child, f"{prefix}{key}.")
