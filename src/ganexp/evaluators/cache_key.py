"""Keys of the cache for what an evaluator computes. A key changes when the code that computes it changes."""

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ganexp import metrics
from ganexp.evaluators import classifier
from ganexp.evaluators.evaluator import BATCH_SIZE, Evaluator
from ganexp.metrics.frechet import Statistics


def key_of(evaluator: Evaluator, *about: Any) -> str:
    """A key for results that this evaluator computes: it changes with the weights, with the code that turns pictures
    into features, and with the values `about`. Code that trains evaluators does not change it."""
    own = code_of(sys.modules[type(evaluator.architecture).__module__])
    made_by = (code_of(classifier), own, code_of(Evaluator.embed), code_of(Statistics))
    described = (evaluator.name, evaluator.card["sha256"], evaluator.architecture, BATCH_SIZE, made_by, about)
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


def code_of_metrics() -> tuple[str, ...]:
    """The code of all metrics."""
    files = sorted(Path(metrics.__path__[0]).glob("*.py"))
    return tuple(_without_words(file.read_text(encoding="utf-8")) for file in files)


def code_of(thing: ModuleType | type | Callable[..., Any]) -> str:
    """The code of a module, class or function."""
    return _without_words(textwrap.dedent(inspect.getsource(thing)))


@cache
def _without_words(source: str) -> str:
    """The same code for any comments, docstrings and arrangement of lines."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not _is_docstring(statement)]
    return ast.dump(tree)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
