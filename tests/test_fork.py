"""A fork is a new run that goes on from the state of another one."""

import json

import pytest
import torch


@pytest.fixture
def parent(trained, tiny):
    return trained(*tiny, "checkpoint.keep=5", "model.conditional=true")


def state(run, checkpoint="last"):
    return torch.load(run / "checkpoints" / f"{checkpoint}.ckpt", weights_only=True)


def test_an_unchanged_fork_ends_as_its_parent(train, tmp_path, parent):
    assert train(f"fork={parent}", "at=2", "hydra.run.dir=child").returncode == 0
    ours, theirs = state(tmp_path / "child"), state(parent)
    assert ours["global_step"] == theirs["global_step"] == 4
    assert all(torch.equal(ours["state_dict"][name], value) for name, value in theirs["state_dict"].items())
    record = json.loads((tmp_path / "child" / "run.json").read_text())
    assert record["fork"] == {"run": str(parent), "iteration": 2, "start": "state"}
    assert not (tmp_path / "child" / "checkpoints" / "start.ckpt").exists(), "only the parent's state is kept"


def test_a_fork_may_name_the_newest_run_and_its_last_checkpoint(train, tiny, tmp_path):
    assert train(*tiny).returncode == 0
    done = train("fork=latest", "at=last", "trainer.max_steps=5", "hydra.run.dir=child")
    assert done.returncode == 0 and "fork=latest is outputs/" in done.stderr
    assert json.loads((tmp_path / "child" / "run.json").read_text())["fork"]["iteration"] == 4
    assert train("resume=latest", "trainer.max_steps=6").returncode == 0
    (parent,) = (tmp_path / "outputs").iterdir()
    assert state(parent)["global_step"] == 6


def test_with_another_seed_a_fork_draws_other_random_numbers(train, tmp_path, parent):
    for seed in (1, 2):
        done = train(f"fork={parent}", "at=2", f"seed={seed}", "trainer.max_steps=3", f"hydra.run.dir={seed}")
        assert done.returncode == 0, done.stderr
    one, two = (state(tmp_path / str(seed))["rng"]["cpu"] for seed in (1, 2))
    assert not torch.equal(one, two)


def test_a_short_fork_keeps_only_its_parent_s_state(train, tmp_path, parent):
    assert train(f"fork={parent}", "at=2", "checkpoint.every=0", "hydra.run.dir=child").returncode == 0
    assert not (tmp_path / "child" / "checkpoints" / "start.ckpt").exists()


def test_anything_else_may_be_changed(train, tmp_path, parent):
    changed = ["loss=hinge", "regularizer=r1", "train.n_critic=2", "train.ema_decay=0", "trainer.max_steps=6"]
    assert train(f"fork={parent}", *changed, "hydra.run.dir=child").returncode == 0
    assert state(tmp_path / "child")["global_step"] == 6


def test_a_new_learning_rate_counts_and_the_moments_stay(train, tmp_path, parent):
    typed = ["optimizer.generator.lr=0.125", "at=2", "trainer.max_steps=3"]
    assert train(f"fork={parent}", *typed, "hydra.run.dir=child").returncode == 0
    generator = state(tmp_path / "child")["optimizer_states"][0]
    assert generator["param_groups"][0]["lr"] == 0.125
    assert generator["state"][0]["step"] == 3


def test_an_optimizer_of_another_kind_starts_anew_and_says_so(train, tmp_path, parent):
    done = train(f"fork={parent}", "optimizer=rmsprop", "at=2", "trainer.max_steps=3", "hydra.run.dir=child")
    assert "optimizer.generator is of another kind than the parent's, so it starts without a state" in done.stderr
    assert state(tmp_path / "child")["optimizer_states"][0]["state"][0]["step"] == 1


def test_a_momentum_that_the_parent_did_not_have_starts_at_0(train, trained, tiny, tmp_path):
    parent = trained(*tiny, "model=wgan")
    done = train(f"fork={parent}", "optimizer.generator.betas=[0.9,0.99]", "trainer.max_steps=6", "hydra.run.dir=child")
    assert done.returncode == 0, done.stderr
    assert state(tmp_path / "child")["optimizer_states"][0]["state"][0]["momentum_buffer"].abs().sum() > 0


def test_weights_alone_start_at_iteration_0(train, tmp_path, parent):
    typed = ["start=weights", "trainer.max_steps=1", "optimizer.generator.lr=1e-12", "optimizer.discriminator.lr=1e-12"]
    assert train(f"fork={parent}", *typed, "hydra.run.dir=child").returncode == 0
    ours, theirs = state(tmp_path / "child"), state(parent)
    assert ours["global_step"] == 1
    for name, value in theirs["state_dict"].items():
        if name.startswith("ema."):
            continue  # The average moves towards the generator.
        torch.testing.assert_close(ours["state_dict"][name], value)


def test_a_forked_run_can_be_resumed(train, tmp_path, parent):
    train(f"fork={parent}", "at=2", "trainer.max_steps=3", "hydra.run.dir=child")
    assert train("resume=child", "trainer.max_steps=4").returncode == 0
    ours, theirs = state(tmp_path / "child"), state(parent)
    assert all(torch.equal(ours["state_dict"][name], value) for name, value in theirs["state_dict"].items())


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["at=3"], "at=3: "),
        (["model.hidden=16", "at=2"], "its networks are not those of this configuration"),
        ([], "trainer.max_steps=8"),
        (["fork="], "fork= names no folder"),
        (["fork=nowhere"], "fork=nowhere: no checkpoint"),
    ],
)
def test_what_cannot_be_forked_is_refused_in_a_sentence(train, parent, typed, sentence):
    done = train(f"fork={parent}", *typed, "hydra.run.dir=child")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
