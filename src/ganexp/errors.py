"""The one exception that is a user's mistake and not ours."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pydantic import ValidationError


class UserError(Exception):
    """Its text is one clear sentence: the key, the value, what is allowed, what to type next."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the near miss, or else all that is known."""
    known = sorted(set(known))
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return "".join(f"did you mean {word}? " for word in near) + f"Known: {', '.join(known)}"


def from_validation(error: ValidationError, prefix: str, known: Sequence[str] = ()) -> UserError:
    """Pydantic's findings, a line each, under the keys that a user typed."""
    lines = []
    for found in error.errors(include_url=False):
        key = ".".join(str(part) for part in (prefix, *found["loc"]) if part != "")
        value, message = found["input"], found["msg"]
        if found["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            message = f"no such key; {did_you_mean(str(found['loc'][-1]), known)}"
        elif found["type"] == "missing":
            lines.append(f"{key} is missing: add {key}=… to the command")
            continue
        message = message.removeprefix("Value error, ").removeprefix("Input ")
        lines.append(f"{key}={value}: {message}")
    return UserError("\n".join(lines))
