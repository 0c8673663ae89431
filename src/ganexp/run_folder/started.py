"""How a run or a sweep was started: the overrides and flags that Hydra keeps in YAML files of its folder."""

from pathlib import Path
from typing import Any

import yaml
from hydra.conf import HydraConf
from omegaconf import DictConfig, OmegaConf

from ganexp.errors import UserError
from ganexp.files.whole import write_whole
from ganexp.run_folder.folder import RunFolder


def keep(folder: RunFolder, composed: DictConfig, hydra: HydraConf, overrides: list[str]) -> None:
    """Write the run's configuration, Hydra's own and the overrides, as Hydra does unless `hydra.output_subdir` is
    null."""
    write_whole(folder.config, OmegaConf.to_yaml(composed))
    write_whole(folder.hydra, OmegaConf.to_yaml(OmegaConf.create({"hydra": hydra})))
    write_whole(folder.overrides, OmegaConf.to_yaml(OmegaConf.create(overrides)))


def read(path: Path) -> Any:
    """A YAML file that Hydra wrote for a run or a sweep. UserError if the file is missing or damaged."""
    try:
        return OmegaConf.load(path)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path}: the file cannot be read ({reason}), and no other file says how to go on; start anew"
        ) from None


def glance(path: Path) -> Any:
    """The contents of a YAML file, with interpolations as they were written; None if the file is missing or damaged.

    PyYAML's loader in C is thirty times faster than OmegaConf's.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError):
        return None


def runtime(folder: RunFolder) -> dict[str, Any]:
    """What Hydra kept about the start of the run, such as the `choices` of groups; empty if the folder does not say."""
    try:
        return dict(glance(folder.hydra)["hydra"]["runtime"])
    except (TypeError, ValueError, KeyError):
        return {}


def directory(folder: RunFolder) -> Path | None:
    """The directory in which the run was started; None if its folder does not say."""
    found = runtime(folder).get("cwd")
    return Path(found) if isinstance(found, str) else None


def data_from_here(data: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """The section `data` of a run's configuration. Paths that were relative to the directory in which the run was
    started lead to the same files."""
    began_in = directory(folder)
    if began_in is None:
        return data
    found = dict(data)
    for key in ("root", "evaluator", "second_evaluator"):
        value = data.get(key)
        if isinstance(value, str) and not Path(value).expanduser().exists() and (began_in / value).exists():
            found[key] = str(began_in / value)
    return found


def words(overrides: Any) -> list[str]:
    """Overrides as they were typed. A list of OmegaConf would resolve `${…}` in them."""
    plain: Any = OmegaConf.to_container(overrides, resolve=False) if OmegaConf.is_config(overrides) else overrides
    return [str(word) for word in plain]


def lasting(overrides: Any) -> list[str]:
    """The overrides that make a run what it is: without its sweep's experiment, and without `resume=`."""
    return [typed for typed in words(overrides) if typed.partition("=")[0] not in ("+experiment", "resume")]


def from_nothing(overrides: list[str]) -> list[str]:
    """The overrides that make the same run from nothing: the last one for each key, without `resume=`."""
    last = {typed.partition("=")[0]: typed for typed in overrides}
    return lasting(last.values())


def flags(hydra: Any) -> list[str]:
    """The flag `--config-dir=…` that a run or a sweep was started with, from its Hydra configuration; [] if none."""
    return [f"--config-dir={s.path}" for s in hydra.runtime.config_sources if s.provider == "command-line"]
