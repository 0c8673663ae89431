"""How a command starts: Hydra composes, mistakes become one sentence."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ganexp.config import CONF, register_resolvers
from ganexp.errors import UserError, did_you_mean

log = logging.getLogger("ganexp")


def run(
    config_name: str,
    task: Callable[[DictConfig], None],
    arguments: Callable[[list[str]], list[str]] = list,
) -> None:
    """Compose `conf/<config_name>.yaml` with the command line and hand it to `task`, once a job.

    `arguments` may rewrite the command line before it is read. A user's mistake
    exits with status 2 and one sentence on stderr; in a sweep the other jobs
    still run. An interrupted run exits with 130.
    """
    register_resolvers()
    wants_traces = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Else Hydra prints errors by itself, in its own words.
    try:
        sys.argv[1:] = arguments(sys.argv[1:])
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(_job(task))()
    except UserError as error:
        _refuse(str(error))
    except HydraException as error:
        if wants_traces:
            raise
        _refuse(_explain(error, config_name))
    except KeyboardInterrupt:
        sys.exit(130)


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
        except Exception:
            log.exception("The run failed:")
            raise

    return job


def _explain(error: HydraException, config_name: str) -> str:
    """Hydra's refusal of a command line, as one sentence with the near miss."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return f"{group}={option}: no such option; {did_you_mean(option, error.options)}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not of the form key=value; quote values that hold spaces or any of = , ( ) {{ }}"
    message = str(error)
    if isinstance(error, ConfigCompositionException) and "Could not override '" in message:
        key = message.split("Could not override '")[1].split("'")[0].partition("@")[0]
        return f"{key}: no such key; {did_you_mean(key, _keys(config_name))}"
    return message.splitlines()[0]


def _keys(config_name: str) -> list[str]:
    """Every key and group, as composed without the command line, for near misses."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose(config_name)
    groups = [path.name for path in CONF.iterdir() if path.is_dir()]
    return [*groups, *_paths(OmegaConf.to_container(composed), "")]


def _paths(node: Any, prefix: str) -> Iterator[str]:
    for key, child in node.items() if isinstance(node, dict) else ():
        if key != "_target_":
            yield f"{prefix}{key}"
            yield from _paths(child, f"{prefix}{key}.")
