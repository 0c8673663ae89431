import pytest

from ganexp.errors import did_you_mean


def test_a_near_miss_is_named_before_all_that_is_known():
    assert did_you_mean("vanila", ["wgan", "vanilla"]) == "did you mean vanilla? Known: vanilla, wgan"


def test_of_many_keys_the_near_one_stands_alone_and_a_last_part_is_enough():
    keys = [f"section.key{i}" for i in range(30)] + ["optimizer.generator.lr", "optimizer.discriminator.lr"]
    assert did_you_mean("section.kye7", keys) == "did you mean section.key7?"
    assert did_you_mean("lr", keys) == "did you mean optimizer.discriminator.lr or optimizer.generator.lr?"


def test_keys_of_what_was_chosen_are_known(type_):
    done = type_("train", "data=image_folder", "data.root=x", "data.image_sise=64")
    assert "did you mean data.image_size?" in done.stderr


def test_where_nothing_is_near_all_that_is_known_is_named():
    assert did_you_mean("zebra", ["wgan", "vanilla"]) == "Known: vanilla, wgan"


@pytest.mark.parametrize(
    "typed", ["evaluate run=nowhere", "evaluator out=here", "export run=nowhere", "report root=nowhere", "sample run=x"]
)
def test_a_mistake_leaves_nothing_in_the_folder_one_is_in(type_, typed, tmp_path):
    assert type_(*typed.split()).returncode == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("typed", ["hydra.run.dir=file/run", "-m hydra.sweep.dir=file/runs"], ids=["run", "sweep"])
def test_a_folder_that_cannot_be_made_is_named_in_a_sentence(type_, typed, tmp_path):
    (tmp_path / "file").touch()
    done = type_("train", "data=fake", *typed.split(), "trainer.max_steps=1")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "file/run" in done.stderr and "name another: hydra." in done.stderr


def test_a_log_that_cannot_be_written_is_named_in_a_sentence(type_, tmp_path):
    (tmp_path / "run/train.log").mkdir(parents=True)
    done = type_("train", "data=fake", "trainer.max_steps=1", "hydra.run.dir=run")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "run/train.log" in done.stderr
