"""Where the jobs of a sweep run. What needs a plugin of Hydra is skipped if the plugin is missing."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from ganexp.config import CONF, register_resolvers
from ganexp.console.arguments import Arguments
from ganexp.errors import UserError
from ganexp.sweeps.plugins import PLUGINS, PRESETS, with_presets


def has(plugin: str) -> bool:
    return find_spec("hydra_plugins") is not None and find_spec(f"hydra_plugins.{plugin}") is not None


def needs(plugin: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not has(plugin), reason=f"{plugin} is not installed")


def test_every_plugin_has_a_preset_and_every_preset_a_plugin():
    assert {(path.parent.name, path.stem) for path in PRESETS.glob("*/*.yaml")} == PLUGINS.keys()


@pytest.mark.parametrize(("group", "name"), PLUGINS)
def test_a_preset_composes_and_what_is_typed_wins(group, name):
    if not has(PLUGINS[group, name][1]):  # Any keys fit into an empty node, so only ganexp's side is tested.
        ConfigStore.instance().store(group=f"hydra/{group}", name=name, node={})
    words = [f"hydra/{group}={name}", f"+hydra/presets/{group}={name}"]
    typed = {"joblib": "n_jobs=3", "ray": "ray.remote.num_cpus=3", "optuna": "n_trials=3"}.get(name, "timeout_min=3")
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("train", [*words, f"hydra.{group}.{typed}"], return_hydra_config=True)
    settings = OmegaConf.to_container(composed.hydra[group], resolve=False)
    preset = yaml.safe_load((PRESETS / group / f"{name}.yaml").read_text())
    preset = preset["sweeper"] if group == "sweeper" else preset
    key, _, value = typed.rpartition("=")
    assert OmegaConf.select(composed.hydra[group], key) == int(value)
    for key in preset.keys() - {typed.partition("=")[0], "ray"}:
        assert str(settings[key]) == str(preset[key])


def test_a_missing_plugin_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr("ganexp.extras.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r'hydra/launcher=joblib needs .*: type pip install "ganexp\[joblib\]"'):
        with_presets(Arguments.read(["-m", "hydra/launcher=joblib"]))
    plain = Arguments.read(["-m", "hydra/launcher=basic", "seed=0,1"])
    assert with_presets(plain) == plain


@pytest.fixture
def start(tmp_path):
    """`start("-m", "seed=0,1")` starts `python -m ganexp.train -m seed=0,1`, in a session of its own."""
    started = []
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}

    def start(*typed: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "ganexp.train", *typed],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def sweep(start, tiny):
    """`sweep("seed=0,1")` starts a tiny sweep in the folder `s`."""
    return functools.partial(start, "-m", *tiny, "hydra.sweep.dir=s", "hydra.sweep.subdir=seed-${seed}")


def until(what, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)


def records(folder: Path) -> dict[str, dict]:
    return {record.parent.name: json.loads(record.read_text()) for record in folder.rglob("run.json")}


def statuses(folder: Path) -> dict[str, str]:
    return {name: record["status"] for name, record in records(folder).items()}


def saved(folder: Path, jobs: int) -> bool:
    return len(list(folder.glob("*/checkpoints/last.ckpt"))) == jobs


LONG = ("trainer.max_steps=1000000", "samples.every=0", "checkpoint.every=20")


@pytest.mark.slow
@needs("hydra_joblib_launcher")
def test_joblib_shares_the_cores_among_the_jobs(sweep, tmp_path):
    from joblib import cpu_count

    _, stderr = sweep("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=0,1").communicate(timeout=120)
    assert statuses(tmp_path / "s") == {"seed-0": "finished", "seed-1": "finished"}, stderr
    threads = max(1, cpu_count() // 2)
    for record in records(tmp_path / "s").values():
        assert record["device"] == f"cpu, {threads} thread{'s' * (threads > 1)}"


@pytest.fixture
def two_jobs(sweep, tmp_path):
    """A sweep over seeds 0, 1 and 2 whose first two jobs train side by side without end."""
    process = sweep(*LONG, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=0,1,2")
    until(lambda: saved(tmp_path / "s", 2))
    return process


def assert_two_jobs_are_saved(process: subprocess.Popen, folder: Path) -> None:
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert statuses(folder) == {"seed-0": "interrupted", "seed-1": "interrupted"}
    assert "3 jobs did not finish:" in stderr and "seed=2: never started" in stderr


@pytest.mark.slow
@needs("hydra_joblib_launcher")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_command_lets_the_jobs_of_joblib_save(two_jobs, tmp_path, number):
    two_jobs.send_signal(number)
    assert_two_jobs_are_saved(two_jobs, tmp_path / "s")


@pytest.mark.slow
@needs("hydra_joblib_launcher")
def test_a_signal_to_all_processes_lets_the_jobs_of_joblib_save_and_the_sweep_goes_on(two_jobs, start, tmp_path):
    os.killpg(two_jobs.pid, signal.SIGINT)
    assert_two_jobs_are_saved(two_jobs, tmp_path / "s")
    # The same three jobs, shortened, so that they end.
    for path in (tmp_path / "s" / "multirun.yaml", *tmp_path.glob("s/*/.hydra/*.yaml")):
        path.write_text(path.read_text().replace("1000000", "1000"))
    resumed = start("-m", "resume=s")
    _, stderr = resumed.communicate(timeout=180)
    assert resumed.returncode == 0, stderr
    assert set(statuses(tmp_path / "s").values()) == {"finished"} and len(statuses(tmp_path / "s")) == 3


@pytest.mark.slow
@needs("hydra_joblib_launcher")
def test_workers_of_joblib_save_and_end_when_their_command_is_killed(two_jobs, tmp_path):
    two_jobs.kill()
    until(lambda: statuses(tmp_path / "s") == {"seed-0": "interrupted", "seed-1": "interrupted"}, 20)
    two_jobs.communicate(timeout=20)  # Its pipe is closed when the last worker has ended.


@pytest.mark.slow
@needs("hydra_submitit_launcher")
def test_a_job_that_submitit_is_told_to_stop_saves_and_goes_on_later(sweep, tmp_path):
    process = sweep("trainer.max_steps=300", "checkpoint.every=20", "seed=0", "hydra/launcher=submitit_local")
    until(lambda: saved(tmp_path / "s", 1))
    (task,) = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"submitit.core._submit" in path.read_bytes() and str(tmp_path).encode() in path.read_bytes()
    ]
    os.kill(task, signal.SIGUSR2)  # As Slurm does before it stops a job.
    until(lambda: records(tmp_path / "s")["seed-0"].get("why") == "SIGUSR2", 20)
    assert 20 <= records(tmp_path / "s")["seed-0"]["iterations"] < 300
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert statuses(tmp_path / "s") == {"seed-0": "finished"}
    assert "Resuming at iteration" in (tmp_path / "s" / "seed-0" / "train.log").read_text()


@needs("hydra_submitit_launcher")
def test_slurm_is_asked_for_what_the_preset_says(train, tiny, tmp_path, monkeypatch):
    """The jobs go to submitit's debug executor, which runs them in this process."""
    import submitit
    from submitit.local.debug import DebugExecutor

    asked = []

    def map_array(self, function, *arguments):
        asked.append(self._executor._make_submission_file_text("the job", "0"))
        return DebugExecutor(tmp_path / "debug").map_array(function, *arguments)

    monkeypatch.setattr("submitit.slurm.slurm.shutil.which", lambda _: "/usr/bin/srun")
    monkeypatch.setattr(submitit.AutoExecutor, "map_array", map_array)
    typed = ("hydra/launcher=submitit_slurm", "hydra.launcher.partition=gpu", "hydra.sweep.dir=s")
    done = train("-m", *tiny, *typed, "seed=0,1")
    assert done.returncode == 0, done.stderr
    assert list(statuses(tmp_path / "s").values()) == ["finished", "finished"]
    (sbatch,) = asked
    for line in ("--partition=gpu", "--time=720", "--signal=USR2@120", "--gpus-per-node=1", "--mem=16GB"):
        assert f"#SBATCH {line}\n" in sbatch, sbatch


@pytest.mark.slow
@needs("hydra_optuna_sweeper")
def test_a_study_of_optuna_survives_failures_and_goes_on_after_a_kill(train, measured, tmp_path, monkeypatch):
    from ganexp import fit

    begun = []
    build = fit.build.gan

    def fragile(config, *rest):
        begun.append(config.optimizer.generator["lr"])
        if len(begun) == 2:
            raise FloatingPointError("not finite")
        if len(begun) == 3:
            raise KeyboardInterrupt("SIGTERM")
        return build(config, *rest)

    monkeypatch.setattr(fit.build, "gan", fragile)
    search = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=4", "hydra.sweeper.sampler.seed=0", "hydra.sweep.dir=s"]
    stopped = train("-m", *measured, *search, "optimizer.generator.lr=tag(log,interval(1e-5,1e-2))")
    assert stopped.returncode == 130 and len(begun) == 3
    assert sorted(statuses(tmp_path / "s").values()) == ["failed", "finished", "interrupted"]
    done = train("-m", "resume=s")
    assert done.returncode == 0, done.stderr
    assert begun[3:5] == begun[1:3], "what failed or was interrupted is tried again, with the same settings"
    assert len(begun) == 6 and list(statuses(tmp_path / "s").values()) == ["finished"] * 4
    best = yaml.safe_load((tmp_path / "s" / "optimization_results.yaml").read_text())
    fids = [record["evaluation"]["figures"] for record in records(tmp_path / "s").values()]
    assert best["best_value"] == pytest.approx(min(v for fid in fids for k, v in fid.items() if k == "fid_fake_cnn"))
    complete = train("-m", "resume=s")
    assert complete.returncode == 2 and "hydra.sweeper.n_trials=8" in complete.stderr
    assert train("-m", "resume=s", "hydra.sweeper.n_trials=5").returncode == 0
    assert "hydra.sweeper.n_trials=10" in train("-m", "resume=s").stderr, "the study keeps the new number"


@needs("hydra_optuna_sweeper")
def test_a_study_of_which_every_trial_fails_ends_with_a_sentence(train, tiny):
    done = train("-m", *tiny, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "seed=choice(0,1)", "model.hidden=0")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "model.hidden=0: must be at least 1" in done.stderr
