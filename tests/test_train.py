"""The command, as a user types it."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganexp.callbacks.checkpoints import in_order


def only_run(folder: Path) -> Path:
    (run,) = (folder / "outputs").iterdir()
    return run


def state(run: Path) -> dict:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def assert_same(a, b, at="checkpoint"):
    """Equal to the last bit, all the way down."""
    assert type(a) is type(b), at
    if isinstance(a, dict):
        assert a.keys() == b.keys(), at
        for key in a:
            assert_same(a[key], b[key], f"{at}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), at
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{at}[{i}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), at
    else:
        assert a == b, at


LEARNED = ("global_step", "state_dict", "optimizer_states", "callbacks", "rng")


def test_a_run_leaves_the_folder_that_the_readme_lists(trained, tiny):
    run = trained(*tiny)
    files = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
    assert {
        ".hydra/config.yaml",
        "train.log",
        "run.json",
        "checkpoints/last.ckpt",
        "checkpoints/step-000002.ckpt",
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
    last_line = (run.parent / "stderr").read_text().strip().splitlines()[-1]
    assert "samples/step-000004.png" in last_line and "tensorboard --logdir" in last_line


def test_a_folder_s_name_says_what_was_asked_for_and_holds_no_equals_sign(train, tiny, tmp_path):
    assert train(*tiny, "model.hidden=4").returncode == 0
    name = only_run(tmp_path).name
    assert "hidden-4" in name and "=" not in name, "Hydra could not read such a path on its command line"


@pytest.mark.parametrize("n_critic", [1, 5])
def test_max_steps_counts_iterations_whatever_n_critic_is(train, tiny, tmp_path, n_critic):
    train(*tiny, f"train.n_critic={n_critic}")
    checkpoint = state(only_run(tmp_path))
    generator, discriminator = checkpoint["optimizer_states"]
    assert checkpoint["global_step"] == 4
    assert generator["state"][0]["step"] == 4
    assert discriminator["state"][0]["step"] == 4 * n_critic


def test_a_resumed_run_ends_bit_for_bit_where_an_uninterrupted_one_ends(train, tiny, tmp_path):
    varied = ("network.dropout=0.4", "train.n_critic=2", "train.augment=[color]", "trainer.max_steps=10")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(*tiny, *varied, f"hydra.run.dir={whole}")
    train(*tiny, *varied, "trainer.max_steps=5", f"hydra.run.dir={parts}")
    assert state(parts)["global_step"] == 5
    resumed = train(f"resume={parts}", "trainer.max_steps=10")
    assert resumed.returncode == 0, resumed.stderr
    a, b = state(whole), state(parts)
    for part in LEARNED:
        assert_same(a[part], b[part], part)


def test_a_refused_resume_leaves_the_run_as_it_was(train, tiny, tmp_path):
    train(*tiny)
    run = only_run(tmp_path)
    before = (run / ".hydra" / "config.yaml").read_text()
    refused = train(f"resume={run}", "model.latent_dim=7")
    assert refused.returncode == 2
    assert "model.latent_dim=7" in refused.stderr and "model.latent_dim=100" in refused.stderr
    assert (run / ".hydra" / "config.yaml").read_text() == before
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    done = train(f"resume={run}")
    assert done.returncode == 2 and "trainer.max_steps=8" in done.stderr
    mistyped = train(f"resume={run}", "trainer.max_steps=many")
    assert mistyped.returncode == 2 and "trainer.max_steps=many" in mistyped.stderr
    assert (run / ".hydra" / "config.yaml").read_text() == before
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    several = train("-m", f"resume={run}", "seed=0,1")
    assert several.returncode == 2 and "-m starts several" in several.stderr
    nowhere = train("resume=outputs/nothing")
    assert nowhere.returncode == 2 and "resume=outputs/nothing" in nowhere.stderr


@pytest.fixture
def run(trained, tiny, tmp_path):
    return shutil.copytree(trained(*tiny), tmp_path / "run")


def test_a_resumed_run_keeps_what_its_record_said_and_its_newest_checkpoints(train, run):
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"warnings": ["seen"], "evaluation": {"figures": {}}}))
    assert train("resume=run", "trainer.max_steps=8").returncode == 0
    kept = json.loads((run / "run.json").read_text())
    assert kept["warnings"] == ["seen"] and kept["evaluation"] and kept["iterations"] == 8
    assert sorted(p.name for p in (run / "checkpoints").glob("step-*")) == ["step-000006.ckpt", "step-000008.ckpt"]


def test_a_resumed_run_goes_on_with_the_pictures_that_it_was_started_with(train, run):
    record = json.loads((run / "run.json").read_text())
    record["data"]["sha256"] = "another"
    (run / "run.json").write_text(json.dumps(record))
    before = (run / ".hydra" / "config.yaml").read_text()
    done = train("resume=run", "trainer.max_steps=8")
    assert done.returncode == 2 and "not the pictures" in done.stderr
    assert (run / ".hydra" / "config.yaml").read_text() == before
    assert json.loads((run / "run.json").read_text())["status"] == "finished"


def test_a_run_that_was_stopped_at_its_end_is_resumed_and_finishes(train, trained, measured, tmp_path):
    run = shutil.copytree(trained(*measured), tmp_path / "run")
    record = json.loads((run / "run.json").read_text()) | {"status": "interrupted", "why": "SIGINT"}
    for lost in ("evaluation", "iterations", "iterations_per_second"):
        del record[lost]
    (run / "run.json").write_text(json.dumps(record))
    done = train("resume=run")
    assert done.returncode == 0, done.stderr
    kept = json.loads((run / "run.json").read_text())
    assert kept["status"] == "finished" and kept["iterations"] == 4 and "why" not in kept
    assert kept["evaluation"]["card"]["samples"] == 120
    fewer = train("resume=run", "trainer.max_steps=2")
    assert fewer.returncode == 2 and "4 iterations are done" in fewer.stderr


def test_learning_rates_that_fall_towards_another_end_are_told_of(train, tiny, tmp_path):
    assert train(*tiny, "train.decay_from=0.5", "hydra.run.dir=run").returncode == 0
    done = train("resume=run", "trainer.max_steps=6")
    assert done.returncode == 0 and "which was 4. From here on they are those of a run of 6" in done.stderr


def test_an_interrupt_that_lightning_answers_is_an_interrupt(train, tiny, tmp_path, monkeypatch):
    def stop(self, step):
        raise KeyboardInterrupt

    monkeypatch.setattr("ganexp.gan.GAN.iterate", stop)
    assert train(*tiny, "hydra.run.dir=run").returncode == 130
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"


def test_a_sweep_keeps_nothing_of_the_jobs_that_are_done(train, tiny, monkeypatch):
    from ganexp.gan import GAN

    there, begin = [], GAN.__init__

    def remembered(self, *args, **options):
        begin(self, *args, **options)
        there.append(weakref.ref(self))

    monkeypatch.setattr(GAN, "__init__", remembered)
    assert train("-m", *tiny, "seed=0,1,2").returncode == 0
    gc.collect()
    assert sum(game() is not None for game in there) <= 1


def test_a_disk_without_links_keeps_its_checkpoints_as_copies(train, tiny, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert train(*tiny, "hydra.run.dir=run").returncode == 0
    kept = torch.load(tmp_path / "run" / "checkpoints" / "step-000002.ckpt", weights_only=True)
    assert kept["global_step"] == 2


def test_checkpoints_are_in_the_order_of_their_iterations_and_others_are_left_alone():
    names = ["step-1000000.ckpt", "step-997500.ckpt", "step-997500-good.ckpt"]
    assert [path.name for path in in_order(map(Path, names))] == ["step-997500.ckpt", "step-1000000.ckpt"]


def test_half_precision_trains(train, tiny, tmp_path):
    done = train(*tiny, "trainer.precision=bf16-mixed", "regularizer=r1", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert all(value.isfinite().all() for value in state(tmp_path / "run")["state_dict"].values())


def test_the_seed_decides_every_bit(train, trained, tiny, tmp_path):
    for seed in (0, 4):
        train(*tiny, f"seed={seed}", f"hydra.run.dir={tmp_path / str(seed)}")
    first, again, other = (state(run) for run in (trained(*tiny), tmp_path / "0", tmp_path / "4"))
    for part in LEARNED:
        assert_same(first[part], again[part], part)
    assert not torch.equal(first["state_dict"]["ema.body.0.weight"], other["state_dict"]["ema.body.0.weight"])


def test_a_sweep_has_a_readable_folder_a_job_and_ends_with_its_report_also_if_a_job_failed(train, tiny, tmp_path):
    done = train("-m", *tiny, "model.latent_dim=4,8,0")
    assert done.returncode == 2 and "model.latent_dim=0" in done.stderr
    sweep = only_run(tmp_path)
    jobs = sorted(p.name for p in sweep.iterdir() if p.is_dir())
    assert [job.partition("latent_dim-")[2] for job in jobs] == ["4", "8", "0"]
    for job in jobs[:2]:
        assert list((sweep / job).glob("events.out.tfevents.*"))
    assert "The report of 3 runs is outputs/" in done.stderr
    assert "2 finished, 1 failed" in (sweep / "report.html").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_the_run_with_everything_saved(tiny, tmp_path, number):
    command = [sys.executable, "-m", "ganexp.train", *tiny, "trainer.max_steps=1000000"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        deadline = time.time() + 60
        while not list(tmp_path.glob("outputs/*/checkpoints/last.ckpt")) and time.time() < deadline:
            time.sleep(0.2)
        process.send_signal(number)
        _, printed = process.communicate(timeout=60)
    finally:
        process.kill()
    run = only_run(tmp_path)
    record = json.loads((run / "run.json").read_text())
    assert process.returncode == 130
    assert record["status"] == "interrupted" and record["why"] == number.name
    assert state(run)["global_step"] == record["iterations"]
    assert "resume=" in printed and "Traceback" not in printed


MISTAKES = {
    "model.hiden=3": ["model.hiden", "did you mean model.hidden?"],
    "model=vanila": ["model=vanila", "did you mean vanilla?"],
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
    "model.hidden=8,16": ["model.hidden=8,16", "put -m before it"],
    "model=vanilla,wgan": ["model=vanilla,wgan", "put -m before it"],
    "loss=~x": ["loss=~x", """type 'loss="~x"'"""],
    "optimizer.generator.betas=[0.5]": ["optimizer.generator.betas", "too few values"],
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
    code = (
        "import sys, atexit; atexit.register(lambda: print('torch' in sys.modules)); import ganexp.train as command; "
    )
    for typed in ("model=vanila", "model.hidden=0"):
        done = subprocess.run(
            [sys.executable, "-c", code + "command.main()", typed],
            cwd=tmp_path,
            text=True,
            capture_output=True,
            timeout=300,
        )
        assert done.returncode == 2 and done.stdout == "False\n" and done.stderr.startswith(typed)


def test_pairs_that_cannot_work_are_refused(train, tiny):
    unlabelled = train(*tiny, "data.classes=0", "model.conditional=true")
    assert unlabelled.returncode == 2 and "model.conditional=true" in unlabelled.stderr
    single = train(*tiny, "model=r1gan", "data.batch_size=1")
    assert single.returncode == 2 and "data.batch_size=2" in single.stderr
    mixed = train(*tiny, "regularizer=[r1]", "network.discriminator_norm=batch")
    assert mixed.returncode == 2 and "network.discriminator_norm=none" in mixed.stderr


def test_a_signal_during_the_last_evaluation_is_recorded_too(train, measured, tmp_path, monkeypatch):
    monkeypatch.setattr("ganexp.fit.of_run", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))
    assert train(*measured, "hydra.run.dir=run").returncode == 130
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["status"], record["why"]) == ("interrupted", "SIGTERM")


def test_a_run_without_its_hidden_folder_is_not_resumed(train, trained, tiny, tmp_path):
    run = shutil.copytree(trained(*tiny), tmp_path / "run")
    shutil.rmtree(run / ".hydra")
    done = train("resume=run")
    assert done.returncode == 2 and "its folder .hydra" in done.stderr


def test_a_failed_run_says_why_in_its_own_folder(train, tiny, tmp_path):
    train(*tiny, "model.hidden=0")
    run = only_run(tmp_path)
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "failed" and "model.hidden=0" in record["why"]
    assert "model.hidden=0" in (run / "train.log").read_text()
