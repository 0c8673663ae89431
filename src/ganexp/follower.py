"""The processes of a run other than process 0: they train what process 0 tells, and write only their own failures."""

import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

import pytorch_lightning as pl
from pydantic import TypeAdapter

from ganexp import build
from ganexp.callbacks.interrupt import Interrupt
from ganexp.config import Config
from ganexp.console import messages
from ganexp.errors import UserError
from ganexp.fit import Endless, make_trainer, settle
from ganexp.processes import ranks, strategy
from ganexp.processes.memory import freed_memory_kept
from ganexp.run_folder.folder import RunFolder

log = logging.getLogger("ganexp")


def follow() -> NoReturn:
    """Wait for process 0, train with it, and end the process."""
    ranks.end_with_parent()
    logging.basicConfig(level=logging.ERROR)
    code = 1
    try:
        plan = strategy.hear()
        if plan is not None:
            _log_failures(RunFolder(Path(plan.folder)))
            _train(plan)
        code = 0
    except ConnectionError as error:  # Process 0 says why.
        log.error("Process %d: %s", ranks.rank(), error)
    except KeyboardInterrupt:
        code = 130
    except UserError as error:
        log.error("Process %d: %s", ranks.rank(), error)
    except BaseException:
        log.exception("Process %d failed:", ranks.rank())
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)  # An orderly end would wait for the process group, which is broken after a failure.


def _train(plan: strategy.Plan) -> None:
    config: Config = TypeAdapter(Config).validate_python(plan.config)
    settle(shows_bar=False)
    data = build.dataset(config.data)
    pictures = data.load()
    if pictures.sha256() != plan.sha256:
        raise UserError("data: the pictures on this host are not those on the host of process 0; copy them from there")
    pl.seed_everything(config.seed, verbose=False)
    gan = build.gan(config, data, pictures)
    gan.pauses = plan.pauses
    trainer = make_trainer(config, [Interrupt()], [], shows_bar=False)
    with freed_memory_kept(), strategy.explained():
        trainer.fit(gan, Endless(), ckpt_path=plan.checkpoint, weights_only=True)


def _log_failures(folder: RunFolder) -> None:
    """Write to the run's log, if this host sees the run's folder."""
    if folder.path.is_dir():
        logging.getLogger().addHandler(messages.to_file(folder.log))
