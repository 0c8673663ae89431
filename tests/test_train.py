"""The command, as a user types it."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest
import torch
from conftest import assert_learned_the_same, last, only_run
from PIL import Image

from ganexp.errors import UserError
from ganexp.gan import GAN


def test_a_run_leaves_the_folder_that_the_readme_lists(trained, tiny):
    run = trained(*tiny, "samples.every=2")
    files = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
    assert {
        ".hydra/config.yaml",
        "train.log",
        "run.json",
        "checkpoints/last.ckpt",
        "checkpoints/step-000004.ckpt",
        "samples/step-000000.png",
        "samples/step-000004.png",
        "samples/progress.gif",
    } <= files
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "finished" and record["iterations"] == 4 and record["seed"] == 0
    assert record["command"].startswith("python -m ganexp.train data=fake")
    assert record["versions"]["torch"] == torch.__version__ and record["iterations_per_second"] > 0
    assert {"git_commit", "peak_mb", "start_seconds", "data"} <= record.keys()
    assert Image.open(run / "samples" / "progress.gif").n_frames == 3
    *_, pictures, curves = (run.parent / "stderr").read_text().strip().splitlines()
    assert "samples/step-000004.png" in pictures and "tensorboard --logdir" in curves


@pytest.mark.parametrize("typed", [[], ["train.n_critic=5"]])
def test_max_steps_counts_iterations_whatever_n_critic_is(trained, tiny, typed):
    checkpoint = last(trained(*tiny, *typed))
    generator, discriminator = checkpoint["optimizer_states"]
    assert checkpoint["global_step"] == 4
    assert generator["state"][0]["step"] == 4
    assert discriminator["state"][0]["step"] == 4 * (5 if typed else 1)


def test_a_keyboard_interrupt_that_lightning_catches_ends_the_run_too(train, tiny, tmp_path, monkeypatch):
    def stop(self, step):
        raise KeyboardInterrupt

    monkeypatch.setattr("ganexp.gan.GAN.iterate", stop)
    assert train(*tiny, "hydra.run.dir=run").returncode == 130
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"


def test_half_precision_trains(train, tiny, tmp_path):
    done = train(*tiny, "trainer.precision=bf16-mixed", "regularizer=r1", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert all(value.isfinite().all() for value in last(tmp_path / "run")["state_dict"].values())


def test_the_seed_decides_every_bit(train, trained, tiny, tmp_path):
    for seed in (0, 4):
        train(*tiny, f"seed={seed}", f"hydra.run.dir={tmp_path / str(seed)}")
    assert_learned_the_same(trained(*tiny), tmp_path / "0")
    weights = [last(tmp_path / name)["state_dict"]["ema.body.0.weight"] for name in ("0", "4")]
    assert not torch.equal(*weights)


def test_a_sweep_has_a_readable_folder_a_job_and_ends_with_its_report_also_if_a_job_failed(
    train, tiny, tmp_path, monkeypatch
):
    there, left, begin = [], [], GAN.__init__

    def remembered(self, *args, **options):
        begin(self, *args, **options)
        left.append(sum(gan() is not None for gan in there))
        there.append(weakref.ref(self))

    monkeypatch.setattr(GAN, "__init__", remembered)
    gc.disable()  # In a long run, Python's own collections are rare.
    try:
        done = train("-m", *tiny, "model.latent_dim=4,8,0")
    finally:
        gc.enable()
    assert done.returncode == 2 and "model.latent_dim=0" in done.stderr
    sweep = only_run(tmp_path)
    jobs = sorted(p.name for p in sweep.iterdir() if p.is_dir())
    assert [job.partition("latent_dim-")[2] for job in jobs] == ["4", "8", "0"]
    for job in jobs[:2]:
        assert list((sweep / job).glob("events.out.tfevents.*"))
    assert "The report of 3 runs is outputs/" in done.stderr
    assert "2 finished, 1 failed" in (sweep / "report.html").read_text()
    assert left == [0, 0], "nothing is kept of a job that is done"


@pytest.mark.parametrize(("error", "status"), [(UserError, 2), (ValueError, 1)])
def test_nothing_is_kept_of_a_job_that_failed(train, tiny, monkeypatch, error, status):
    there, left, begin = [], [], GAN.__init__

    def remembered(self, *args, **options):
        begin(self, *args, **options)
        left.append(sum(gan() is not None for gan in there))
        there.append(weakref.ref(self))

    def failing(self, step):
        raise error("It failed.")

    monkeypatch.setattr(GAN, "__init__", remembered)
    monkeypatch.setattr(GAN, "iterate", failing)
    assert train("-m", *tiny, "seed=0,1,2").returncode == status
    assert left == [0, 0, 0]


def assert_saved(run: Path, number: signal.Signals, printed: str) -> None:
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "interrupted" and record["why"] == number.name
    assert last(run)["global_step"] == record["iterations"]
    assert "resume=" in printed and "Traceback" not in printed


def test_a_signal_ends_the_run_with_everything_saved(train, tiny, tmp_path, monkeypatch):
    iterate = GAN.iterate

    def interrupted(self, step):
        iterate(self, step)
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(GAN, "iterate", interrupted)
    done = train(*tiny, "trainer.max_steps=1000000", "hydra.run.dir=run")
    assert done.returncode == 130
    assert_saved(tmp_path / "run", signal.SIGINT, done.stderr)
    assert last(tmp_path / "run")["global_step"] in (3, 4), "the iteration under way, or the next pause"


@pytest.mark.slow
def test_a_signal_from_outside_ends_the_process_too(tiny, tmp_path):
    command = [sys.executable, "-m", "ganexp.train", *tiny, "trainer.max_steps=1000000"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        deadline = time.time() + 60
        while not list(tmp_path.glob("outputs/*/checkpoints/last.ckpt")) and time.time() < deadline:
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert_saved(only_run(tmp_path), signal.SIGTERM, printed)


MISTAKES = {
    "model.hiden=3": ["model.hiden", "did you mean model.hidden?"],
    "model=vanila": ["model=vanila", "did you mean vanilla?"],
    "regularizer=[r1,r3]": ["regularizer=r3: no such option", "r1_lazy, r2"],
    "modle=vanilla": ["modle", "did you mean model?"],
    "model.hidden=abc": ["model.hidden=abc", "must be a whole number"],
    "model.hidden=0": ["model.hidden=0", "must be at least 1"],
    "trainer.devices=0": ["trainer.devices=0: must be a whole number from 1 on, or auto"],
    "trainer.devices=3": ["data.batch_size=8: 3 processes cannot share it equally; type data.batch_size=9"],
    "trainer.num_nodes=2": ["trainer.num_nodes=2", "torchrun or srun"],
    "trainer.precision=8": ["trainer.precision=8", "must be 32-true or bf16-mixed"],
    "+loss.smoothin=0.1": ["loss.smoothin=0.1", "did you mean smoothing?"],
    "loss.smoothing=2": ["loss.smoothing=2", "must be at most 1"],
    "network.discriminator_norm=layer": ["network.discriminator_norm=layer", "must be auto, batch or none"],
    "optimizer.generator.lr=-1": ["optimizer.generator.lr=-1", "greater than 0"],
    "data.batch_size=1000": ["data.batch_size=1000", "64"],
    "model.hidden": ["model.hidden", "key=value"],
    "model.hidden=8,16": ["for one run with each value, type -m model.hidden=8,16"],
    "model=vanilla,wgan": ["type -m model=vanilla,wgan"],
    "loss=~x": ["loss=~x", """type 'loss="~x"'"""],
    "optimizer.generator.betas=[0.5]": ["optimizer.generator.betas", "value 2 is missing"],
    "+regularizer.r1.weight=5": ["regularizer.r1", "regularizer=r1"],
    "loss=null": ["loss=null: a group takes"],
    "logger=false": ["logger=false: a group takes"],
    "logger.tensorboard=false": ["logger.tensorboard=false", "group of keys"],
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_gets_one_sentence(train, tiny, typed):
    done = train(*tiny, typed)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for words in MISTAKES[typed]:
        assert words in done.stderr


def test_a_mistake_ends_the_process_with_status_2_before_torch_is_imported(tmp_path):
    code = """
import sys
from ganexp.train import main
for typed in ("model=vanila", "model.hidden=0"):
    sys.argv[1:] = [typed]
    try:
        main()
    except SystemExit as end:
        print(end.code, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 False\n" * 2
    first, second = done.stderr.strip().splitlines()
    assert first.startswith("model=vanila") and second.startswith("model.hidden=0")


def test_a_signal_during_the_last_evaluation_is_recorded_too(train, measured, tmp_path, monkeypatch):
    measuring = "ganexp.protocols.in_domain.InDomain.evaluate_run"
    monkeypatch.setattr(measuring, lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))
    assert train(*measured, "hydra.run.dir=run").returncode == 130
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["status"], record["why"]) == ("interrupted", "SIGTERM")


def test_a_failed_run_says_why_in_its_own_folder_whose_name_says_what_was_asked_for(train, tiny, tmp_path):
    train(*tiny, "model.hidden=0")
    run = only_run(tmp_path)
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "failed" and "model.hidden=0" in record["why"]
    assert "model.hidden=0" in (run / "train.log").read_text()
    assert "hidden-0" in run.name and "=" not in run.name, "Hydra could not read such a path on its command line"
