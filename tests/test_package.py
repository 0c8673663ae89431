"""The built wheel holds all that a run needs, from any directory."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from omegaconf import OmegaConf

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


def succeed(command: list[str], **options) -> None:
    done = subprocess.run(command, text=True, capture_output=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive and not from the checkout."""
    dist = tmp_path_factory.mktemp("dist")
    succeed([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(ROOT)])
    (built,) = dist.glob("*.whl")
    return built


def test_the_wheel_holds_every_yaml_and_every_file_of_the_package(wheel: Path):
    held = set(zipfile.ZipFile(wheel).namelist())
    yamls = {f"ganexp/conf/{path.relative_to(ROOT / 'conf')}" for path in (ROOT / "conf").rglob("*.yaml")}
    package = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "ganexp").rglob("*") if path.is_file()}
    package = {name for name in package if "__pycache__" not in name}
    assert sum(name.endswith("-ubyte.gz") for name in package) == 4 and any(name.endswith(".pt") for name in package)
    assert yamls | package <= held


def test_an_installed_wheel_trains_in_an_empty_directory_with_a_recipe_of_the_users(
    wheel: Path, tmp_path: Path, tiny: list[str]
):
    site, recipes, empty = tmp_path / "site", tmp_path / "recipes", tmp_path / "empty"
    succeed([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)])
    (recipes / "model").mkdir(parents=True)
    (recipes / "model" / "mine.yaml").write_text("# @package _global_\ntrain:\n  n_critic: 3\n")
    empty.mkdir()

    succeed(
        [sys.executable, "-m", "ganexp.train", "--config-dir", str(recipes), "model=mine", *tiny],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(site)},
    )

    assert [path.name for path in empty.iterdir()] == ["outputs"]
    (run,) = (empty / "outputs").iterdir()
    assert OmegaConf.load(run / ".hydra" / "config.yaml").train.n_critic == 3
    assert (run / "checkpoints" / "last.ckpt").is_file()
    sources = OmegaConf.load(run / ".hydra" / "hydra.yaml").hydra.runtime.config_sources
    assert {source.path for source in sources} >= {str(site / "ganexp" / "conf"), str(recipes)}
