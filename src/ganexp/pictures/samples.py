"""Generated pictures, as a tensor that a notebook shows as a sheet."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from ganexp.pictures.drawing import grid

SHOWN = 400
"""The most pictures that a sheet shows, because a notebook keeps its sheets in its file."""


class Samples(Tensor):
    """Pictures, uint8 [N, C, H, W], on the CPU. What is computed from them is a plain tensor.

    class_names: the class of each picture; empty if the generator has no classes. columns: those of the sheet; None for
    a sheet that is nearly square.
    """

    class_names: Sequence[str]
    columns: int | None

    @classmethod
    def of(cls, images: Tensor, class_names: Sequence[str] = (), columns: int | None = None) -> "Samples":
        samples = images.as_subclass(cls)
        samples.class_names, samples.columns = class_names, columns
        return samples

    def sheet(self) -> Image:
        """The first 400 pictures, side by side with their classes: `run.sample(64).sheet().save("digits.png")`."""
        return grid(self.plain()[:SHOWN], self.columns, self.class_names[:SHOWN])

    def plain(self) -> Tensor:
        """The same pictures, without a sheet."""
        with torch._C.DisableTorchFunctionSubclass():
            return self.as_subclass(Tensor)

    @classmethod
    def __torch_function__(
        cls, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **(kwargs or {}))
        return result.plain() if isinstance(result, Samples) else result  # Some operations return what they were given.

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.plain().__reduce_ex__(protocol)  # A saved file needs no ganexp to be read.

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self.plain().clone()

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.sheet().save(buffer, "PNG")
        return buffer.getvalue()
