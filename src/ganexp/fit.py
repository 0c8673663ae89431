"""The training of one run: data, networks, Lightning's trainer and its callbacks."""

import dataclasses
import gc
import logging
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from ganexp import build, loggers, results
from ganexp.callbacks.callback import arranged, pauses
from ganexp.callbacks.checkpoints import AtomicCheckpointIO, Checkpoints
from ganexp.callbacks.collapse import CollapseAlarm, Settings
from ganexp.callbacks.evaluation import TrainingEvaluation
from ganexp.callbacks.interrupt import Interrupt
from ganexp.callbacks.samples import SampleGrid
from ganexp.callbacks.scalars import Curves, LossLines, ProgressBar
from ganexp.callbacks.speed import Speed
from ganexp.config import Config
from ganexp.console import progress
from ganexp.data.dataset import Pictures
from ganexp.errors import UserError
from ganexp.files import tensor_files
from ganexp.files.whole import from_here
from ganexp.fork import Fork
from ganexp.gan import GAN
from ganexp.networks import summary
from ganexp.networks.discriminator import Discriminator
from ganexp.networks.generator import Generator
from ganexp.processes import interruption, ranks, strategy
from ganexp.processes.memory import freed_memory_kept
from ganexp.protocols.in_domain import InDomain
from ganexp.run import Run
from ganexp.run_folder import checkpoints
from ganexp.run_folder.folder import RunFolder
from ganexp.run_folder.record import Record

log = logging.getLogger("ganexp")


def fit(config: Config, overrides: list[str], folder: RunFolder, record: Record, checkpoint: Path | None) -> None:
    """Train in `folder`, from `checkpoint` on if there is one.

    If a signal came, Interrupted is raised and says what is saved.
    """
    shows_bar = progress.visible()
    settle(shows_bar)
    data = build.dataset(config.data)
    world = strategy.processes(config.trainer) * config.trainer.num_nodes
    ranks.check_shares(data.batch_size, world)
    pictures = data.load()
    about = {"name": type(data).__name__, "shape": pictures.shape, "classes": pictures.classes}
    sha256 = pictures.sha256()
    record.write(data=about | {"sha256": sha256})
    pl.seed_everything(config.seed, verbose=False)
    gan = build.gan(config, data, pictures)
    if config.fork is not None and checkpoint is None:
        checkpoint = _forked(gan, config, folder, record)
    done, run_id = _restored(checkpoint)
    run_id = record.contents.get("id") or run_id
    record.write(id=run_id)
    run_loggers = build.loggers(config, folder, after=done)
    protocol, evaluations = None, []
    if config.evaluation.every and data.evaluator is not None:
        protocol = InDomain(data, pictures)
        every, n = config.evaluation.every, config.evaluation.samples
        evaluations = [TrainingEvaluation(folder, protocol, every, n, config.seed)]
    _describe(folder, about["name"], pictures, gan, record, config.model.summary)
    for logger in run_loggers:
        loggers.begin(logger, dataclasses.asdict(config))
    if config.evaluation.every and data.evaluator is None:
        log.warning(
            "Nothing is measured: data.evaluator=null. To measure labelled pictures: python -m ganexp.evaluator data=… "
            "out=mine.pt, and then data.evaluator=mine.pt"
        )
    settings = Settings.of(config, labelled=pictures.labels is not None)
    grids = SampleGrid(folder, config.samples.every, config.seed, gan.generator, pictures.classes)
    alarm = CollapseAlarm(folder, record, evaluations[0] if evaluations else None, settings)
    callbacks = arranged(
        [
            *build.callbacks(config),
            Speed(record),
            Curves(config.trainer.log_every_n_steps),
            LossLines(),
            *evaluations,
            alarm,
            Checkpoints(folder, config.checkpoint.every, config.checkpoint.keep, run_id, kept=alarm.rescues),
            grids,
        ]
    )
    gan.pauses = pauses(callbacks)
    trainer = make_trainer(config, [*callbacks, Interrupt(), *[ProgressBar()] * shows_bar], run_loggers, shows_bar)
    device = trainer.strategy.root_device
    threads = torch.get_num_threads()
    processor = f"{device}, {threads} thread{'s' * (threads > 1)}"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor
    if world > 1:
        name = f"{world} x {torch.cuda.get_device_name(device) if device.type == 'cuda' else device}"
    record.write(device=name)
    log.info("Training on %s: %s iterations of %d pictures", name, f"{trainer.max_steps:,}", data.batch_size)
    plan = strategy.Plan(
        dataclasses.asdict(config), str(folder.path), sha256, list(gan.pauses), str(checkpoint) if checkpoint else None
    )

    def lost() -> None:
        sentence = "Another process of this run ended; its own message stands above."
        log.error("The run failed: %s", sentence)
        record.write(status="failed", why=sentence)

    try:
        with freed_memory_kept(), strategy.told(trainer, plan, lost), strategy.explained(), progress.lines_above():
            trainer.fit(gan, Endless(), ckpt_path=checkpoint, weights_only=True)
            if done == trainer.max_steps:  # Lightning had nothing to train, so it called no callback.
                grids.end(gan, done)
    except SystemExit as end:  # Lightning raises it for a signal before iteration 1, and for a second signal.
        interruption.check()
        raise interruption.Interrupted(str(end.__context__ or "") or "SIGINT") from None
    record.write(iterations=trainer.global_step)
    if signal := interruption.received():
        raise interruption.Interrupted(signal.name, f"stopped after iteration {trainer.global_step}, all saved")

    if protocol is not None:
        try:
            run = Run.open(folder.path)
            evaluation = protocol.evaluate_run(run, "best", run.weights(None), config.evaluation.final, seed=0)
        except KeyboardInterrupt as interrupt:
            state = f"all {trainer.global_step} iterations are saved, but the run was not measured at its end"
            raise interruption.Interrupted(str(interrupt) or "SIGINT", state) from None
        log.info("%s", evaluation.table())
        results.conclude(evaluation, trainer.global_step, record, run_loggers, overrides)
    rate, minutes = record.contents.get("iterations_per_second"), record.contents.get("seconds", 0) / 60
    speed = f", {rate:.1f} a second" if rate else ""  # Unknown after a few iterations.
    log.info("Done: %s iterations in %.1f min%s", f"{trainer.global_step:,}", minutes, speed)
    log.info("Pictures: %s", from_here(folder.grid(trainer.global_step)))
    log.info("Curves:   tensorboard --logdir %s", from_here(folder.path))


def make_trainer(
    config: Config, callbacks: list[pl.Callback], run_loggers: list[Logger], shows_bar: bool
) -> pl.Trainer:
    """Lightning's trainer, without the parts that our callbacks replace. UserError if there is no such device."""
    try:
        devices = strategy.processes(config.trainer)
        several = devices * config.trainer.num_nodes > 1
        trainer = pl.Trainer(
            max_steps=config.trainer.max_steps,
            max_epochs=-1,
            accelerator=config.trainer.accelerator,
            devices=devices,
            num_nodes=config.trainer.num_nodes,
            strategy=strategy.Replicas() if several else "auto",
            precision=config.trainer.precision,
            log_every_n_steps=config.trainer.log_every_n_steps,
            logger=run_loggers,
            callbacks=callbacks,
            plugins=[AtomicCheckpointIO(), *[strategy.environment()] * several],
            enable_checkpointing=False,
            enable_progress_bar=shows_bar,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
    except MisconfigurationException as error:
        asked, why = config.trainer, " ".join(str(error).split())
        several = f" trainer.devices={asked.devices}" if asked.devices != 1 else ""
        instead = " trainer.devices=auto" if several else ""
        raise UserError(
            f"trainer.accelerator={asked.accelerator}{several}: {why} Type trainer.accelerator=auto{instead}"
        ) from None
    if trainer.strategy.root_device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32, as convolutions have it by default.
    return trainer


def _describe(folder: RunFolder, data: str, pictures: Pictures, gan: GAN, record: Record, layers: bool) -> None:
    """Say what is trained on which pictures, and record the sizes of the networks. layers: print the layers too."""
    channels, height, width = pictures.shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    labelled = f", {len(pictures.classes)} classes" if pictures.classes else ""
    networks: dict[str, Generator | Discriminator] = {"generator": gan.generator, "discriminator": gan.discriminator}
    sizes = {name: summary.parameters(network) for name, network in networks.items()}
    record.write(parameters=sizes)
    log.info("Run folder: %s", folder)
    log.info("Data: %s %s, %d x %d, %s%s", f"{len(pictures.images):,}", data, height, width, colour, labelled)
    log.info("Networks: %s", ", ".join(f"{name} of {size:,} parameters" for name, size in sizes.items()))
    if layers:
        with torch.random.fork_rng(devices=[]):
            images, labels = gan.batches[0]
            inputs = {"generator": torch.randn(len(images), gan.generator.latent_dim), "discriminator": images}
            for name, network in networks.items():
                log.info("%s\n%s", name, summary.layers(network, inputs[name], labels))


def _restored(checkpoint: Path | None) -> tuple[int, str]:
    """The iterations that a checkpoint has behind it, and the run's id. A new id if the checkpoint has none."""
    contents = checkpoints.read(checkpoint) if checkpoint is not None else {}
    return contents.get("global_step", 0), contents.get("run") or uuid.uuid4().hex


def _forked(gan: GAN, config: Config, folder: RunFolder, record: Record) -> Path | None:
    """The checkpoint that a forked run starts from, as a file; None if it starts from weights alone."""
    fork = Fork.of(config)
    record.write(fork={"run": str(fork.parent.folder), "iteration": fork.step, "start": config.start})
    log.info("Forked from %s at iteration %d", fork.parent.folder, fork.step)
    if config.start == "weights":
        gan.load_state_dict(fork.weights(gan))
        return None
    tensor_files.write(fork.state(gan, config), folder.start)
    return folder.start


class Endless:
    """An empty loader for Lightning's loop, which needs one. The batches are a function of the iteration."""

    def __iter__(self) -> Iterator[tuple[()]]:
        while True:
            yield ()


def freeze_imports() -> None:
    """Keep the garbage collector from searching the million objects that imports leave, again and again.

    They are frozen only once, before the first job: later, freezing would also keep the objects of earlier jobs.
    """
    if not gc.get_freeze_count():
        gc.freeze()


def settle(shows_bar: bool) -> None:
    """Prepare this process: its garbage collector and its messages.

    If there is a progress bar, losses are written only to the file. Lightning's tips are silenced.
    """
    freeze_imports()
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Lightning warns of two things that are right here: the average of G stays in eval mode, and a run may resume in
    # the middle of an epoch.
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
    warnings.filterwarnings("ignore", message=".*resuming from a checkpoint that ended before the epoch ended.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
    logging.captureWarnings(True)  # Else a warning is printed into the bar, and the log lacks it.
    if shows_bar:
        losses = logging.getLogger("ganexp.losses")
        losses.propagate = False
        handlers = [*logging.getLogger().handlers, *log.handlers]
        losses.handlers = [handler for handler in handlers if isinstance(handler, logging.FileHandler)]
