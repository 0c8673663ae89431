"""A trained classifier: a file of half-precision weights, and a JSON card beside it."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganexp.data.dataset import Pictures
from ganexp.errors import UserError, did_you_mean
from ganexp.evaluators.classifier import Architecture, Classifier, ClassifierOptions
from ganexp.evaluators.fitting import Fitting
from ganexp.evaluators.lenet import LeNet
from ganexp.files import tensor_files
from ganexp.files.whole import write_whole
from ganexp.networks.layout import put_channels_last

log = logging.getLogger("ganexp")

SHIPPED = Path(__file__).parent
"""The folder of the evaluators that come with ganexp."""

ARCHITECTURES: dict[str, type[ClassifierOptions]] = {kind.kind: kind for kind in (Architecture, LeNet)}
"""By the name that a card gives them."""

BATCH_SIZE = 125
"""Pictures that the network sees at a time, for any batch size of the caller: so a score does not depend on the batch
size. The number divides `sampling.DRAWN_TOGETHER`, so the network sees generated pictures and those of a file in equal
batches."""


@dataclass(frozen=True)
class Evaluator:
    """A network in eval mode with its card. Metrics carry the evaluator's name."""

    name: str
    network: Classifier
    card: dict[str, Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the pictures that it measures."""
        channels, height, width = self.card["shape"]
        return channels, height, width

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.card["classes"])

    @property
    def architecture(self) -> ClassifierOptions:
        return _architecture(self.card)

    @property
    def fitting(self) -> Fitting:
        return Fitting(**self.card["recipe"])

    @property
    def device(self) -> torch.device:
        return self.network.mean.device

    @torch.no_grad()
    def embed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features float32 [N, F] and class probabilities float32 [N, K] of uint8 [N, C, H, W], on the CPU."""
        with _in_float32() if self.device.type == "cuda" else contextlib.nullcontext():
            outputs = [self.network(batch.to(self.device) / 127.5 - 1) for batch in images.split(BATCH_SIZE)]
        features, logits = map(torch.cat, zip(*outputs, strict=True))
        return features.cpu(), logits.softmax(1).cpu()

    def accuracy(self, pictures: Pictures) -> float:
        """Share of labelled pictures whose class the evaluator finds. The classes are the evaluator's own."""
        _, probabilities = self.embed(pictures.images)
        return (probabilities.argmax(1) == pictures.labels).double().mean().item()


@contextlib.contextmanager
def _in_float32() -> Iterator[None]:
    """Inside the block, CUDA computes in float32. With TF32, metrics would depend on the device, and on whether the
    process trains too."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def shipped() -> list[str]:
    """Names of the evaluators that come with ganexp."""
    return sorted(path.stem for path in SHIPPED.glob("*.pt"))


def dataset_of(sha256: str) -> str | None:
    """The name of the dataset that a shipped evaluator was trained on, by the hash of the pictures: `MNIST`."""
    cards = (json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8")) for name in shipped())
    return next((card["data"] for card in cards if card["data_sha256"] == sha256), None)


def load(named: str, device: torch.device | str = "cpu", key: str = "data.evaluator") -> Evaluator:
    """The evaluator that comes with ganexp under that name, or the one in the `.pt` file of that path.

    key: the key of the configuration that names it. UserError if there is none, or if a file is damaged. If the card
    says that it tells no classes apart, a warning says so.
    """
    path = Path(named).expanduser() if named.endswith(".pt") else SHIPPED / f"{named}.pt"
    if named.endswith(".pt") and not path.is_file():
        raise UserError(f"{key}={named}: no such file; to train one: python -m ganexp.evaluator data=… out={named}")
    if not path.is_file():
        raise UserError(
            f"{key}={named}: no such evaluator; {did_you_mean(named, shipped())}, or name a .pt file that "
            "python -m ganexp.evaluator wrote"
        )
    if not path.with_suffix(".json").is_file():
        raise UserError(
            f"{key}={named}: its card, {path.with_suffix('.json')}, is missing; put the card beside the file, or train "
            "the evaluator again"
        )
    content = path.read_bytes()
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        name, described, architecture = card["name"], card["sha256"], _architecture(card)
        shape, num_classes = tuple(card["shape"]), len(card["classes"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{key}={named}: {path.with_suffix('.json')} is not a card ({error!r}); train the evaluator again"
        ) from None
    if hashlib.sha256(content).hexdigest() != described:
        raise UserError(f"{key}={named}: {path} is not the file that its card describes; train the evaluator again")
    if only_guesses(card):
        log.warning(
            "Warning: %s=%s is no better than guessing (%.1f %% of its test pictures right, %d classes), "
            "so its metrics say nothing; train it for longer or on more pictures, or type %s=null",
            key,
            named,
            100 * card["test_accuracy"],
            num_classes,
            key,
        )
    with torch.random.fork_rng(devices=[]):  # The initial weights are random, and a run's random numbers must stay.
        network = architecture.network(shape, num_classes)
    try:
        # The file is in half precision to be small. The network computes in float32.
        network.load_state_dict(torch.load(path, weights_only=True))
    except Exception:  # torch.load raises errors of many types for a file that holds no weights.
        raise UserError(
            f"{key}={named}: {path} does not hold the weights of its card's architecture; train the evaluator again"
        ) from None
    network.eval().requires_grad_(False).to(device)
    put_channels_last(network)
    return Evaluator(name, network, card)


def only_guesses(card: dict[str, Any]) -> bool:
    """Whether the test pictures show no more than guessing. Older cards do not say what guessing reaches."""
    return card.get("test_accuracy", 1.0) <= card.get("guessing_accuracy", 1 / len(card["classes"]))


def save(
    network: Classifier, architecture: ClassifierOptions, fitting: Fitting, pictures: Pictures, path: Path
) -> Evaluator:
    """Write the weights to `path` (.pt) and the card beside them; the evaluator as it was written.

    pictures: all labelled pictures of the data that it was trained on. Their hash enters the card: it tells later
    whether the evaluator knows the pictures that it measures.
    """
    weights = {
        key: value.detach().cpu().contiguous().to(torch.float16 if value.is_floating_point() else value.dtype)
        for key, value in network.state_dict().items()
    }
    tensor_files.write(weights, path)
    card = {
        "name": path.stem,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "architecture": architecture.described(),
        "recipe": vars(fitting),
        "parameters": sum(p.numel() for p in network.parameters()),
        "shape": list(pictures.shape),
        "classes": list(pictures.classes),
        "preprocessing": "uint8 / 127.5 - 1, never resized; then the network's own mean and deviation per channel",
        "data_sha256": pictures.sha256(),
    }
    write_card(path, card)
    return load(str(path))


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write the card beside the weights at `path`, as a whole or not at all."""
    write_whole(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")


def _architecture(card: dict[str, Any]) -> ClassifierOptions:
    options = {"kind": Architecture.kind} | card["architecture"]  # Older cards name no kind.
    return ARCHITECTURES[options.pop("kind")](**options | {"widths": tuple(options["widths"])})
