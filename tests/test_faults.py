"""A run is never lost: kills, signals, full disks and damaged files, each at the moment when it does most harm."""

import errno
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from ganexp.files.whole import whole
from ganexp.run_folder import checkpoints
from ganexp.run_folder.folder import RunFolder

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def tiny(tiny):
    """With grids."""
    return [*tiny, "samples.every=2"]


@pytest.fixture
def run(trained, measured, tmp_path) -> RunFolder:
    """A measured run of four iterations, to be damaged; `resume=run` names it."""
    return RunFolder(shutil.copytree(trained(*measured, "checkpoint.keep=2"), tmp_path / "run"))


@pytest.fixture
def calm(trained, measured) -> RunFolder:
    """The same run, of eight iterations at one go."""
    return RunFolder(trained(*measured, "trainer.max_steps=8"))


def learned(folder: RunFolder) -> list[torch.Tensor]:
    """Every tensor that training goes on from."""
    contents = checkpoints.read(folder.last)
    moments = [s for o in contents["optimizer_states"] for p in o["state"].values() for s in p.values()]
    return [*contents["state_dict"].values(), *moments, contents["rng"]["cpu"]]


def same(a: RunFolder, b: RunFolder) -> bool:
    return all(torch.equal(x, y) for x, y in zip(learned(a), learned(b), strict=True))


def record(folder: RunFolder) -> dict:
    return json.loads(folder.record.read_text())


def steps(folder: RunFolder) -> list[int]:
    """The iterations of the evaluations while training."""
    lines = [json.loads(text) for text in folder.metrics.read_text().splitlines()]
    return [line["step"] for line in lines if "figures" not in line]


def unfinished(folder: RunFolder) -> list[Path]:
    return [path for path in folder.path.rglob(".*") if path.name.startswith(".unfinished")]


def as_if_killed(folder: RunFolder) -> None:
    """What `kill -9` leaves at the worst moments: half files of every kind, and a record that says running."""
    for path in (folder.last, folder.grid(6), folder.record, folder.best):
        (path.parent / f".unfinished-1-{path.name}").write_bytes(b"half")
    with open(folder.metrics, "a") as file:
        file.write('{"step": 6, "seconds": 1}\n{"step": 8, "fid')
    folder.record.write_text(json.dumps(record(folder) | {"status": "running"}))


# Kills


def test_a_killed_run_goes_on_and_ends_as_a_calm_one(train, run, calm):
    as_if_killed(run)
    done = train("resume=run", "trainer.max_steps=8")
    assert done.returncode == 0, done.stderr
    assert same(run, calm)
    assert steps(run) == steps(calm) == [2, 4, 6, 8]
    assert [path.name for path in run.grids()] == [path.name for path in calm.grids()]
    assert not unfinished(run) and record(run)["status"] == "finished"


def test_a_killed_run_is_called_so_and_its_pictures_can_be_had(type_, run):
    as_if_killed(run)
    assert run.known_record()["status"] == "killed"
    done = type_("sample", "run=run", "n=4")
    assert done.returncode == 0 and "was killed" in done.stderr and "resume=run" in done.stderr
    type_("report", "root=.")
    assert "1 killed" in Path("report.html").read_text()


def test_an_iteration_stands_once_in_tensorboard_also_if_it_was_made_twice(train, run):
    run.last.unlink()
    run.checkpoint(4).unlink()
    run.best.unlink()  # The run was at iteration 4, and goes on from 2.
    for events in run.events():  # TensorBoard sorts the files by the second in their names.
        events.rename(events.with_name(events.name.replace("tfevents.", "tfevents.0")))
    assert train("resume=run", "trainer.max_steps=6").returncode == 0
    events = EventAccumulator(str(run.path), size_guidance={"tensors": 0})
    events.Reload()
    for tag in ("loss/generator", "training_evaluation/duplicates"):
        assert Counter(point.step for point in events.Tensors(tag)) == {2: 1, 4: 1, 6: 1}
    assert Counter(point.step for point in events.Tensors("samples")) == {0: 1, 2: 1, 4: 1, 6: 1}


def test_a_grid_that_was_not_made_before_a_kill_is_made_at_resume(train, run):
    run.grid(4).unlink()
    assert train("resume=run", "trainer.max_steps=6").returncode == 0
    assert run.grid(4).is_file()


def test_a_damaged_grid_is_left_out_of_the_animation(train, run):
    run.grid(2).write_bytes(run.grid(2).read_bytes()[:500])
    done = train("resume=run", "trainer.max_steps=6")
    assert done.returncode == 0, done.stderr


def test_what_a_killed_writer_left_is_cleared_away_by_the_next_one(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    here = socket.gethostname()
    left = tmp_path / f".unfinished-{int(dead.stdout)}@{here}-faces.npz"
    alive = tmp_path / f".unfinished-{os.getppid()}@{here}-faces.npz"
    other = tmp_path / f".unfinished-{int(dead.stdout)}@{here}-cats.npz"
    for path in (left, alive, other):
        path.touch()
    with whole(tmp_path / "faces.npz") as temporary:
        temporary.touch()
    assert not left.exists() and alive.exists() and other.exists()


def test_a_line_that_was_cut_is_taken_away_before_the_next_one_is_added(tmp_path):
    folder = RunFolder(tmp_path)
    folder.metrics.write_text('{"step": 2}\n{"step": 4, "fi')
    folder.append_metrics({"step": 6})
    assert folder.metrics.read_text() == '{"step": 2}\n{"step": 6}\n'
    folder.metrics.write_text("half")
    folder.append_metrics({"step": 8})
    assert folder.metrics.read_text() == '{"step": 8}\n'


@pytest.mark.parametrize("damage", ["3", "null", "[]", "{}", "{", '{"step": "x"}', "\udc80\0"])
def test_lines_that_are_no_evaluations_do_not_stop_a_resume(tmp_path, damage):
    folder = RunFolder(tmp_path)
    folder.metrics.write_bytes(f'{{"step": 2}}\n{damage}\n'.encode(errors="surrogateescape"))
    folder.rewind(2)
    assert folder.metrics.read_text() == '{"step": 2}\n'


# Checkpoints


def spoil(path: Path, how: str, other: Path) -> None:
    """Damage a checkpoint, or put the checkpoint `other` in its place."""
    if how == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    elif how == "altered":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif how == "of another run":
        shutil.copyfile(other, path)
    else:
        path.unlink()


@pytest.fixture
def older_alone(run) -> RunFolder:
    """The run, with damage in all checkpoints but `last` and the one of iteration 2."""
    for path in (run.checkpoint(4), run.best):
        path.write_bytes(b"half")
    return run


@pytest.mark.parametrize(
    ("how", "told"),
    [("cut", "damaged"), ("altered", "damaged"), ("of another run", "of another run"), ("missing", "missing")],
)
def test_the_newest_checkpoint_that_can_be_used_is_found(trained, tiny, older_alone, caplog, how, told):
    spoil(older_alone.last, how, RunFolder(trained(*tiny)).last)
    assert checkpoints.newest_whole(older_alone) == older_alone.checkpoint(2)
    assert f"{older_alone.last} is {told}" in caplog.text


@pytest.mark.parametrize("how", ["altered", "of another run"])
def test_the_newest_checkpoint_that_can_be_used_is_used_and_named(train, trained, tiny, older_alone, calm, how):
    spoil(older_alone.last, how, RunFolder(trained(*tiny)).last)
    done = train("resume=run", "trainer.max_steps=8")
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "last.ckpt is" in done.stderr and f"The run goes on from {older_alone.checkpoint(2)}" in done.stderr
    assert same(older_alone, calm) and steps(older_alone) == [2, 4, 6, 8]


def test_a_run_goes_on_from_its_best_checkpoint_if_no_newer_one_is_whole(train, run, calm):
    at = checkpoints.read(run.best)["global_step"]
    for path in (run.last, run.checkpoint(4), *([run.checkpoint(2)] if at == 2 else [])):
        path.write_bytes(b"half")
    done = train("resume=run", "trainer.max_steps=8")
    assert done.returncode == 0 and f"The run goes on from {run.best}" in done.stderr
    assert same(run, calm)


def test_pictures_are_made_of_the_newest_whole_checkpoint_if_the_usual_one_is_damaged(type_, run):
    run.best.write_bytes(b"half")
    done = type_("sample", "run=run", "n=4")
    assert done.returncode == 0, done.stderr
    assert "best.ckpt is damaged" in done.stderr and "last.ckpt is taken instead" in done.stderr
    named = type_("sample", "run=run", "n=4", "checkpoint=best")
    assert named.returncode == 2 and "not a whole checkpoint" in named.stderr


def test_another_run_s_checkpoint_in_a_run_s_folder_is_refused(type_, trained, tiny, run):
    shutil.copyfile(RunFolder(trained(*tiny)).last, run.last)
    done = type_("sample", "run=run", "n=4", "checkpoint=last")
    assert done.returncode == 2 and "of another run" in done.stderr


def test_a_run_from_before_runs_had_ids_goes_on_and_gets_one(train, run):
    known = record(run)
    own = known.pop("id")
    run.record.write_text(json.dumps(known))
    for path in run.checkpoints.iterdir():
        contents = torch.load(path, weights_only=True)
        assert contents.pop("run") == own
        torch.save(contents, path)
    assert train("resume=run", "trainer.max_steps=6").returncode == 0
    assert record(run)["id"] == checkpoints.read(run.last)["run"] != own


def test_a_run_whose_record_is_lost_keeps_the_id_of_its_checkpoints(train, run):
    own = record(run)["id"]
    run.record.unlink()
    assert train("resume=run", "trainer.max_steps=6").returncode == 0
    assert record(run)["id"] == own


def test_a_fork_has_an_id_of_its_own(train, run, tmp_path):
    assert train("fork=run", "trainer.max_steps=6", "hydra.run.dir=fork").returncode == 0
    fork = RunFolder(tmp_path / "fork")
    assert record(fork)["id"] == checkpoints.read(fork.last)["run"] != record(run)["id"]


# What the system refuses


@pytest.fixture
def refuse(monkeypatch):
    """`refuse(number, "last.ckpt")`: the system refuses to write files of that name."""

    def refuse(number: int, name: str) -> None:
        replace = os.replace

        def replaced(source, target):
            if Path(target).name == name:
                raise OSError(number, os.strerror(number))
            replace(source, target)

        monkeypatch.setattr(os, "replace", replaced)

    return refuse


FULL, FORBIDDEN = (errno.ENOSPC, "free some space"), (errno.EACCES, "change the permissions")


@pytest.mark.parametrize(
    ("name", "saved", "number", "words"),
    [
        ("last.ckpt", 2, *FULL),
        ("last.ckpt", 2, *FORBIDDEN),
        ("step-000002.ckpt", 2, *FULL),
        ("step-000002.png", 2, *FORBIDDEN),
        ("progress.gif", 4, *FULL),
        ("best.ckpt", 2, *FORBIDDEN),
    ],
)
def test_a_file_that_cannot_be_written_is_named_in_one_sentence_and_costs_no_iteration(
    train, measured, refuse, tmp_path, name, saved, number, words
):
    refuse(number, name)
    done = train(*measured, "hydra.run.dir=run")
    folder = RunFolder(tmp_path / "run")
    told = [text for text in done.stderr.splitlines() if words in text]
    assert done.returncode == 2 and len(told) == 1 and f"{name}: " in told[0] and "Traceback" not in done.stderr
    assert record(folder)["status"] == "failed" and not unfinished(folder)
    assert "To go on: python -m ganexp.train resume=run" in told[0]
    assert checkpoints.read(checkpoints.newest_whole(folder))["global_step"] == saved


def test_with_space_again_the_run_goes_on_and_ends_as_a_calm_one(train, measured, refuse, calm, monkeypatch, tmp_path):
    with monkeypatch.context():
        refuse(errno.ENOSPC, "step-000004.png")
        assert train(*measured, "hydra.run.dir=run", "checkpoint.every=0").returncode == 2
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    done = train("resume=run", "trainer.max_steps=8")
    assert done.returncode == 0, done.stderr
    assert same(RunFolder(tmp_path / "run"), calm)


def test_a_record_that_cannot_be_written_ends_the_run_in_one_sentence(train, tiny, refuse):
    refuse(errno.ENOSPC, "run.json")
    done = train(*tiny, "hydra.run.dir=run")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "run.json: the disk is full: free some space" in done.stderr


def test_a_folder_that_is_removed_beneath_a_run_is_not_made_anew(train, tiny, tmp_path, monkeypatch):
    from ganexp.callbacks.samples import SampleGrid

    look = SampleGrid.look

    def removed(self, gan, step):
        if step == 2:
            shutil.rmtree(tmp_path / "run")
        look(self, gan, step)

    monkeypatch.setattr(SampleGrid, "look", removed)
    done = train(*tiny, "hydra.run.dir=run", "logger=csv")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "run: no such file or folder" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_measurement_is_given_also_if_the_run_s_folder_cannot_be_written(type_, run, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(run.metrics))

    monkeypatch.setattr(RunFolder, "append_metrics", refused)
    before = record(run)
    done = type_("evaluate", "run=run", "n=120", "out=metrics.json", "device=cpu")
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "not kept in the run's folder" in done.stderr and "metrics.jsonl" in done.stderr
    assert json.loads(Path("metrics.json").read_text())["figures"] == before["evaluation"]["figures"]


def test_a_cache_that_cannot_be_written_costs_time_alone(type_, run, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    done = type_("evaluate", "run=run", "n=120", "device=cpu")
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "cannot be kept" in done.stderr


def test_a_user_without_a_home_folder_can_measure(type_, run, monkeypatch):
    import pwd

    def unknown(_):
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    done = type_("evaluate", "run=run", "n=120", "device=cpu")
    assert done.returncode == 0, done.stderr
    assert "cannot be kept" in done.stderr and "XDG_CACHE_HOME" in done.stderr


def test_a_second_process_on_one_run_is_refused(train, run):
    with run.locked():
        done = train("resume=run", "trainer.max_steps=8")
    assert done.returncode == 2 and "another process is training in this folder" in done.stderr
    assert checkpoints.read(run.last)["global_step"] == 4


def test_a_second_start_in_a_folder_where_a_run_begins_changes_none_of_its_files(train, tiny, tmp_path):
    begun = RunFolder(tmp_path / "run")
    begun.config.parent.mkdir(parents=True)
    begun.config.write_text("loss: hinge")
    with begun.locked():
        done = train(*tiny, "hydra.run.dir=run")
    assert done.returncode == 2 and "another process is training in this folder" in done.stderr
    assert begun.config.read_text() == "loss: hinge"


# Signals


def ask(*numbers: signal.Signals) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


def test_a_signal_while_pictures_are_read_says_that_nothing_was_saved_and_what_to_type(
    train, tiny, tmp_path, monkeypatch
):
    for number in SIGNALS:
        with monkeypatch.context() as patch:
            patch.setattr("ganexp.data.fake.Fake.load", lambda *_, number=number: ask(number))
            done = train(*tiny, "hydra.run.dir=run")
        assert done.returncode == 130 and "Traceback" not in done.stderr
        assert f"{number.name}: stopped. Nothing was saved yet, start again: python -m ganexp.train" in done.stderr
        assert record(RunFolder(tmp_path / "run"))["status"] == "interrupted"
    typed = shlex.split(re.findall(r"start again: python -m ganexp.train (.*)", done.stderr)[0])
    assert train(*typed).returncode == 0
    # The first starts left nothing that another run could mix with. A run in the folder would be refused.
    assert train(*tiny, "hydra.run.dir=run").returncode == 0
    assert train(*tiny, "hydra.run.dir=run").returncode == 2


def resume_and_ask(train, run: RunFolder, *numbers: signal.Signals) -> str:
    """Resume a run, with these signals in its fifth iteration; what the run says. All must be saved."""
    from ganexp.gan import GAN

    iterate = GAN.iterate

    def asked(self, step):
        if step == 4:
            ask(*numbers)
        iterate(self, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GAN, "iterate", asked)
        done = train("resume=run", "trainer.max_steps=8")
    assert done.returncode == 130 and "Traceback" not in done.stderr
    assert f"{numbers[0].name}: stopped after iteration" in done.stderr and "all saved" in done.stderr
    said = record(run)
    assert (said["status"], said["why"]) == ("interrupted", numbers[0].name)
    assert 4 < said["iterations"] == checkpoints.read(run.last)["global_step"]
    return done.stderr


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_a_training_lets_the_iteration_end_and_all_be_saved(train, run, number):
    assert "To go on: python -m ganexp.train resume=run" in resume_and_ask(train, run, number)


@pytest.mark.parametrize("numbers", [[signal.SIGINT] * 3, SIGNALS])
def test_after_several_signals_the_run_goes_on_and_ends_as_a_calm_one(train, run, calm, numbers):
    said = resume_and_ask(train, run, *numbers)
    typed = shlex.split(re.findall(r"To go on: python -m ganexp.train (.*)", said)[0])
    assert train(*typed).returncode == 0
    assert same(run, calm) and steps(run) == [2, 4, 6, 8]


def test_a_signal_in_the_last_evaluation_says_how_to_get_it(train, measured, tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr("ganexp.protocols.in_domain.InDomain.evaluate_run", lambda *_, **__: ask(signal.SIGTERM))
        done = train(*measured, "hydra.run.dir=run")
    assert done.returncode == 130 and "Traceback" not in done.stderr
    assert "all 4 iterations are saved, but the run was not measured at its end" in done.stderr
    assert record(folder)["status"] == "interrupted"
    typed = shlex.split(re.findall(r"To go on: python -m ganexp.train (.*)", done.stderr)[0])
    assert train(*typed).returncode == 0
    assert record(folder)["status"] == "finished" and record(folder)["evaluation"]["figures"]


def test_a_signal_while_torch_is_imported_waits_for_the_import(monkeypatch):
    from ganexp.processes import interruption

    with interruption.listening():
        with pytest.raises(interruption.Interrupted, match="SIGTERM"), interruption.held_back():
            ask(signal.SIGTERM, signal.SIGINT)
            done = True
        assert done and interruption.received() == signal.SIGTERM


def test_other_commands_are_ended_by_a_signal_in_one_line(type_, run, monkeypatch):
    monkeypatch.setattr("ganexp.run.Run.open", lambda *_: ask(signal.SIGHUP))
    done = type_("sample", "run=run")
    assert (done.returncode, done.stderr) == (130, "SIGHUP: stopped; type the command again\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seconds", "number"), list(zip((0.1, 0.3, 0.6, 1.0, 2.0), itertools.cycle(SIGNALS), strict=False)), ids=str
)
def test_a_signal_in_the_first_seconds_of_a_process_shows_no_traceback(tiny, tmp_path, seconds, number):
    command = [sys.executable, "-m", "ganexp.train", *tiny, "trainer.max_steps=1000000"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(number)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in printed, printed
    assert printed.startswith(number.name) or f"\n{number.name}" in printed


# NaN and infinity


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_weights_that_are_not_finite_are_never_saved_over_good_ones(train, measured, tmp_path, monkeypatch, network):
    from ganexp.gan import GAN

    iterate = GAN.iterate

    def spoiled(self, step):
        iterate(self, step)
        if step == 3:  # After the scalars of the iteration, which are all finite.
            next(getattr(self, network).parameters()).data.view(-1)[0] = float("inf")

    monkeypatch.setattr(GAN, "iterate", spoiled)
    done = train(*measured, "hydra.run.dir=run", "trainer.max_steps=8")
    folder = RunFolder(tmp_path / "run")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "Stopped at iteration 4" in done.stderr and f"the weights of the {network}" in done.stderr
    assert record(folder)["status"] == "failed" and folder.nan.is_file()
    for path in (folder.last, folder.best):
        assert checkpoints.read(path)["global_step"] == 2
    monkeypatch.setattr(GAN, "iterate", iterate)
    typed = shlex.split(re.findall(r"checkpoint, type python -m ganexp.train (.*)", done.stderr)[0])
    again = train(*typed)
    assert again.returncode == 0, again.stderr
