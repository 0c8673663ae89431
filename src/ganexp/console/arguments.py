"""The command line, split once into Hydra's flags and overrides; and the commands that messages name.

Hydra's own parsers read the values, so a value means the same here and to Hydra.
"""

import os
import re
import shlex
from argparse import ArgumentError, Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString, ValueType
from hydra.errors import HydraException

from ganexp.config import CONF
from ganexp.errors import UserError, no_such_key

TEXT = {
    *("run", "resume", "fork", "root", "samples", "checkpoint", "at", "out", "note", "class"),
    *("data.root", "data.evaluator", "data.second_evaluator"),
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"),
}
"""Keys whose value is a path or a name. The value is taken as typed: `2024`, `nan`, `it's` and `a=b` are names too."""

REFUSED = {
    "--config-name": "a command has one configuration; save yours as a recipe, DIR/model/NAME.yaml, and type "
    "--config-dir=DIR model=NAME",
    "--config-path": "the configuration comes with ganexp; to add files of your own, type --config-dir=DIR",
    "--experimental-rerun": "type the command that the run's run.json names, or resume=RUN to go on with the run",
}
"""Flags of Hydra that a command does not take, and what to type instead."""


@dataclass(frozen=True)
class Arguments:
    """flags: in their long form, as `--config-dir=DIR`. overrides: as Hydra parsed them."""

    flags: tuple[str, ...]
    overrides: tuple[Override, ...]

    @classmethod
    def read(cls, typed: Sequence[str], known: Callable[[], Sequence[str]] = tuple) -> "Arguments":
        """The arguments of a command; `known` gives the keys of the command, for near misses.

        UserError for a flag or an override that Hydra could not read.
        """
        parser = get_args_parser()
        parser.exit_on_error = parser.allow_abbrev = False
        read, unknown = Namespace(), []
        try:
            read, unknown = parser.parse_known_intermixed_args([a for a in typed if a != "--version"])
        except ArgumentError as error:
            # argparse takes -model=dcgan for -m and something more.
            unknown = [argument for argument in typed if re.match(r"-\w[\w.]+=", argument)]
            if not unknown:
                raise UserError(str(error)) from None
        if unknown:
            raise UserError(_unknown_flag(unknown[0], known()))
        flags = ["--version"] * ("--version" in typed)
        for name, value in vars(read).items():
            flag = f"--{name.replace('_', '-')}"
            if value in (None, False) or name == "overrides":
                continue
            if flag in REFUSED:
                raise UserError(f"{flag}={value}: {REFUSED[flag]}")
            flags.append(flag if value is True else f"{flag}={value}")
        multirun = "--multirun" in flags
        overrides = [(text, _read(text, multirun)) for text in read.overrides]
        for text, parsed in overrides:
            if parsed is None or not parsed.key_or_group:
                raise UserError(_unreadable(text, known()))
        return cls(tuple(flags), tuple(parsed for _, parsed in overrides if parsed is not None))

    @property
    def argv(self) -> list[str]:
        """The arguments for Hydra. Flags stand first, because Hydra refuses overrides on both sides of a flag."""
        return [*self.flags, *(str(typed.input_line) for typed in self.overrides)]

    @property
    def multirun(self) -> bool:
        return "--multirun" in self.flags

    @property
    def config_dir(self) -> str | None:
        """The folder that the user added to Hydra's search path."""
        return next((flag.partition("=")[2] for flag in self.flags if flag.startswith("--config-dir=")), None)

    def value(self, key: str) -> Any:
        """The last value typed for `key`, as Hydra reads it; None if the key was not typed, or typed as null."""
        values = [typed.value() for typed in self.overrides if typed.key_or_group == key and not typed.is_delete()]
        return values[-1] if values else None

    def text(self, key: str) -> str | None:
        """As `value`, of a key whose value is a path or a name. UserError for a list and the like."""
        value = self.value(key)
        if value is not None and not isinstance(value, str):
            raise UserError(f"{key}={literal(value)}: must be one path or name: type {key}=…")
        return value

    def around(self, before: Iterable[str] = (), after: Iterable[str] = (), flags: Iterable[str] = ()) -> "Arguments":
        """More flags, and more overrides before and after those typed. The last override of a key wins."""
        parse = _parser().parse_override
        return Arguments((*flags, *self.flags), (*map(parse, before), *self.overrides, *map(parse, after)))


def override(key: str, value: Any) -> str:
    """`key=value` such that Hydra reads `value` back: text is quoted where its letters would mean something else."""
    return f"{key}={literal(value)}"


def literal(value: Any) -> str:
    """A value as Hydra writes it on a command line."""
    if isinstance(value, str):
        plain = _parse(f"key={value}")
        if plain is not None and plain.value_type == ValueType.ELEMENT and plain.value() == value and "${" not in value:
            return value
        # OmegaConf sees ${…} in quoted text too, unless a backslash stands before it.
        return QuotedString(re.sub(r"(\\*)\$\{", r"\1\1\\${", value), Quote.double).with_quotes()
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{literal(child)}" for name, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(literal, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def line(command: str, *overrides: str, flags: Iterable[str] = ()) -> str:
    """What to type in a shell for a command: `line("train", override("resume", path))`."""
    return shlex.join(["python", "-m", f"ganexp.{command}", *flags, *overrides])


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()


def _parse(text: str) -> Override | None:
    try:
        return _parser().parse_override(text)
    except HydraException:
        return None


def _read(text: str, multirun: bool) -> Override | None:
    """The override as Hydra reads it; None if Hydra cannot read it. Behind a key of TEXT, a value that Hydra would not
    read as text is quoted."""
    key, equals, value = text.partition("=")
    if key.lstrip("+") not in TEXT or not equals or value == "":
        return _parse(text)
    if value.startswith("~"):  # A shell does not expand it inside an argument.
        value = os.path.expanduser(value)
    parsed = _parse(f"{key}={value}")
    if multirun:
        if (
            parsed is not None
            and parsed.value_type == ValueType.SIMPLE_CHOICE_SWEEP
            and not re.search(r"['\"\[{(]", value)
        ):
            return _parse(f"{key}={','.join(literal(name.strip()) for name in value.split(','))}")
        return _parse(override(key, value)) if parsed is not None and _is_number(parsed.value()) else parsed
    if parsed is None or _is_number(parsed.value()) or parsed.value_type == ValueType.SIMPLE_CHOICE_SWEEP:
        return _parse(override(key, value))
    return parsed


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)  # A bool is an int.


def _unknown_flag(flag: str, known: Sequence[str]) -> str:
    key, _, value = flag.lstrip("-").partition("=")
    key = key.replace("-", "_")
    near = [k for k in known if k == key or k.endswith(f".{key}")]
    if near:
        return f"{flag}: a key is typed without dashes: type {near[0]}={value or '…'}"
    return f"{flag}: no such flag, and a key is typed without dashes. {no_such_key(key, known)}"


def _unreadable(text: str, known: Sequence[str]) -> str:
    key, equals, value = text.partition("=")
    if equals and key:
        quoted = QuotedString(value.strip("'\"") or "…", Quote.double).with_quotes()
        return f"{text}: Hydra cannot read the value; as text, type {shlex.quote(f'{key}={quoted}')}"
    groups = sorted(group.parent.name for group in CONF.glob(f"*/{text}.yaml")) if re.fullmatch(r"\w+", text) else []
    typed = [group for group in groups if group in known] or [name for name in known if name == text]
    if typed:
        return f"{text}: not of the form key=value; type {typed[0]}={text if groups else '…'}"
    path = next((name for name in known if name in TEXT), None)
    if path is not None and (os.sep in text or os.path.exists(text)):
        return f"{text}: not of the form key=value; type {shlex.quote(override(path, text))}"
    return f"{text}: not of the form key=value, without spaces"
