"""`latest` in place of a run's folder: the newest run."""

from pathlib import Path

from ganexp.errors import UserError
from ganexp.run_folder import find

WORD = "latest"


def resolve(run: str) -> Path:
    """The folder `run`; for the word `latest`, the run below `outputs/` whose last checkpoint is the newest.

    UserError if there is no such run. A folder that is called `latest` is taken before the word.
    """
    if run != WORD or Path(run).exists():
        return Path(run)
    saved = [folder for folder in find.runs(Path("outputs")) if folder.last.is_file()]
    if not saved:
        raise UserError(
            f"{WORD}: no run below outputs/ has a checkpoint; name a run's folder, or train one: python -m ganexp.train"
        )
    return max(saved, key=lambda folder: folder.last.stat().st_mtime).path
