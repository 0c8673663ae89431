"""Where the evaluation of a run is kept: `metrics.jsonl`, `run.json`, pictures, and the loggers."""

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL.Image import Image
from pytorch_lightning.loggers import Logger
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from ganexp import loggers
from ganexp.evaluation import Evaluation
from ganexp.files.whole import whole
from ganexp.run import Run
from ganexp.run_folder import started
from ganexp.run_folder.record import Record

log = logging.getLogger("ganexp")


def keep(run: Run, evaluation: Evaluation, typed: str | None, neighbours: Image, predicted: Tensor | None) -> None:
    """Write an evaluation into the run's folder: a line of `metrics.jsonl`, `samples/neighbours.png`, and events for
    TensorBoard. If the evaluation is of another kind than the run's own, the names of its files and curves say what
    differs. An evaluation of the run's own kind also concludes a run that is finished.

    typed: `data.evaluator`, as it was typed. neighbours: a sheet of samples and their nearest training pictures.
    predicted: the class of each sample, int64 [N], or None. A folder that cannot be written gets a
    warning, so that the evaluation is not lost.
    """
    with _warned_if_not_writable(run):
        run.folder.append_metrics(evaluation.to_json())
        suffix = difference_from_own(run, evaluation, typed)
        sheet = run.folder.neighbours(suffix)
        with whole(sheet) as temporary:
            neighbours.save(temporary)
        _write_events(run.path, evaluation, suffix, sheet, predicted)
        if not suffix and run.record["status"] == "finished":
            overrides = [str(override) for override in started.glance(run.folder.overrides) or []]
            record, logger = Record(run.folder, resumed=True), loggers.TensorBoard().open(run.path)
            conclude(evaluation, run.record["iterations"], record, [logger], overrides)
            logger.finalize("success")


def keep_line(run: Run, evaluation: Evaluation) -> None:
    """Write an evaluation into the run's `metrics.jsonl` alone, or warn if that is not possible."""
    with _warned_if_not_writable(run):
        run.folder.append_metrics(evaluation.to_json())


def conclude(
    evaluation: Evaluation, iterations: int, record: Record, run_loggers: Sequence[Logger], overrides: Sequence[str]
) -> None:
    """End a run with its evaluation: `run.json` and the loggers get the final metrics.

    iterations: how many the run has made. overrides: what was typed on the command line, for TensorBoard's table of
    runs.
    """
    record.write(evaluation=dataclasses.replace(evaluation, iterations=iterations).to_json())
    for logger in run_loggers:
        loggers.finish(logger, overrides, evaluation.metrics, iterations)


def difference_from_own(run: Run, evaluation: Evaluation, typed: str | None) -> str:
    """In what an evaluation is of another kind than the run's own, such as `_raw_samples-200`; empty for its own kind.

    The run's own kind is what the end of its training measures. typed: `data.evaluator`, as it was typed.
    """
    card, config = evaluation.card, run.config
    if own := run.record.get("evaluation", {}).get("card"):
        same_evaluator = (card.evaluator, card.evaluator_sha256) == (own["evaluator"], own["evaluator_sha256"])
    else:
        same_evaluator = config.data.get("evaluator") in (None, typed)
    checkpoint = str(evaluation.checkpoint)
    parts = {
        card.evaluator: same_evaluator,
        f"data-{str(card.reference_sha256)[:8]}": card.reference_sha256 == run.record["data"]["sha256"],
        card.weights: card.weights == ("ema" if config.train.ema_decay else "raw"),
        f"samples-{card.samples}": card.samples == config.evaluation.final,
        f"seed-{card.seed}": card.seed == 0,
        Path(checkpoint).stem: checkpoint == run.checkpoint().stem,
    }
    return "".join(f"_{part}" for part, own_kind in parts.items() if not own_kind)


def _write_events(folder: Path, evaluation: Evaluation, suffix: str, sheet: Path, predicted: Tensor | None) -> None:
    step = evaluation.step
    assert step is not None
    with SummaryWriter(str(folder)) as writer:
        for name, value in evaluation.metrics.items():
            writer.add_scalar(f"evaluation{suffix}/{name}", value, step)
        if predicted is not None:
            writer.add_histogram(f"evaluation{suffix}/classes", predicted, step)
        caption = "Samples, and below each sample the training picture that is nearest to it for the evaluator"
        loggers.add_picture(writer, f"evaluation{suffix}/neighbours", sheet, step, caption)


@contextmanager
def _warned_if_not_writable(run: Run) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.warning("The evaluation is not kept in the run's folder, which cannot be written: %s", error)
