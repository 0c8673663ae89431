"""The one exception for a user's mistake, and the words in which ganexp tells mistakes."""

import errno
import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from ganexp import synonyms


class UserError(Exception):
    """Its text is one clear sentence: the key, the value, what is allowed, what to type next."""


FEW = 20
"""At most so many names are listed behind a near miss: more would hide the near miss."""

MUST = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number, not inf or nan",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be one text",
    "greater_than": "must be greater than {gt:.10g}",
    "greater_than_equal": "must be at least {ge:.10g}",
    "less_than": "must be less than {lt:.10g}",
    "less_than_equal": "must be at most {le:.10g}",
    "literal_error": "must be {expected}",
    "dict_type": "is a group of keys, not one value",
    "dataclass_type": "is a group of keys, not one value",
}
"""Pydantic's type of an error, and the words for it here."""


ENVIRONMENT = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your quota of the disk is used up: free some space",
    errno.EFBIG: "the disk takes no file of this size: use another disk",
    errno.EROFS: "the disk can only be read: use another folder",
    errno.EACCES: "no permission to read or write: change the permissions, or use another folder",
    errno.EPERM: "no permission to read or write: change the permissions, or use another folder",
    errno.ENOENT: "no such file or folder: check the path, perhaps somebody removed the folder",
    errno.ENOTDIR: "a part of the path is a file: name another path",
    errno.ESTALE: "the folder is gone: the network disk lost it",
    errno.EIO: "the disk has an error: check the disk",
    errno.ENAMETOOLONG: "the name is too long: use a shorter one",
    errno.EMFILE: "too many files are open: raise the limit with ulimit -n",
}
"""What a system's refusal means, and what to do. Such a refusal is no fault of the program."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the near misses, or with the keys that end in the word. If there are few names, or if no name is
    near, the sentence lists all names."""
    known = sorted(set(known))
    near = [key for key in known if key.endswith(f".{word}")] or get_close_matches(word, known, n=1, cutoff=0.6)
    sentences = [f"did you mean {' or '.join(near)}?"] * bool(near)
    if not near or len(known) <= FEW:
        sentences.append(f"Known: {', '.join(known)}")
    return " ".join(sentences)


def no_such_key(key: str, known: Sequence[str]) -> str:
    """A sentence that refuses `key`. For a word of another tool it names our key, for any other word the near miss."""
    return f"{key}: no such key; {synonyms.sentence(key, known) or did_you_mean(key, known)}"


def from_validation(error: ValidationError, prefix: str, known: Sequence[str] = ()) -> UserError:
    """Pydantic's findings, one line for each, under the keys that a user typed."""
    return UserError("\n".join(_sentence(found, prefix, known) for found in error.errors(include_url=False)))


def from_omegaconf(error: OmegaConfBaseException) -> UserError:
    """OmegaConf's refusal of an interpolation, `${…}`, or of a value that it cannot hold."""
    message = str(error).splitlines()[0]
    message = message.rpartition("while resolving interpolation: ")[2].strip('"')
    return UserError(f"{error.full_key}: {message}" if error.full_key else message)


def from_system(error: OSError, folder: str | None = None) -> UserError | None:
    """The system's refusal to read or write a file, as a sentence; None for an error that a program should not make.

    folder: named where the error names no file.
    """
    path = error.filename or folder
    if error.errno not in ENVIRONMENT or path is None:
        return None
    return UserError(f"{path}: {ENVIRONMENT[error.errno]} ({error.strerror})")


def _sentence(found: Any, prefix: str, known: Sequence[str]) -> str:
    key = ".".join(str(part) for part in (prefix, *found["loc"]) if part != "")
    kind, value, last = found["type"], _shown(found["input"]), found["loc"][-1] if found["loc"] else ""
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{key}={value}: {no_such_key(str(last), known).partition(': ')[2]}"
    if kind == "missing" and isinstance(last, int):
        return f"{key.rpartition('.')[0]}: value {last + 1} is missing; type all values"
    if kind == "missing":
        return f"{key} is missing: add {key}=… to the command"
    if kind in ("tuple_type", "list_type"):
        return f"{key}={value}: must be a list: type {key}=[{value}]"
    about = {name: str(v).replace("'", "") if name == "expected" else v for name, v in found.get("ctx", {}).items()}
    message = MUST[kind].format(**about) if kind in MUST else found["msg"]
    return f"{key}={value}: {message.removeprefix('Value error, ').removeprefix('Input ')}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
