"""A trained classifier, as a file of fp16 weights and a JSON card beside it."""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganexp.data.dataset import Pictures
from ganexp.errors import UserError, did_you_mean
from ganexp.metrics.classifier import Architecture, Classifier
from ganexp.metrics.recipe import Recipe

SHIPPED = Path(__file__).parents[1] / "evaluators"
"""The evaluators that come with ganexp."""

BLOCK = 125
"""Pictures that the network sees at a time, whatever the caller has: a score depends on no batch size. So it also
divides `sampling.BLOCK`: generated pictures are seen in blocks of the same size as those of a file."""


@dataclass(frozen=True)
class Evaluator:
    """name: what figures made with it are named after. card: the JSON beside the weights."""

    name: str
    network: Classifier
    card: dict[str, Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.card["shape"]
        return channels, height, width

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.card["classes"])

    @property
    def architecture(self) -> Architecture:
        return _architecture(self.card)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images: uint8 [N, C, H, W]. Features float32 [N, F] and class probabilities float32 [N, K], on the CPU."""
        device = self.network.mean.device
        seen = [self.network(block.to(device) / 127.5 - 1) for block in images.split(BLOCK)]
        features = torch.cat([features for features, _ in seen]).cpu()
        return features, torch.cat([logits for _, logits in seen]).softmax(1).cpu()


def shipped() -> list[str]:
    """Names of the evaluators that come with ganexp."""
    return sorted(path.stem for path in SHIPPED.glob("*.pt"))


def load(named: str, device: torch.device | str = "cpu") -> Evaluator:
    """The evaluator of that name that comes with ganexp, or whose `.pt` file is named; UserError if it is not whole."""
    path = Path(named).expanduser() if named.endswith(".pt") else SHIPPED / f"{named}.pt"
    if not path.is_file() or not path.with_suffix(".json").is_file():
        raise UserError(
            f"data.evaluator={named}: no such evaluator; {did_you_mean(named, shipped())}, or name a .pt file with its "
            "card, a .json, beside it, as python -m ganexp.evaluator writes them"
        )
    content = path.read_bytes()
    try:
        card = json.loads(path.with_suffix(".json").read_text())
        name, described, architecture = card["name"], card["sha256"], _architecture(card)
        shape, classes = tuple(card["shape"]), len(card["classes"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"data.evaluator={named}: {path.with_suffix('.json')} is not a card ({error!r}); train it anew"
        ) from None
    if hashlib.sha256(content).hexdigest() != described:
        raise UserError(f"data.evaluator={named}: {path} is not the file that its card describes; train it anew")
    with torch.random.fork_rng(devices=[]):  # Weights are drawn, to be replaced: a run's stream must not feel it.
        network = Classifier(architecture, shape, classes)
    # Half precision is for the file alone: what is measured is measured in float32.
    try:
        network.load_state_dict(torch.load(path, weights_only=True))
    except Exception:  # torch.load raises whatever a file that holds no weights makes it stumble on.
        raise UserError(
            f"data.evaluator={named}: {path} does not hold the weights of its card's architecture; train it anew"
        ) from None
    network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Evaluator(name, network, card)


def save(network: Classifier, architecture: Architecture, recipe: Recipe, pictures: Pictures, path: Path) -> Evaluator:
    """Write `path` (.pt) and its card; the evaluator as it was written."""
    weights = {
        key: value.detach().cpu().contiguous().to(torch.float16 if value.is_floating_point() else value.dtype)
        for key, value in network.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(weights, path)
    card = {
        "name": path.stem,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "architecture": dataclasses.asdict(architecture),
        "recipe": vars(recipe),
        "parameters": sum(p.numel() for p in network.parameters()),
        "shape": list(pictures.shape),
        "classes": list(pictures.classes),
        "preprocessing": "uint8 / 127.5 - 1, never resized; then the network's own mean and deviation per channel",
        "data_sha256": pictures.sha256(),
    }
    write_card(path, card)
    return load(str(path))


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Beside the weights at `path`, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(card, indent=2) + "\n")
    os.replace(temporary, path.with_suffix(".json"))


def _architecture(card: dict[str, Any]) -> Architecture:
    options = card["architecture"]
    return Architecture(**options | {"widths": tuple(options["widths"])})
