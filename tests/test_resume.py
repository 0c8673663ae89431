"""A resumed run goes on as if it had never stopped, or is refused and left as it was."""

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from conftest import assert_learned_the_same, last
from PIL import Image

from ganexp import resume
from ganexp.callbacks.samples import SampleGrid
from ganexp.console.arguments import Arguments
from ganexp.errors import UserError
from ganexp.run_folder.changes import MAY_DIFFER
from ganexp.run_folder.folder import RunFolder


def expand(typed: list[str]) -> list[str]:
    """What Hydra is given for a command line."""
    return resume.expand(Arguments.read(typed)).argv


@pytest.fixture
def run(trained, tiny, tmp_path) -> Path:
    """A finished run, to be changed; `resume=run` names it."""
    return shutil.copytree(trained(*tiny, "checkpoint.keep=2"), tmp_path / "run")


@pytest.fixture
def measured_run(trained, measured, tmp_path) -> Path:
    """The same, with evaluations."""
    return shutil.copytree(trained(*measured, "checkpoint.keep=2"), tmp_path / "run")


def record(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())


def contents(run: Path) -> dict[str, bytes]:
    """Every file but the log and the lock."""
    files = (path for path in run.rglob("*") if path.is_file() and path.name not in ("train.log", ".lock"))
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


def test_a_resumed_run_ends_bit_for_bit_where_an_uninterrupted_one_ends(train, tiny, tmp_path):
    varied = ("network.dropout=0.4", "train.n_critic=2", "train.augment=[color]", "trainer.max_steps=10")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(*tiny, *varied, f"hydra.run.dir={whole}")
    train(*tiny, *varied, "trainer.max_steps=5", f"hydra.run.dir={parts}")
    assert last(parts)["global_step"] == 5
    resumed = train(f"resume={parts}", "trainer.max_steps=10")
    assert resumed.returncode == 0, resumed.stderr
    assert_learned_the_same(whole, parts)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["model.latent_dim=7"], ["model.latent_dim=7", "model.latent_dim=100"]),
        ([], ["4 iterations are done", "trainer.max_steps=8"]),
        (["trainer.max_steps=2"], ["4 iterations are done"]),
        (["trainer.max_steps=many"], ["trainer.max_steps=many"]),
        (["-m", "seed=0,1"], ["not a sweep's folder, it has no multirun.yaml"]),
        (["fork=run"], ["resume=run and fork=run", "leave the other key out"]),
        (["at=2"], ["at=2: is for a fork", "leave at= out"]),
        (["start=weights"], ["start=weights: is for a fork"]),
    ],
)
def test_a_refused_resume_leaves_the_run_as_it_was(train, run, typed, words):
    before = contents(run)
    refused = train("resume=run", *typed)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert all(word in refused.stderr for word in words)
    assert contents(run) == before


def test_a_folder_that_is_no_run_s_is_named():
    with pytest.raises(UserError, match="resume=outputs/nothing: no checkpoint in"):
        expand(["resume=outputs/nothing"])
    with pytest.raises(UserError, match="names no folder: type resume=outputs/"):
        expand(["resume="])


def test_without_a_folder_the_command_line_stays_as_it_was():
    assert expand(["resume=null", "seed=1"]) == ["resume=null", "seed=1"]


def test_words_that_were_typed_come_after_those_of_the_run(run):
    expanded = expand([f"resume={run}", "trainer.max_steps=8"])
    assert expanded.index("trainer.max_steps=4") < expanded.index("trainer.max_steps=8")
    assert expanded[-2:] == [f"hydra.run.dir={run}", "hydra.output_subdir=null"]


def test_a_resumed_run_keeps_what_its_record_said_and_its_newest_checkpoints(train, run):
    told = record(run) | {"warnings": ["seen"], "evaluation": {"figures": {}}}
    (run / "run.json").write_text(json.dumps(told))
    what_to_type = train("resume=run").stderr.split("add ")[1].split(" ")[0]
    assert train("resume=run", what_to_type).returncode == 0
    kept = record(run)
    assert kept["warnings"] == ["seen"] and kept["evaluation"] and kept["iterations"] == 8
    assert [path.name for path in RunFolder(run).numbered_checkpoints()] == ["step-000006.ckpt", "step-000008.ckpt"]


def test_a_resumed_run_s_own_files_say_how_it_went_on(train, run):
    assert train("resume=run", "trainer.max_steps=6", "samples.every=3").returncode == 0
    config = yaml.safe_load((run / ".hydra" / "config.yaml").read_text())
    assert (config["trainer"]["max_steps"], config["samples"]["every"]) == (6, 3)
    again = expand([f"resume={run}"])
    assert "samples.every=3" in again and "samples.every=2" not in again
    assert not any(word.startswith("resume=") for word in again[:-3]), "the words of the last resume are not repeated"


def test_a_run_that_was_stopped_at_its_end_is_resumed_and_finishes(train, measured_run):
    told = record(measured_run) | {"status": "interrupted", "why": "SIGINT"}
    for lost in ("evaluation", "iterations", "iterations_per_second"):
        del told[lost]
    (measured_run / "run.json").write_text(json.dumps(told))
    done = train("resume=run")
    assert done.returncode == 0, done.stderr
    kept = record(measured_run)
    assert kept["status"] == "finished" and kept["iterations"] == 4 and "why" not in kept
    assert kept["evaluation"]["card"]["samples"] == 120


@pytest.mark.parametrize("how", ["missing", "cut"])
def test_a_best_checkpoint_that_cannot_be_used_is_chosen_again(train, measured_run, how):
    best = measured_run / "checkpoints" / "best.ckpt"
    best.unlink() if how == "missing" else best.write_bytes(best.read_bytes()[:1000])
    done = train("resume=run", "trainer.max_steps=6")
    assert done.returncode == 0, done.stderr
    assert "best.ckpt is missing, damaged or of a later iteration; it is chosen again" in done.stderr
    assert record(measured_run)["evaluation"]["step"] == torch.load(best, weights_only=True)["global_step"] == 6


def test_a_grid_that_is_missing_at_the_end_is_made_by_a_resume(train, run):
    (run / "run.json").write_text(json.dumps(record(run) | {"status": "failed", "why": "the disk is full"}))
    pictures = [run / "samples" / name for name in ("step-000004.png", "progress.gif")]
    before = [path.read_bytes() for path in pictures]
    for path in pictures:
        path.unlink()
    done = train("resume=run")
    assert done.returncode == 0, done.stderr
    assert [path.read_bytes() for path in pictures] == before


def test_a_resume_that_fails_before_its_first_iteration_leaves_the_random_state_as_it_was(train, run, monkeypatch):
    before = last(run)["rng"]["cpu"]

    def refused(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "step.png")

    monkeypatch.setattr(SampleGrid, "begin", refused)
    assert train("resume=run", "trainer.max_steps=8").returncode == 2
    assert torch.equal(last(run)["rng"]["cpu"], before)


def test_learning_rates_that_fall_towards_another_end_are_told_of(train, trained, tiny, tmp_path):
    shutil.copytree(trained(*tiny, "train.decay_from=0.5"), tmp_path / "run")
    done = train("resume=run", "trainer.max_steps=6")
    assert done.returncode == 0 and "which was 4. From here on they fall as in a run of 6 iterations" in done.stderr


def test_only_keys_that_change_nothing_of_what_is_learned_may_differ():
    assert set(MAY_DIFFER) == {
        "resume", "logger", "callback", "samples", "checkpoint", "trainer.log_every_n_steps",
        "fork", "at", "start", "trainer.graphs", "model.summary", "trainer.devices", "trainer.num_nodes",
        "data.second_evaluator", "trainer.max_steps", "evaluation", "data.evaluator", "data.root",
    }  # fmt: skip


# What may happen to a run's files.


@pytest.mark.parametrize(("damaged", "goes_on_from"), [(["last"], 4), (["last", "best", 4], 2)])
def test_a_run_whose_newest_checkpoints_are_damaged_goes_on_from_an_older_one(
    train, measured_run, damaged, goes_on_from
):
    folder = RunFolder(measured_run)
    for which in damaged:
        path = folder.checkpoint(which)
        content = path.read_bytes()
        path.unlink()  # It may be another name of the same file.
        path.write_bytes(content[:1000])
    done = train("resume=run", "trainer.max_steps=6")
    assert done.returncode == 0, done.stderr
    assert f"run/checkpoints/step-00000{goes_on_from}.ckpt\n" in done.stderr
    assert last(measured_run)["global_step"] == 6
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert [line["step"] for line in lines if "run" not in line] == [2, 4, 6]
    assert record(measured_run)["evaluation"] == lines[-1] | {"iterations": 6}


def test_a_run_without_a_whole_checkpoint_is_refused(train, run):
    for path in (run / "checkpoints").iterdir():
        path.write_bytes(b"half")
    done = train("resume=run", "trainer.max_steps=6")
    assert done.returncode == 2 and "no whole checkpoint in" in done.stderr


@pytest.mark.parametrize("content", [None, '{"status": "runn'])
def test_a_damaged_record_is_written_anew(train, run, content):
    if content is None:
        (run / "run.json").unlink()
    else:
        (run / "run.json").write_text(content)
    done = train("resume=run", "trainer.max_steps=6")
    assert done.returncode == 0, done.stderr
    assert "run/run.json is missing or damaged, and is written again" in done.stderr
    assert record(run)["status"] == "finished" and record(run)["iterations"] == 6


def damage(path: Path, how: str | None) -> None:
    before = path.read_text()
    if how is None:
        path.unlink()
    else:
        path.write_text(before[: len(before) // 2] if how == "half" else how)


UNREADABLE = [None, "{", "\0"]


@pytest.mark.parametrize(
    ("name", "how"),
    [("overrides", how) for how in UNREADABLE] + [("hydra", how) for how in (*UNREADABLE, "", "[1]", "word", "half")],
)
def test_a_run_that_does_not_say_how_it_was_started_is_refused(run, name, how):
    damage(run / ".hydra" / f"{name}.yaml", how)
    with pytest.raises(UserError, match=f"{name}.yaml"):
        expand([f"resume={run}"])


@pytest.mark.parametrize(
    ("name", "how"),
    [("overrides", how) for how in ("word", "half")] + [("config", how) for how in (None, "", "[1]", "half")],
)
def test_a_run_whose_configuration_is_damaged_is_refused_in_a_sentence_and_left_alone(train, run, name, how):
    damage(run / ".hydra" / f"{name}.yaml", how)
    before = contents(run)
    done = train("resume=run", "trainer.max_steps=6")
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr
    assert contents(run) == before


def pictures(folder: Path, seed: int) -> Path:
    """Eight pictures of noise."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(8):
        noise = random.integers(256, size=(16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


def test_pictures_may_have_moved_but_not_changed(train, tiny, tmp_path):
    pictures(tmp_path / "here", seed=0)
    own = ["data=image_folder", "data.root=here", "data.image_size=16", "data.batch_size=4"]
    general = [word for word in tiny if not word.startswith("data")]
    assert train(*own, *general, "hydra.run.dir=run").returncode == 0
    pictures(tmp_path / "others", seed=1)
    before = contents(tmp_path / "run")
    refused = train("resume=run", "trainer.max_steps=6", "data.root=others")
    assert refused.returncode == 2 and "the pictures are not those that the run was started with" in refused.stderr
    assert contents(tmp_path / "run") == before
    (tmp_path / "here").rename(tmp_path / "there")
    done = train("resume=run", "trainer.max_steps=6", "data.root=there")
    assert done.returncode == 0, done.stderr
    assert last(tmp_path / "run")["global_step"] == 6
