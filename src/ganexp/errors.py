"""The one exception that is a user's mistake and not ours."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pydantic import ValidationError


class UserError(Exception):
    """Its text is one clear sentence: the key, the value, what is allowed, what to type next."""


FEW = 20
"""Names that may be listed behind a near miss without hiding it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the near miss, or the keys that end in the word; all that is known if there are few, or
    none is near."""
    known = sorted(set(known))
    near = [key for key in known if key.endswith(f".{word}")] or get_close_matches(word, known, n=1, cutoff=0.6)
    sentences = [f"did you mean {' or '.join(near)}?"] * bool(near)
    if not near or len(known) <= FEW:
        sentences.append(f"Known: {', '.join(known)}")
    return " ".join(sentences)


def from_validation(error: ValidationError, prefix: str, known: Sequence[str] = ()) -> UserError:
    """Pydantic's findings, a line each, under the keys that a user typed."""
    lines = []
    for found in error.errors(include_url=False):
        key = ".".join(str(part) for part in (prefix, *found["loc"]) if part != "")
        value, message = found["input"], found["msg"]
        if found["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            message = f"no such key; {did_you_mean(str(found['loc'][-1]), known)}"
        elif found["type"] == "tuple_type":
            message = f"should be a list: type {key}=[{value}]"
        elif found["type"] == "missing" and isinstance(found["loc"][-1], int):
            lines.append(f"{key.rpartition('.')[0]}: too few values; there is none at place {found['loc'][-1] + 1}")
            continue
        elif found["type"] == "missing":
            lines.append(f"{key} is missing: add {key}=… to the command")
            continue
        message = message.removeprefix("Value error, ").removeprefix("Input ")
        lines.append(f"{key}={value}: {message}")
    return UserError("\n".join(lines))
