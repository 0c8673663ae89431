"""A training that was stopped, in a file: begun again with the same command, it goes on from its last whole epoch."""

import logging
import os
from pathlib import Path
from typing import Any

import torch

from ganexp.errors import UserError

log = logging.getLogger("ganexp")


class Unfinished:
    """What `parts` (modules, optimizers: whatever has a state_dict) have learned, kept at `path`; None keeps nothing.

    `training` tells one training from another; it must be equal for a file to be taken up.
    """

    def __init__(self, path: Path | None, training: dict[str, Any], parts: list[Any]):
        self.path, self.training, self.parts = path, training, parts

    def take_up(self, device: torch.device) -> int:
        """Load what was kept; how many epochs are done, 0 without a file. UserError if it is of another training."""
        if self.path is None or not self.path.is_file():
            return 0
        try:
            kept = torch.load(self.path, map_location=device, weights_only=True)
            same = kept["training"] == self.training
        except Exception:  # torch.load raises whatever a broken file makes it stumble on.
            same = False
        if not same:
            raise UserError(
                f"{self.path} holds an unfinished training of other settings or pictures, or is broken: type the "
                "command that began it, remove the file, or name another with out="
            )
        for part, state in zip(self.parts, kept["states"], strict=True):
            part.load_state_dict(state)
        log.info("%s: going on after its %d epochs", self.path, kept["epochs"])
        return kept["epochs"]

    def keep(self, epochs: int) -> None:
        """Write the file, whole or not at all."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(self.path.name + ".tmp")
        states = [part.state_dict() for part in self.parts]
        torch.save({"training": self.training, "epochs": epochs, "states": states}, temporary)
        os.replace(temporary, self.path)
