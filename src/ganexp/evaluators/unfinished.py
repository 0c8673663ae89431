"""The state of a training that is not finished. The same command continues after the last whole epoch."""

import contextlib
import logging
from pathlib import Path
from typing import Any

import torch

from ganexp.errors import UserError
from ganexp.files import tensor_files

log = logging.getLogger("ganexp")


class Unfinished:
    """A file with the states of `parts`, which are modules, optimizers or anything else that has a state_dict.

    path: the file; None keeps nothing.
    training: plain values that identify a training. A file of another training is not continued.
    """

    def __init__(self, path: Path | None, training: dict[str, Any], parts: list[Any]):
        self.path, self.training, self.parts = path, training, parts

    def restore(self, device: torch.device) -> int:
        """Load the states; the number of epochs that are done, which is 0 if there is no file.

        UserError if the file belongs to another training or is broken.
        """
        if self.path is None or not self.path.is_file():
            return 0
        stored = None
        with contextlib.suppress(Exception):
            stored = tensor_files.read(self.path, device)
        if not isinstance(stored, dict) or stored.get("training") != self.training:
            raise UserError(
                f"{self.path} holds an unfinished training of other settings or pictures, or is broken: type the "
                "command that began it, remove the file, or name another with out="
            )
        for part, state in zip(self.parts, stored["states"], strict=True):
            part.load_state_dict(state)
        log.info("%s: continuing after %d epochs", self.path, stored["epochs"])
        return stored["epochs"]

    def save(self, epochs: int) -> None:
        """Write the file, as a whole or not at all."""
        if self.path is None:
            return
        states = [part.state_dict() for part in self.parts]
        tensor_files.write({"training": self.training, "epochs": epochs, "states": states}, self.path)
