"""The typed configuration: every key outside a group, and where `conf/` is.

Values live in `conf/`; types and ranges live here. What belongs to one component (a loss, a network, …) is typed where
the component is defined.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import PlainValidator, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ganexp.errors import UserError, from_omegaconf, from_validation
from ganexp.fields import STRICT, NonNegative, NonNegativeFloat, Positive, Share


def _devices(value: Any) -> Any:
    if value == "auto" or (type(value) is int and value > 0):
        return value
    raise ValueError("must be a whole number from 1 on, or auto")


Devices = Annotated[int | Literal["auto"], PlainValidator(_devices, json_schema_input_type=Positive | Literal["auto"])]

_PACKAGE = Path(__file__).resolve().parent
CONF = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parents[1] / "conf"
"""The folder of YAML files: inside the package in a wheel, beside `src/` in a checkout."""


@dataclass(frozen=True, config=STRICT)
class Model:
    hidden: Positive
    latent_dim: Positive
    conditional: bool
    # Older run folders lack this key.
    summary: bool = False


@dataclass(frozen=True, config=STRICT)
class Train:
    n_critic: Positive
    ema_decay: Annotated[float, Ge(0), Lt(1)]
    augment: tuple[Literal["color", "translation", "cutout"], ...]
    clip_norm: NonNegativeFloat
    decay_from: Share
    decay_to: Share


@dataclass(frozen=True, config=STRICT)
class Trainer:
    max_steps: Positive
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"]
    devices: Devices
    precision: Literal["32-true", "bf16-mixed"]
    log_every_n_steps: Positive
    # Older run folders lack this key.
    graphs: Literal["auto", "off"] = "auto"
    num_nodes: Positive = 1


@dataclass(frozen=True, config=STRICT)
class Samples:
    every: NonNegative


@dataclass(frozen=True, config=STRICT)
class Evaluation:
    """samples: how many generated pictures are measured while training. final: how many at the end."""

    every: NonNegative
    samples: Annotated[int, Ge(100)]
    final: Annotated[int, Ge(100)]


@dataclass(frozen=True, config=STRICT)
class Checkpoint:
    every: NonNegative
    keep: NonNegative


@dataclass(frozen=True, config=STRICT)
class Optimizers:
    generator: dict[str, Any]
    discriminator: dict[str, Any]


@dataclass(frozen=True, config=STRICT)
class Config:
    """A training run. Plain Python values throughout: nothing below knows OmegaConf."""

    model: Model
    train: Train
    trainer: Trainer
    samples: Samples
    evaluation: Evaluation
    checkpoint: Checkpoint
    optimizer: Optimizers
    data: dict[str, Any]
    network: dict[str, Any]
    loss: dict[str, Any]
    regularizer: dict[str, dict[str, Any]]
    seed: Annotated[int, Ge(0), Lt(2**32)]
    logger: dict[str, dict[str, Any]]
    # Older run folders lack these keys.
    callback: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    resume: str | None = None
    fork: str | None = None
    at: int | str | None = None
    start: Literal["state", "weights"] = "state"

    def __post_init__(self) -> None:
        for key in ("hidden", "latent_dim"):
            value = getattr(self.model, key)
            if self.network.get(key, value) != value:
                raise UserError(f"network.{key}={self.network[key]}: it follows model.{key}; type model.{key}=…")


def parse(composed: DictConfig, schema: type = Config) -> Any:
    """The composed configuration as a `schema` object, or a UserError that names the key."""
    try:
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key} has no value yet: add {error.full_key}=… to the command") from None
    except OmegaConfBaseException as error:
        raise from_omegaconf(error) from None
    try:
        return TypeAdapter(schema).validate_python(plain)
    except ValidationError as error:
        raise from_validation(error, "", _keys(schema, error)) from None


def _keys(schema: type, error: ValidationError) -> list[str]:
    """The keys that stand beside the first one that is wrong."""
    for part in error.errors(include_url=False)[0]["loc"][:-1]:
        found = next((f.type for f in dataclasses.fields(schema) if f.name == part), schema)
        if not isinstance(found, type) or not dataclasses.is_dataclass(found):
            return []  # The options of a component, which are known where the component is defined.
        schema = found
    return [f.name for f in dataclasses.fields(schema)]


def run_name(recipe: str, overrides: list[str]) -> str:
    """A folder's name that says what was asked for: `vanilla_hidden-256`.

    The recipe comes first. A group is told by its option alone, another key by its last part and its value. Overrides
    that only say where or how to run are left out. Characters that Hydra could not read in a path become `-`.
    """
    parts = [recipe]
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        section, _, name = key.rpartition(".")
        if key in ("model", "resume", "fork", "data.root") or section.startswith("hydra"):
            continue
        parts.append(f"{name}-{value}" if section or key == "seed" else value)
    text = "_".join(parts)
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-+") else "-" for c in text)[:200]


def register_resolvers() -> None:
    """`${run_name:…}` for `conf/`."""
    OmegaConf.register_new_resolver(
        "run_name", lambda recipe, overrides: run_name(recipe, list(overrides)), replace=True
    )
