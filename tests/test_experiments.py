"""`conf/experiment`: questions, each as a sweep."""

from itertools import combinations

import pytest
import yaml
from conftest import options
from hydra import compose, initialize_config_dir

from ganexp.config import CONF, parse, register_resolvers
from ganexp.sweeps import sweep_folder


@pytest.mark.parametrize("name", options("experiment"))
def test_an_experiment_says_how_it_is_typed_and_holds_values_to_sweep_alone(name):
    """A job is then told by its own overrides, and its command needs no experiment."""
    text = (CONF / "experiment" / f"{name}.yaml").read_text()
    assert f"#   python -m ganexp.train -m +experiment={name}\n" in text
    document = yaml.safe_load(text)
    assert document.keys() == {"hydra"} and document["hydra"].keys() == {"sweeper"}
    assert document["hydra"]["sweeper"].keys() == {"params"}


@pytest.mark.parametrize("name", options("experiment"))
def test_every_job_of_an_experiment_composes(name):
    text = (CONF / "experiment" / f"{name}.yaml").read_text()
    params = yaml.safe_load(text)["hydra"]["sweeper"]["params"]
    seeds = str(params.pop("seed")).split(",")
    jobs = sweep_folder.product([f"{key}={values}" for key, values in params.items()])
    assert f"? {len(jobs) * len(seeds)} runs." in text
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        configs = [parse(compose("train", [f"+experiment={name}", *job])) for job in jobs]
    assert all(one != other for one, other in combinations(configs, 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", options("experiment"))
def test_every_experiment_finishes(train, tiny, tmp_path, name):
    done = train("-m", f"+experiment={name}", *tiny, "seed=0", "hydra.sweep.dir=s")
    assert done.returncode == 0, done.stderr
    assert "finished" in (tmp_path / "s" / "report.html").read_text()


@pytest.mark.parametrize(
    "typed", [["+experiment=width"], ["-m", "experiment=width"], ["-m", "+experiment=width,depth"]], ids=" ".join
)
def test_an_experiment_that_would_not_be_swept_is_refused(train, typed):
    done = train(*typed)
    assert done.returncode == 2 and "-m" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_job_s_record_and_its_resume_need_no_experiment(train, tiny, tmp_path):
    assert train("-m", "+experiment=conditional", *tiny, "seed=0", "hydra.sweep.dir=s").returncode == 0
    run = next((tmp_path / "s").glob("1_*"))
    assert "experiment" not in yaml.safe_load((run / "run.json").read_text())["command"]
    done = train(f"resume={run.relative_to(tmp_path)}", "trainer.max_steps=6")
    assert done.returncode == 0, done.stderr
