"""How a command starts: Hydra composes, mistakes become one sentence."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import hydra
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from ganexp.config import CONF, register_resolvers
from ganexp.errors import UserError, did_you_mean

log = logging.getLogger("ganexp")

MULTIRUN = {"-m", "--multirun"}


class JobError(Exception):
    """What a job raised that is no user's mistake, once its traceback has been logged."""


def run(
    config_name: str,
    task: Callable[[DictConfig], None],
    arguments: Callable[[list[str]], list[str]] = list,
) -> None:
    """Compose `conf/<config_name>.yaml` with the command line and hand it to `task`, once a job.

    `arguments` may rewrite the command line before it is read. A user's mistake
    exits with status 2 and one sentence on stderr; in a sweep the other jobs
    still run. A job that failed otherwise exits with 1, its traceback logged,
    and one that Ctrl-C or SIGTERM ended with 130.
    """
    register_resolvers()
    signal.signal(signal.SIGTERM, _terminated)
    wants_traces = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Else Hydra prints errors by itself, in its own words.
    try:
        # Hydra refuses overrides on both sides of a flag, and this one people think of late.
        sys.argv[1:] = arguments(sorted(sys.argv[1:], key=lambda argument: argument not in MULTIRUN))
    except UserError as error:
        _refuse(str(error))
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(_job(task))()
    except UserError as error:
        _refuse(str(error))
    except JobError:
        sys.exit(1)
    except HydraException as error:
        if wants_traces:
            raise
        _refuse(_explain(error, config_name))
    except (OSError, ValueError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and not wants_traces:  # No job's, so it is Hydra that could not write.
            key = "hydra.sweep.dir" if MULTIRUN & set(sys.argv) else "hydra.run.dir"
            _refuse(f"{key}: the run's folder cannot be made or written ({cause}); name another: {key}=…")
        if not str(error).startswith("Config group override must be"):
            raise
        groups = {group.name for group in CONF.iterdir() if group.is_dir()}
        typed = (argument.partition("=") for argument in sys.argv[1:])
        wrong = [f"{k}={v}" for k, _, v in typed if k in groups and not isinstance(yaml.safe_load(v), str | list)]
        _refuse(
            f"{' '.join(wrong)}: a group takes the name of an option; regularizer and logger also take [], for none"
        )
    except KeyboardInterrupt:
        sys.exit(130)


def around(arguments: list[str], before: list[str], after: list[str]) -> list[str]:
    """Overrides put around those that were typed: Hydra wants all of them together, and flags apart."""
    typed = [i for i, argument in enumerate(arguments) if not argument.startswith("-") and "=" in argument]
    first, last = typed[0], typed[-1] + 1
    return [*arguments[:first], *before, *arguments[first:last], *after, *arguments[last:]]


def config_dir(hydra: Any) -> list[str]:
    """The `--config-dir=…` that a run was started with, of its Hydra configuration; empty if there was none."""
    return [f"--config-dir={s.path}" for s in hydra.runtime.config_sources if s.provider == "command-line"]


def writable(out: Path) -> Path:
    """`out`, if it can be written: a file where its name has a suffix, else a folder.

    UserError if not: better before the work than after it.
    """
    try:
        if out.exists() and out.is_dir() != (out.suffix == ""):
            raise UserError(
                f"out={out}: there is {'a folder' if out.is_dir() else 'a file'} of that name; name another"
            )
        there = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
        if not os.access(there, os.W_OK) or not (there.is_dir() or out.exists()):
            raise UserError(f"out={out}: {there} cannot be written; name another")
    except OSError as error:
        raise UserError(f"out={out}: it cannot be written ({error.strerror}); name another") from None
    return out


def _terminated(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def _refuse(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(2)


def _job(task: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    def job(config: DictConfig) -> None:
        try:
            task(config)
        except UserError as error:
            log.error("%s", error)
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise
            # Raised, it would come out behind a line of Hydra's.
            sys.exit(2)
        except Exception as error:
            log.exception("The run failed:")
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise JobError(str(error)) from error
            sys.exit(1)

    return job


def _explain(error: HydraException, config_name: str) -> str:
    """Hydra's refusal of a command line, as one sentence with the near miss."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and "/" in error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        options = error.options  # Hydra names none for an option of a list, such as regularizer=[r1,r2].
        known = options if options is not None else [path.stem for path in (CONF / group).glob("*.yaml")]
        return f"{group}={option}: no such option; {did_you_mean(option, known)}"
    if isinstance(error, OverrideParseException):
        key, _, value = str(error.override).partition("=")
        return (
            f"{error.override}: not of the form key=value. A value of other signs than plain letters, digits and "
            f"./_-+: is quoted twice, for the shell and for Hydra: type \"{key}='{value or '…'}'\""
        )
    message = str(error)
    if message.startswith("Ambiguous value for argument '"):
        typed = message.split("'")[1]
        key, _, values = typed.partition("=")
        as_list = f"; as one list, type {key}=[{values}]" if "." in key else ""
        return f"{typed}: for a run with each of them, put -m before it{as_list}"
    if isinstance(error, ConfigCompositionException) and "Could not override '" in message:
        key = message.split("Could not override '")[1].split("'")[0].partition("@")[0]
        return f"{key}: no such key; {did_you_mean(key, _keys(config_name))}"
    return message.splitlines()[0]


def _keys(config_name: str) -> list[str]:
    """Every key and group, as composed with the choices that were typed, for near misses."""
    typed = [a for a in sys.argv[1:] if a.startswith(tuple(f"{group.name}=" for group in CONF.iterdir()))]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            composed = compose(config_name, typed, return_hydra_config=True)
        except HydraException:  # A choice from elsewhere, or a sweep of several.
            composed = compose(config_name, return_hydra_config=True)
    groups = [str(group) for group in composed.hydra.runtime.choices if "/" not in group]
    with open_dict(composed):
        del composed.hydra
    return [*groups, *_paths(OmegaConf.to_container(composed), "")]


def _paths(node: Any, prefix: str) -> Iterator[str]:
    for key, child in node.items() if isinstance(node, dict) else ():
        if key != "_target_":
            yield f"{prefix}{key}"
            yield from _paths(child, f"{prefix}{key}.")
