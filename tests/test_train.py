"""The command, as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


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


def test_a_run_leaves_the_folder_that_the_readme_lists(train_process, tiny, tmp_path):
    done = train_process(*tiny)
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
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
    assert not any("=" in f for f in files), "Hydra could not read such a path on its command line"
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "finished" and record["iterations"] == 4
    assert Image.open(run / "samples" / "progress.gif").n_frames == 3
    last_line = done.stderr.strip().splitlines()[-1]
    assert "samples/step-000004.png" in last_line and "tensorboard --logdir" in last_line


def test_tensorboard_holds_the_curves_the_grids_and_the_configuration(train, tiny, tmp_path):
    train(*tiny)
    events = EventAccumulator(str(only_run(tmp_path))).Reload()
    tags = events.Tags()
    assert {
        "loss/discriminator",
        "loss/generator",
        "probability/real",
        "probability/fake",
        "accuracy/real",
        "accuracy/fake",
        "gradient_norm/discriminator",
        "gradient_norm/generator",
        "speed/iterations_per_second",
    } <= set(tags["scalars"])
    assert [e.step for e in events.Scalars("loss/generator")] == [2, 4]
    assert [e.step for e in events.Tensors("samples")] == [0, 2, 4]
    assert "configuration/text_summary" in tags["tensors"]


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
    nowhere = train("resume=outputs/nothing")
    assert nowhere.returncode == 2 and "resume=outputs/nothing" in nowhere.stderr


def test_the_seed_decides_every_bit(train, tiny, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train(*tiny, f"seed={seed}", f"hydra.run.dir={tmp_path / name}")
    a, b, c = (state(tmp_path / name) for name in "abc")
    for part in LEARNED:
        assert_same(a[part], b[part], part)
    assert not torch.equal(a["state_dict"]["ema.body.0.weight"], c["state_dict"]["ema.body.0.weight"])


def test_a_sweep_has_a_readable_folder_a_job(train, tiny, tmp_path):
    done = train("-m", *tiny, "model.latent_dim=4,8")
    assert done.returncode == 0, done.stderr
    sweep = only_run(tmp_path)
    jobs = sorted(p.name for p in sweep.iterdir() if p.is_dir())
    assert len(jobs) == 2
    assert "latent_dim-4" in jobs[0] and "latent_dim-8" in jobs[1]
    for job in jobs:
        assert list((sweep / job).glob("events.out.tfevents.*"))


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_the_run_with_everything_saved(tiny, tmp_path, number):
    command = [sys.executable, "-m", "ganexp.train", *tiny, "trainer.max_steps=1000000"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    deadline = time.time() + 60
    while not list(tmp_path.glob("outputs/*/checkpoints/last.ckpt")) and time.time() < deadline:
        time.sleep(0.2)
    process.send_signal(number)
    _, printed = process.communicate(timeout=60)
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
    "model.hidden=abc": ["model.hidden=abc", "integer"],
    "model.hidden=0": ["model.hidden=0", "greater than or equal to 1"],
    "trainer.devices=2": ["trainer.devices=2", "should be 1"],
    "trainer.precision=8": ["trainer.precision=8", "'32-true' or 'bf16-mixed'"],
    "+loss.smoothin=0.1": ["loss.smoothin=0.1", "did you mean smoothing?"],
    "loss.smoothing=2": ["loss.smoothing=2", "less than or equal to 1"],
    "network.discriminator_norm=layer": ["network.discriminator_norm=layer", "'auto', 'batch' or 'none'"],
    "optimizer.generator.lr=-1": ["optimizer.generator.lr=-1", "greater than 0"],
    "data.batch_size=1000": ["data.batch_size=1000", "64"],
    "model.hidden": ["model.hidden", "key=value"],
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_gets_one_sentence(train, tiny, typed):
    done = train(*tiny, typed)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for words in MISTAKES[typed]:
        assert words in done.stderr


def test_a_mistake_ends_the_process_with_status_2(train_process):
    done = train_process("model=vanila")
    assert done == (2, "model=vanila: no such option; " + done.stderr.partition("option; ")[2])
    assert "Traceback" not in done.stderr


def test_pairs_that_cannot_work_are_refused(train, tiny):
    unlabelled = train(*tiny, "data.classes=0", "model.conditional=true")
    assert unlabelled.returncode == 2 and "model.conditional=true" in unlabelled.stderr
    mixed = train(*tiny, "regularizer=[r1]", "network.discriminator_norm=batch")
    assert mixed.returncode == 2 and "network.discriminator_norm=none" in mixed.stderr


def test_a_failed_run_says_why_in_its_own_folder(train, tiny, tmp_path):
    train(*tiny, "model.hidden=0")
    run = only_run(tmp_path)
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "failed" and "model.hidden=0" in record["why"]
    assert "model.hidden=0" in (run / "train.log").read_text()
