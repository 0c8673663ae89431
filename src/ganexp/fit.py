"""The training of one run: data, game, Lightning's trainer, and what is watched beside it."""

import dataclasses
import gc
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from ganexp import build, loggers, results
from ganexp.callbacks.checkpoints import AtomicCheckpointIO, Checkpoints
from ganexp.callbacks.collapse import CollapseAlarm, Settings
from ganexp.callbacks.evaluation import Evaluation
from ganexp.callbacks.figures import Figures, ProgressBar
from ganexp.callbacks.interrupt import Interrupt
from ganexp.callbacks.samples import SampleGrid
from ganexp.callbacks.speed import Speed
from ganexp.config import Config
from ganexp.errors import UserError
from ganexp.memory import keep_freed_memory
from ganexp.protocols.in_domain import InDomain
from ganexp.record import Record
from ganexp.runs import Run

log = logging.getLogger("ganexp")


def fit(config: Config, overrides: list[str], run: Path, record: Record) -> None:
    """Train in the folder `run`; KeyboardInterrupt if a signal ended it early, with all saved."""
    if not gc.get_freeze_count():
        # What the imports left, a million objects, is not worth searching for garbage again and again. Once, and
        # before there is more: a sweep's later jobs would keep what the earlier ones left.
        gc.freeze()
    keep_freed_memory()
    on_terminal = sys.stderr.isatty()
    _quieten(on_terminal)
    data = build.dataset(config.data)
    pictures = data.load()
    about = {"name": type(data).__name__, "shape": pictures.shape, "classes": pictures.classes}
    record.write(data=about | {"sha256": pictures.sha256()})
    pl.seed_everything(config.seed, verbose=False)
    gan = build.gan(config, data, pictures)
    recording = build.loggers(config, run)
    for logger in recording:
        loggers.begin(logger, dataclasses.asdict(config))
    classes = len(pictures.classes) if config.model.conditional else 0
    grids = SampleGrid(run, config.samples.every, config.seed, config.model.latent_dim, classes)
    shown_weights = "ema" if config.train.ema_decay else "raw"
    interrupt = Interrupt()
    evaluations = []
    if config.evaluation.every and data.evaluator is not None:
        protocol = InDomain(data, pictures)
        evaluations = [
            Evaluation(run, protocol, config.evaluation.every, config.evaluation.samples, config.seed, classes)
        ]
    elif config.evaluation.every:
        log.warning(
            "Nothing is measured: data.evaluator is not set (python -m ganexp.evaluator trains one from labels)"
        )
    # Speed stands first, so that its last word does not count what is written at the end.
    callbacks = [
        Speed(record),
        Figures(config.trainer.log_every_n_steps),
        grids,
        *evaluations,
        CollapseAlarm(
            run,
            record,
            gan.loss,
            evaluations[0] if evaluations else None,
            Settings.of(config, labelled=pictures.labels is not None),
        ),
        Checkpoints(run, config.checkpoint.every, config.checkpoint.keep),
        interrupt,
        *[ProgressBar()] * on_terminal,
    ]
    trainer = _trainer(config, callbacks, recording, on_terminal)
    last = run / "checkpoints" / "last.ckpt" if config.resume else None
    try:
        trainer.fit(gan, Endless(), ckpt_path=last, weights_only=True)
    except SystemExit as end:  # What Lightning makes of a second Ctrl-C, or of a signal before the first iteration.
        name = interrupt.received.name if interrupt.received else str(end.__context__ or "")
        raise KeyboardInterrupt(name or "SIGINT") from None
    record.write(iterations=trainer.global_step)

    if interrupt.received:
        log.warning(
            "%s: stopped after iteration %d, all saved. To go on: python -m ganexp.train resume=%s",
            interrupt.received.name,
            trainer.global_step,
            _short(run),
        )
        raise KeyboardInterrupt(interrupt.received.name)
    if evaluations:
        evaluation = protocol.evaluate_run(Run.open(run), "best", shown_weights, config.evaluation.final, seed=0)
        log.info("%s", evaluation.table())
        results.conclude(evaluation, trainer.global_step, record, recording, overrides)
    log.info(
        "%d iterations at %.1f a second. Look at %s and %s; for the curves: tensorboard --logdir %s",
        trainer.global_step,
        record.contents.get("iterations_per_second", 0),
        _short(grids.path(trainer.global_step)),
        _short(grids.folder / "progress.gif"),
        _short(run),
    )


def _trainer(config: Config, callbacks: list[pl.Callback], recording: list[Logger], on_terminal: bool) -> pl.Trainer:
    """Lightning's, with what is done here taken out of its hands. UserError without the device that was asked for."""
    try:
        return pl.Trainer(
            max_steps=config.trainer.max_steps,
            max_epochs=-1,
            accelerator=config.trainer.accelerator,
            devices=config.trainer.devices,
            precision=config.trainer.precision,
            log_every_n_steps=config.trainer.log_every_n_steps,
            logger=recording,
            callbacks=callbacks,
            plugins=[AtomicCheckpointIO()],
            enable_checkpointing=False,
            enable_progress_bar=on_terminal,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
    except MisconfigurationException as error:
        raise UserError(
            f"trainer.accelerator={config.trainer.accelerator}: {error} Type trainer.accelerator=auto"
        ) from None


class Endless:
    """What Lightning's loop counts: batches are a function of the iteration, so nothing is loaded here."""

    def __iter__(self) -> Iterator[tuple[()]]:
        while True:
            yield ()


def _short(path: Path) -> Path:
    """As one would type it from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _quieten(on_terminal: bool) -> None:
    """Lightning's tips go nowhere; beside a progress bar, the lines of losses go to the file alone."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # It takes the average of G, always in eval mode, and a resume in mid-epoch for mistakes.
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
    warnings.filterwarnings("ignore", message=".*resuming from a checkpoint that ended before the epoch ended.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
    if on_terminal:
        losses = logging.getLogger("ganexp.losses")
        losses.propagate = False
        losses.handlers = [h for h in logging.getLogger().handlers if isinstance(h, logging.FileHandler)]
