"""What a score was measured with: two scores may be ranked if this is the same for both."""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """evaluator, reference: names, each with the sha256 of its weights or pictures. samples: how many were measured.

    weights: `ema` or `raw`, or `given` for pictures of which nothing is known. seed: of the latents.
    """

    evaluator: str
    evaluator_sha256: str
    reference: str
    reference_sha256: str
    samples: int
    weights: str
    seed: int | None


def differences(a: Card, b: Card) -> list[str]:
    """What differs, in words: `samples: 10000 against 5000`."""
    pairs = ((f.name, getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(Card))
    return [f"{name}: {mine} against {other}" for name, mine, other in pairs if mine != other]
