"""The base class of every source of pictures, and the pictures that a source gives."""

import dataclasses
import hashlib
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass
from torch import Tensor

from ganexp.errors import UserError, did_you_mean
from ganexp.fields import STRICT, Positive

Split = Literal["train", "test"]
"""The pictures to train on, or those that are held out."""


def _as_typed(name: Any) -> Any:
    """A class may be named `3`, `1.5` or `true`, which a YAML parser turns into a number or a truth value."""
    if isinstance(name, bool):
        return str(name).lower()
    return str(name) if isinstance(name, int | float) else name


ClassName = Annotated[str, BeforeValidator(_as_typed)]


@plain_dataclass(frozen=True)
class Pictures:
    """Pictures in memory.

    images: uint8 [N, C, H, W].
    labels: int64 [N] that index `classes`, or None.
    classes: the names of the classes.
    """

    images: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)"""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def sha256(self) -> str:
        """The hash of the images' bytes and then the labels': equal pictures have the same hash on every machine."""
        digest = hashlib.sha256(self.images.contiguous().numpy().data)
        if self.labels is not None:
            digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()

    def named(self, names: tuple[str, ...]) -> "Pictures":
        """The same pictures with other names for their classes. UserError if the names do not fit."""
        _need_labels(self, "class_names", names)
        if len(names) != len(self.classes):
            raise UserError(
                f"data.class_names={_typed(names)}: {len(names)} names, and the data has {len(self.classes)} classes "
                f"({', '.join(self.classes)}); give one name a class, in this order"
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UserError(f"data.class_names={_typed(names)}: {twice[0]} comes twice; give every class its own name")
        return dataclasses.replace(self, classes=names)

    def part(self, chosen: tuple[str, ...]) -> "Pictures":
        """The pictures of some classes, given by name or number; the classes stand in the order of `chosen`.

        UserError if a class is unknown or has no pictures.
        """
        _need_labels(self, "classes", chosen)
        assert self.labels is not None
        numbers = [self._number(name, chosen) for name in chosen]
        if twice := next((name for name, k in zip(chosen, numbers, strict=True) if numbers.count(k) > 1), None):
            raise UserError(f"data.classes={_typed(chosen)}: {twice} comes twice; name every class once")
        if numbers == list(range(len(self.classes))):
            return self
        new_label = torch.full((len(self.classes),), -1)
        new_label[numbers] = torch.arange(len(numbers))
        labels = new_label[self.labels]
        kept = labels >= 0
        classes = tuple(self.classes[k] for k in numbers)
        if absent := sorted(set(range(len(numbers))) - set(labels[kept].tolist())):
            raise UserError(
                f"data.classes={_typed(chosen)}: there are no pictures of {classes[absent[0]]}; leave it out"
            )
        return Pictures(self.images[kept], labels[kept], classes)

    def _number(self, name: str, chosen: tuple[str, ...]) -> int:
        if name in self.classes:
            return self.classes.index(name)
        if name.isdecimal() and int(name) < len(self.classes):
            return int(name)
        raise UserError(
            f"data.classes={_typed(chosen)}: no class {name}; {did_you_mean(name, self.classes)}; "
            f"or type a number from 0 to {len(self.classes) - 1}"
        )


@dataclass(frozen=True, config=STRICT)
class Dataset(ABC):
    """A source of pictures. A subclass says how to read all of them; names and parts are the same for every source.

    batch_size: pictures of an update.
    flip: mirror half of the pictures (never digits).
    evaluator: the classifier that measures generated pictures: the name of one that comes with ganexp, or a `.pt`
        file. None: nothing measures them.
    second_evaluator: another one, which chooses no checkpoint. None: there is no second opinion.
    class_names: names for the classes, in the order of the labels. None: the data's own names.
    classes: the classes to take, by name or number, in this order. None, or an empty list: all.
    """

    batch_size: Positive
    flip: bool = False
    evaluator: str | None = None
    second_evaluator: str | None = None
    class_names: tuple[ClassName, ...] | None = None
    classes: tuple[ClassName, ...] | None = None

    @abstractmethod
    def read(self, split: Split) -> Pictures:
        """All pictures to train on, or all that are held out. Without held-out pictures, both splits are the same.

        UserError if the pictures cannot be read. When a source reads the pictures to train on, it also checks its
        held-out pictures, so a mistake is reported before the training.
        """

    def load(self, split: Split = "train") -> Pictures:
        """The pictures of a split that an experiment sees: those of `classes`, their classes named by `class_names`.

        UserError if the pictures cannot be read, or if `classes` or `class_names` do not fit them.
        """
        pictures = self.read(split)
        pictures = dataclasses.replace(pictures, classes=tuple(map(printable, pictures.classes)))
        if self.class_names:
            pictures = pictures.named(tuple(map(printable, self.class_names)))
        return pictures.part(self.classes) if self.classes else pictures


def printable(name: str) -> str:
    """`name` as any terminal and file can show it: line breaks and bytes that are not UTF-8 become `\\n`, `\\xe9`."""

    def shown(character: str) -> str:
        if unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp"):
            return character
        return character.encode("unicode_escape").decode().replace("\\udc", "\\x")

    return "".join(map(shown, name))


def _need_labels(pictures: Pictures, key: str, names: tuple[str, ...]) -> None:
    if pictures.labels is None:
        raise UserError(f"data.{key}={_typed(names)}: this data has no labels; leave data.{key} out")


def _typed(names: tuple[str, ...]) -> str:
    """A list as it is typed on the command line."""
    return f"[{','.join(names)}]"
