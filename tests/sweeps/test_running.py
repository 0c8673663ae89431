"""A sweep: how it ends, how it goes on, and that nothing of it is lost."""

import json
import os
import shutil
import signal

import pytest
import torch
import yaml
from conftest import TINY, type_in
from past_runs import write_run

from ganexp.sweeps import running
from ganexp.sweeps.sweep_folder import SweepFolder
from ganexp.train import main


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    """A sweep over seeds 0, 1 and 2 that was stopped in its second job. Its first job is finished."""
    from ganexp.callbacks.checkpoints import Checkpoints

    look = Checkpoints.look

    def look_and_stop(self, gan, step):
        look(self, gan, step)
        if "seed-1" in str(self.folder) and step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "look", look_and_stop)
        typed = [*TINY, "seed=0,1,2", "hydra.sweep.dir=s", "hydra.sweep.subdir=seed-${seed}"]
        done = type_in(folder, "train", "-m", *typed)
    assert done.returncode == 130, done.stderr
    return folder / "s", done.stderr


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """The same sweep, to be changed, and what it said; `resume=s` names it."""
    folder, stderr = stopped_once
    return shutil.copytree(folder, tmp_path / "s"), stderr


def statuses(folder):
    return {record.parent.name: json.loads(record.read_text())["status"] for record in folder.rglob("run.json")}


def test_a_stopped_sweep_says_what_is_left_and_how_to_run_it(stopped):
    folder, stderr = stopped
    assert statuses(folder) == {"seed-0": "finished", "seed-1": "interrupted"}
    *_, count, first, second, again = stderr.strip().splitlines()
    assert count == "2 jobs did not finish:"
    assert first == "  seed-1: interrupted: SIGTERM"
    assert second.endswith("seed=2: never started")
    assert again == "To finish these jobs: python -m ganexp.train -m resume=s"


def test_a_stopped_sweep_goes_on_bit_for_bit_and_repeats_no_finished_job(train, trained, tiny, stopped):
    folder, _ = stopped
    before = (folder / "seed-0" / "run.json").read_bytes()
    done = train("-m", "resume=s")
    assert done.returncode == 0, done.stderr
    assert "did not finish" not in done.stderr
    assert statuses(folder) == {"seed-0": "finished", "seed-1": "finished", "seed-2": "finished"}
    assert (folder / "seed-0" / "run.json").read_bytes() == before
    calm = torch.load(trained(*tiny, "seed=1") / "checkpoints" / "last.ckpt")["state_dict"]
    resumed = torch.load(folder / "seed-1" / "checkpoints" / "last.ckpt")["state_dict"]
    assert all(torch.equal(weights, resumed[name]) for name, weights in calm.items())
    assert "seed=2" in yaml.safe_load((folder / "seed-2" / ".hydra" / "overrides.yaml").read_text())


def test_a_changed_sweep_does_not_go_on(train, tiny, stopped):
    folder, _ = stopped
    typed = train("-m", "resume=s", "model.hidden=16")
    assert typed.returncode == 2 and typed.stderr.startswith("model.hidden=16: ")
    another = train("-m", *tiny, "seed=5,6", "hydra.sweep.dir=s")
    assert another.returncode == 2 and "-m resume=s" in another.stderr
    saved = yaml.safe_load((folder / "multirun.yaml").read_text())
    saved["model"]["latent_dim"] = 50  # As if the default had been another one.
    (folder / "multirun.yaml").write_text(yaml.safe_dump(saved))
    changed = train("-m", "resume=s")
    assert changed.returncode == 2 and changed.stderr.startswith("model.latent_dim=100: "), changed.stderr
    assert statuses(folder) == {"seed-0": "finished", "seed-1": "interrupted"}


@pytest.mark.slow
def test_a_changed_experiment_does_not_go_on(train, tiny, tmp_path):
    recipes = tmp_path / "mine" / "experiment"
    recipes.mkdir(parents=True)
    text = (
        "# @package _global_\nhydra: {sweeper: {params: {model.latent_dim: '2,3', model.conditional: 'true,false'}}}\n"
    )
    (recipes / "sizes.yaml").write_text(text)
    done = train("-m", "--config-dir=mine", "+experiment=sizes", *tiny, "model.conditional=false", "hydra.sweep.dir=s")
    assert done.returncode == 0, done.stderr
    assert len(statuses(tmp_path / "s")) == 2
    assert "is finished already" in train("-m", "resume=s").stderr
    (recipes / "sizes.yaml").write_text(text.replace("2,3", "2,3,4"))
    changed = train("-m", "resume=s")
    assert changed.returncode == 2 and "model.latent_dim=2,3,4: " in changed.stderr


@pytest.mark.slow
def test_a_failed_job_is_run_again(train, tiny, tmp_path, monkeypatch):
    def broken(config, *_):
        raise RuntimeError(f"bad luck {config.seed}")

    with monkeypatch.context() as patch:
        patch.setattr("ganexp.fit.fit", broken)
        done = train("-m", *tiny, "seed=0,1", "hydra.sweep.dir=s", "hydra.sweep.subdir=seed-${seed}")
    assert done.returncode == 1
    assert "  seed-1: failed: RuntimeError: bad luck 1\n" in done.stderr
    again = train("-m", "resume=s")
    assert again.returncode == 0, again.stderr
    assert statuses(tmp_path / "s") == {"seed-0": "finished", "seed-1": "finished"}


def test_a_sweep_that_runs_is_not_started_again(train, stopped):
    from ganexp.run_folder.folder import RunFolder

    folder, _ = stopped
    with RunFolder(folder / "seed-1").locked():
        done = train("-m", "resume=s")
    assert done.returncode == 2 and "seed-1 is still running" in done.stderr


def test_a_sweeper_that_hides_failures_does_not_hide_them_from_the_exit_status(tmp_path, monkeypatch):
    write_run(tmp_path / "0", record={"status": "failed", "why": "NaN\nand more"})
    shutil.copy(tmp_path / "0" / ".hydra" / "config.yaml", tmp_path / "multirun.yaml")
    saved = {"hydra": {"sweeper": {"_target_": "OptunaSweeper"}, "overrides": {"task": []}}}
    (tmp_path / "multirun.yaml").write_text(yaml.safe_dump(saved))
    monkeypatch.setattr(
        "ganexp.command.run", lambda *_, **__: setattr(running._reported.get(), "folder", SweepFolder(tmp_path))
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert SweepFolder(tmp_path).unfinished() == [("0", "failed: NaN")]
