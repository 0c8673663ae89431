"""In which keys two configurations differ, and which keys may differ when a run goes on."""

from collections.abc import Iterable, Iterator
from typing import Any

INERT = (
    "resume",
    "fork",
    "at",
    "start",
    "logger",
    "callback",
    "samples",
    "checkpoint",
    "data.second_evaluator",
    "trainer.log_every_n_steps",
    "trainer.graphs",
    "trainer.devices",
    "trainer.num_nodes",
    "model.summary",
)
"""Keys, or sections, that change nothing of what a run learns or of how it is ranked."""

MAY_DIFFER = (*INERT, "trainer.max_steps", "evaluation", "data.evaluator", "data.root")
"""Keys, or sections, that may differ from the run's own when it is resumed, because the run learns the same. Two are
special: `max_steps` changes the learning rates if they fall, and another `data.root` must hold the same pictures."""


def within(key: str, sections: Iterable[str]) -> bool:
    """Whether a key such as `checkpoint.every` is one of the sections or lies in one."""
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def differences(before: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The leaves of two nested dicts that differ: key, old value, new value."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {**before, **now}:
            yield from differences(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield key, before, now


def forbidden(before: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """The differences that would make a resumed run another one: key, old value, new value."""
    return (found for found in differences(before, now) if not within(found[0], MAY_DIFFER))
