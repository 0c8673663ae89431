"""What a command takes on its command line, and the words in which it refuses the rest."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp.config import CONF
from ganexp.console.arguments import Arguments, override
from ganexp.console.keys import of_command
from ganexp.errors import UserError, did_you_mean, from_omegaconf, no_such_key


def taken(config_name: str, read: Arguments | None = None) -> list[str]:
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


def check(config_name: str, read: Arguments, sweeps: bool) -> None:
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
        raise UserError("hydra.job.chdir=true: paths are relative to the folder you are in: leave the key out")
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


def explain(error: Exception, config_name: str, read: Arguments, sweeps: bool) -> str:
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
        takes_list = "." in key or key in [group.name for group in of_command(config_name).groups if group.takes_list]
        as_list = f"; for one list, type '{key}=[{values}]'" if takes_list else ""
        each = f"for one run with each value, type -m {typed}" if sweeps else "type one value"
        return f"{typed}: {each}{as_list}"
    if isinstance(error, ConfigCompositionException) and "Could not override '" in message:
        typed = message.split("Could not override '")[1].split("'")[0]
        key, _, package = typed.partition("@")
        if package:
            return f"{typed}: a group cannot stand at another place; type {key}=…"
        if key.startswith("hydra."):
            return f"{key}: Hydra has no such key; --cfg hydra prints them all"
        return no_such_key(key, taken(config_name, read))
    if message.endswith("appears more than once in the final defaults list"):
        group = message.split()[0]
        return f"+{group}=…: {group} is chosen already; type {group}=…, without +"
    causes = list(_causes(error))
    if isinstance(causes[-1], OSError):
        key = "hydra.sweep.dir" if read.multirun else "hydra.run.dir"
        return f"{key}: the run's folder cannot be made or written ({causes[-1]}); name another: {key}=…"
    unresolved = next((cause for cause in causes if isinstance(cause, OmegaConfBaseException)), None)
    return str(from_omegaconf(unresolved)) if unresolved is not None else message.splitlines()[0]


def _groups() -> set[str]:
    return {folder.name for folder in CONF.iterdir() if folder.is_dir()}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _paths(node: Any, prefix: str) -> Iterator[str]:
    for key, child in node.items() if isinstance(node, dict) else ():
        if key != "_target_":
            yield f"{prefix}{key}"
            yield from _paths(child, f"{prefix}{key}.")
