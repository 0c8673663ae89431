"""Packages that only some choices need, installed as extras: `pip install "ganexp[wandb]"`."""

from importlib.util import find_spec

from ganexp.errors import UserError


def require(what: str, extra: str, *packages: str) -> None:
    """UserError, with what to type, if a package that `what` needs is not installed. Nothing is imported."""
    missing = [package for package in packages if not _installed(package)]
    if missing:
        raise UserError(f'{what} needs {", ".join(missing)}: type pip install "ganexp[{extra}]"')


def _installed(package: str) -> bool:
    try:
        found = find_spec(package)
    except ModuleNotFoundError:  # The package that it is a part of is missing.
        return False
    # Python also finds a mere folder of that name, such as the wandb/ that earlier runs left; its origin is None.
    return found is not None and found.origin is not None
