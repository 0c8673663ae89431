"""Training from Python: the same as the command, in a process that belongs to somebody else."""

import gc
import io
import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import assert_learned_the_same, last
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

import ganexp
from ganexp.errors import UserError
from ganexp.gan import GAN
from ganexp.run import Run

FORMS = """
import sys
import ganexp
assert not {"torch", "hydra", "ganexp.train"} & {*sys.modules}
assert {"load", "runs", "sweep", "train"} <= {*dir(ganexp)}
named = ganexp.train
import ganexp.train
import ganexp.train as renamed
from ganexp import train
from ganexp.train import main
import importlib
assert named is ganexp.train is renamed is train is importlib.import_module("ganexp.train")
assert callable(train) and train.main is main
assert "torch" not in sys.modules
"""


def test_train_is_one_thing_however_it_is_imported_and_nothing_heavy_comes_along():
    subprocess.run([sys.executable, "-W", "error", "-c", FORMS], check=True, timeout=300)


def test_the_module_is_the_command_too():
    command = [sys.executable, "-W", "error", "-m", "ganexp.train", "--version"]
    done = subprocess.run(command, text=True, capture_output=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ganexp {ganexp.__version__}\n", "")


def names(run: Path) -> list[str]:
    return sorted(re.sub(r"tfevents.*", "tfevents", str(path.relative_to(run))) for path in run.rglob("*"))


def lines(log: Path) -> list[str]:
    """A log without what differs between two equal runs: times, paths and speeds."""
    return [
        re.sub(r"^\S+ \S+ | in \S+ min.*|About.*", "", line)
        for line in log.read_text().splitlines()
        if "outputs" not in line
    ]


@pytest.fixture(scope="module")
def called(tmp_path_factory) -> Run:
    """A run of `tiny`, trained by a call."""
    from conftest import TINY

    folder = tmp_path_factory.mktemp("called")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run = ganexp.train(*TINY, "hydra.run.dir=run")
    assert isinstance(run, Run) and run.path == folder / "run"
    return run


def test_a_call_leaves_the_folder_of_the_command(called, trained, tiny):
    ours, theirs = called.path, trained(*tiny)
    assert names(ours) == names(theirs)
    for name in ("config.yaml", "overrides.yaml"):
        assert (ours / ".hydra" / name).read_text() == (theirs / ".hydra" / name).read_text()
    record, other = (json.loads((run / "run.json").read_text()) for run in (ours, theirs))
    assert record.keys() == other.keys()
    assert (record["command"], record["status"]) == (other["command"], "finished")
    assert lines(ours / "train.log") == lines(theirs / "train.log")
    assert_learned_the_same(ours, theirs)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_process_keeps_its_hydra_its_logging_and_its_random_numbers(here, tiny, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    gc.unfreeze()
    (here / "theirs").mkdir()
    (here / "theirs" / "mine.yaml").write_text("key: 1\nname: ${theirs:}\n")
    OmegaConf.register_new_resolver("theirs", lambda: "ours", replace=True)
    root, theirs = logging.getLogger(), logging.StreamHandler(io.StringIO())
    root.addHandler(theirs)

    def state():
        loggers = [root, *map(logging.getLogger, ("ganexp", "ganexp.losses", "pytorch_lightning", "py.warnings"))]
        return (
            [(x.level, x.propagate, x.handlers[:]) for x in loggers],
            (sys.argv[:], dict(os.environ), os.getcwd(), warnings.filters[:], warnings.showwarning),
            (threading.excepthook, logging.raiseExceptions, gc.get_freeze_count() > 0, torch.get_default_dtype()),
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
            (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
        )

    torch.set_default_dtype(torch.float64)  # The run is of float32 all the same.
    try:
        with initialize_config_dir(str(here / "theirs"), version_base="1.2"):
            own, before = GlobalHydra.instance(), state()
            for folder in ("one", "two"):
                ganexp.train(*tiny, f"hydra.run.dir={folder}")
            assert state() == before
            assert GlobalHydra.instance() is own
            assert compose("mine") == {"key": 1, "name": "ours"}
    finally:
        torch.set_default_dtype(torch.float32)
        root.removeHandler(theirs)
    assert_learned_the_same(here / "one", here / "two")
    assert all(weights.dtype != torch.float64 for weights in last(here / "one")["state_dict"].values())


@pytest.mark.parametrize(("level", "said"), [(logging.INFO, True), (logging.WARNING, False)])
def test_a_process_with_handlers_of_its_own_hears_what_its_level_lets_through(here, tiny, capsys, level, said):
    root, heard = logging.getLogger(), io.StringIO()
    handler, before = logging.StreamHandler(heard), root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        ganexp.train(*tiny, "hydra.run.dir=run")
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
    assert ("Run folder: run" in heard.getvalue()) == said
    assert "Run folder: run" in (here / "run" / "train.log").read_text()
    assert "Run folder" not in capsys.readouterr().err


def test_a_process_without_handlers_is_told_on_stderr(here, tiny, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    ganexp.train(*tiny, "hydra.run.dir=run")
    assert capsys.readouterr().err.startswith("Run folder: run\nData: 64 Fake")


@pytest.mark.parametrize(
    "typed",
    ["model=vanila", "model.hidden=0", "trainer.max_stps=3", "resume=nowhere"],
)
def test_a_mistake_is_an_exception_with_the_sentence_of_the_command(train, tiny, capsys, typed):
    said = train(*tiny, typed).stderr
    with pytest.raises(UserError) as mistake:
        ganexp.train(*tiny, typed)
    assert f"{mistake.value}\n" == said
    assert capsys.readouterr().err == "", "the exception says all"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-m", "seed=0,1"], "several runs are ganexp.sweep(…), without -m"),
        (["--cfg=job"], "--cfg=job: a flag of the command line; in Python leave it out"),
        ([["model=vanilla"]], "type each word as a text of its own"),
    ],
)
def test_what_only_a_command_line_can_say_is_refused(words, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        ganexp.train(*words)


def test_another_error_is_raised_as_it_is_and_recorded(here, tiny, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("bad luck")

    monkeypatch.setattr("ganexp.fit.fit", broken)
    with pytest.raises(ZeroDivisionError, match="bad luck"):
        ganexp.train(*tiny, "hydra.run.dir=run")
    assert json.loads((here / "run" / "run.json").read_text())["why"] == "ZeroDivisionError: bad luck"
    assert "Traceback" in (here / "run" / "train.log").read_text()


def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, somebody presses the stop button after two iterations."""
    iterate = GAN.iterate

    def iterate_and_stop(self, step):
        iterate(self, step)
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(GAN, "iterate", iterate_and_stop)


def test_the_stop_button_saves_the_run_and_the_process_goes_on_with_it(here, trained, tiny, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted(patch)
        with pytest.raises(KeyboardInterrupt):
            ganexp.train(*tiny, "hydra.run.dir=run")
    assert ganexp.load("run").record["status"] == "interrupted"
    run = ganexp.train("resume=run")
    assert run.record["status"] == "finished"
    assert_learned_the_same(run.path, trained(*tiny))


def test_a_thread_may_train_also_after_an_interrupt(here, tiny, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted(patch)
        with pytest.raises(KeyboardInterrupt):
            ganexp.train(*tiny, "hydra.run.dir=stopped")
    done: list[Run] = []
    thread = threading.Thread(target=lambda: done.append(ganexp.train(*tiny, "hydra.run.dir=run")))
    thread.start()
    thread.join()
    assert [run.record["iterations"] for run in done] == [4]


def test_two_runs_at_once_are_refused(here, tiny, monkeypatch):
    refused: list[str] = []
    iterate = GAN.iterate

    def try_another(self, step):
        iterate(self, step)
        if not refused:
            with pytest.raises(UserError) as refusal:
                ganexp.train(*tiny)
            refused.append(str(refusal.value))

    monkeypatch.setattr(GAN, "iterate", try_another)
    ganexp.train(*tiny, "hydra.run.dir=run")
    assert refused[0].startswith("another run trains in this process")


def test_a_run_of_several_processes_is_left_to_its_launcher(tiny, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="torchrun started 2 processes"):
        ganexp.train(*tiny)


def test_a_sweep_is_a_list_of_runs_in_the_order_of_its_jobs(here, tiny):
    swept = ganexp.sweep(*tiny, "model.hidden=4,8", "samples.every=0", "hydra.sweep.dir=s")
    assert [run.config.model.hidden for run in swept] == [4, 8]
    assert (here / "s" / "report.html").is_file()
    assert [run.path for run in ganexp.runs("s")] == [Path("s", run.path.name) for run in swept]


@pytest.mark.slow
def test_the_other_jobs_of_a_sweep_run_before_a_mistake_is_raised_and_the_command_goes_on_with_it(
    train, here, tiny, monkeypatch, capsys
):
    def broken(config, *_):
        raise ZeroDivisionError(f"bad luck {config.seed}")

    with monkeypatch.context() as patch:
        patch.setattr("ganexp.fit.fit", broken)
        with pytest.raises(ZeroDivisionError, match="bad luck 0"):
            ganexp.sweep(*tiny, "seed=0,1", "hydra.sweep.dir=s", "hydra.sweep.subdir=seed-${seed}")
    assert "2 jobs did not finish:" in capsys.readouterr().err
    assert train("-m", "resume=s").returncode == 0
    assert "iterations of 8 pictures" in (here / "s" / "seed-1" / "train.log").read_text()
    assert [run.config.seed for run in ganexp.runs("s")] == [0, 1]


@pytest.mark.slow
def test_jobs_side_by_side_are_a_list_of_runs_too(here, tiny):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=s"]
    swept = ganexp.sweep(*tiny, "seed=0,1", *joblib)
    assert [run.config.seed for run in swept] == [0, 1]
    assert all("Done: 4 iterations" in run.folder.log.read_text() for run in swept)
    with pytest.raises(UserError, match=r"model\.hidden=0: must be at least 1"):
        ganexp.sweep(*tiny, "model.hidden=0,8", *joblib[:2])


def test_runs_are_those_with_a_checkpoint(called, here, trained, tiny):
    (here / "begun").mkdir()
    (here / "begun" / "run.json").write_text('{"status": "failed"}')
    with pytest.raises(UserError, match=r"root=\.: no run below this folder has a checkpoint"):
        ganexp.runs(".")
    with pytest.raises(UserError, match="root=nowhere: there is no such folder"):
        ganexp.runs("nowhere")
    assert [run.path for run in ganexp.runs(called.path.parent)] == [called.path]
