"""`latest` in place of a run's folder: the newest run."""

from pathlib import Path

from ganexp.errors import UserError
from ganexp.run_folder.folder import RunFolder

WORD = "latest"


def resolve(run: str) -> Path:
    """The folder `run`; for the word `latest`, the run below `outputs/` whose last checkpoint is the newest.

    UserError if there is no such run. A folder that is called `latest` is taken before the word.
    """
    if run != WORD or Path(run).exists():
        return Path(run)
    checkpoints = list(Path("outputs").rglob(str(RunFolder(Path()).last)))
    if not checkpoints:
        raise UserError(
            f"{WORD}: no run below outputs/ has a checkpoint; name a run's folder, or train one: python -m ganexp.train"
        )
    return max(checkpoints, key=lambda checkpoint: checkpoint.stat().st_mtime).parents[1]
