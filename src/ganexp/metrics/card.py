"""What a score was measured with: two scores may be ranked if this is the same for both."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from ganexp.errors import UserError


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


def rank(scores: Iterable[tuple[str, float, Card]]) -> list[tuple[str, float]]:
    """(name, score), the lowest first. UserError that says what differs, if they cannot be compared."""
    scores = list(scores)
    for name, _, card in scores[1:]:
        if differs := differences(scores[0][2], card):
            raise UserError(
                f"{scores[0][0]} and {name} cannot be ranked, they were not measured alike ({'; '.join(differs)}): "
                "evaluate both again with the same options"
            )
    return sorted(((name, score) for name, score, _ in scores), key=lambda pair: pair[1])
