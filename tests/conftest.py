"""What several tests share: the command as a user types it, and a run that takes no time."""

import contextlib
import functools
import importlib
import importlib.metadata
import io
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from ganexp.config import CONF, Config, parse, register_resolvers

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # A core each: threads of two workers would wait for one another.
if yaml.__with_libyaml__:
    yaml.SafeLoader = yaml.CSafeLoader  # A command reads some thirty YAML files, and there are hundreds of commands.
# Lightning's Trainer asks every installed package for callbacks. The answer is the same for hundreds of trainers.
importlib.metadata.entry_points = functools.cache(importlib.metadata.entry_points)


class Done(NamedTuple):
    returncode: int
    stderr: str


Train = Callable[..., Done]


def options(group: str) -> list[str]:
    """The choices that `conf/` has of a group."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.fixture(autouse=True)
def no_hydra_left() -> Iterator[None]:
    """A process has one Hydra, so a test that does not clear it would make the next command fail."""
    yield
    left = GlobalHydra.instance().is_initialized()
    GlobalHydra.instance().clear()
    assert not left, "the test leaves Hydra initialised: the next command of this process would fail"


@pytest.fixture
def hydra():
    """Lets `hydra.compose` find `conf/`. A test with this fixture cannot start a command: that has its own Hydra."""
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


@functools.cache
def chosen(*overrides: str) -> Config:
    """The configuration of small networks; composing takes longer than their iterations. Needs the fixture `hydra`."""
    return parse(compose("train", ["model.hidden=8", "model.latent_dim=4", *overrides]))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """ganexp's cache for the time of the tests. The workers of pytest-xdist share one, as a user's processes do."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux" and "PLAYWRIGHT_BROWSERS_PATH" not in os.environ:
            usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
            patch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(usual / "ms-playwright"))
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


def type_in(folder: Path, command: str, *typed: str) -> Done:
    """`python -m ganexp.<command> <typed>` in a folder, without the seconds of a start."""
    root = logging.getLogger()  # What a command does to the process is undone.
    handlers, level, terminate = root.handlers[:], root.level, signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()) as stderr:
        patch.chdir(folder)
        patch.setattr(sys, "argv", [command, *typed])
        patch.setenv("HYDRA_FULL_ERROR", "0")
        patch.setenv("PL_GLOBAL_SEED", "0")
        patch.setattr(os, "fsync", lambda _: None)  # No test cuts the power, and a disk takes its time.
        # Hydra would compose everything twice: first to see whether the key hydra.mode asks for a sweep.
        patch.setattr("hydra._internal.hydra.Hydra.get_mode", lambda *_, **__: None)
        code = 0
        try:
            importlib.import_module(f"ganexp.{command}").main()
        except SystemExit as end:
            code = end.code
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
            signal.signal(signal.SIGTERM, terminate)
    return Done(code, stderr.getvalue())


def child(code: str, path: Path) -> subprocess.Popen:
    """A process that runs `code`, with `path` as `sys.argv[1]`; it has printed a line when this function returns."""
    imports = "import sys, time; from pathlib import Path; path = Path(sys.argv[1])\n"
    process = subprocess.Popen([sys.executable, "-c", imports + code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture
def type_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """`type_("train", "seed=1")` is `python -m ganexp.train seed=1` in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    return functools.partial(type_in, tmp_path)


@pytest.fixture
def train(type_) -> Train:
    return functools.partial(type_, "train")


def make_evaluator(path: Path, kind: str = "convolutions") -> Path:
    """Train an evaluator of the pictures that `tiny` trains on; its weights are the file `path`."""
    import torch

    from ganexp.data.fake import Fake
    from ganexp.evaluators.classifier import Architecture
    from ganexp.evaluators.evaluator import save
    from ganexp.evaluators.fitting import Fitting, fit
    from ganexp.evaluators.lenet import LeNet

    pictures = Fake(batch_size=8, n=256, image_size=28, channels=1, classes=10).load()
    architecture = Architecture((4, 4, 4), pooled=False) if kind == "convolutions" else LeNet((2, 2, 8, 8))
    fitting = Fitting(epochs=1, batch_size=32, lr=0.01, weight_decay=0, label_smoothing=0, shift=0)
    # The command would refuse it: nobody can tell classes of noise apart. Here it only has to be small.
    save(fit(architecture, fitting, pictures, False, torch.device("cpu")), architecture, fitting, pictures, path)
    return path


@pytest.fixture(scope="session")
def fake_evaluator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_evaluator(tmp_path_factory.mktemp("evaluator") / "fake_cnn.pt")


@pytest.fixture(scope="session")
def second_evaluator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_evaluator(tmp_path_factory.mktemp("evaluator") / "fake_lenet.pt", "lenet")


TINY = [
    "data=fake",
    "data.n=64",
    "data.image_size=28",
    "data.channels=1",
    "data.batch_size=8",
    "model.hidden=8",
    "trainer.max_steps=4",
    "trainer.accelerator=cpu",
    "trainer.log_every_n_steps=2",
    "samples.every=0",
    "checkpoint.every=2",
    "evaluation.every=0",
]


@pytest.fixture
def tiny() -> list[str]:
    """Overrides for a run of four iterations on made-up pictures."""
    return list(TINY)


@pytest.fixture
def measured(tiny, fake_evaluator, second_evaluator) -> list[str]:
    """The same, with evaluations."""
    return [
        *tiny,
        "data.n=256",
        f"data.evaluator={fake_evaluator}",
        f"data.second_evaluator={second_evaluator}",
        "evaluation.every=2",
        "evaluation.samples=100",
        "evaluation.final=120",
    ]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`trained(*overrides)` is the folder of a run that was trained once for all tests, and is not to be changed."""

    @functools.cache
    def train(*overrides: str) -> Path:
        folder = tmp_path_factory.mktemp("trained")
        done = type_in(folder, "train", *overrides, "hydra.run.dir=run")
        assert done.returncode == 0, done.stderr
        (folder / "stderr").write_text(done.stderr)
        return folder / "run"

    return train


def only_run(folder: Path) -> Path:
    """The one run of a command that was typed in that folder."""
    (run,) = (folder / "outputs").iterdir()
    return run


def last(run: Path) -> dict[str, Any]:
    """The contents of a run's last checkpoint."""
    from ganexp.run_folder import checkpoints

    return checkpoints.read(run / "checkpoints" / "last.ckpt")


def assert_learned_the_same(one: Path, other: Path) -> None:
    """Two runs are equal to the last bit, in all that a resume goes on from, except the seconds that they took."""
    a, b = last(one), last(other)
    for checkpoint in (a, b):
        checkpoint["callbacks"].pop("Speed")
    for part in ("global_step", "state_dict", "optimizer_states", "callbacks", "rng"):
        _assert_equal(a[part], b[part], part)


def _assert_equal(a: Any, b: Any, at: str) -> None:
    import torch

    assert type(a) is type(b), at
    if isinstance(a, dict):
        assert a.keys() == b.keys(), at
        for key in a:
            _assert_equal(a[key], b[key], f"{at}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), at
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _assert_equal(x, y, f"{at}[{i}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), at
    else:
        assert a == b, at


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium, the system's or playwright's own."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="pages are opened by playwright: install the dev extra"
    )
    installed = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with playwright.sync_playwright() as started:
        if installed is None and not Path(started.chromium.executable_path).exists():
            pytest.skip("no Chromium to open pages in: type playwright install chromium")
        opened = started.chromium.launch(executable_path=installed)
        yield opened
        opened.close()


@contextlib.contextmanager
def watched(browser):
    """An empty page of the browser; what is opened in it must not complain, nor ask the network for anything."""
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
    yield page
    page.close()
    assert complaints == []


@pytest.fixture
def page(browser):
    with watched(browser) as page:
        yield page


@pytest.fixture(scope="session")
def untrained() -> Callable:
    """`untrained("dcgan", conditional=True)` is (run, generator), with statistics in its BatchNorms."""
    for package in ("onnx", "onnxruntime", "onnxscript", "safetensors"):
        pytest.importorskip(package)
    import torch

    from ganexp import build
    from ganexp.run import Run
    from ganexp.run_folder.folder import RunFolder

    def make(network: str, conditional: bool, *overrides: str):
        register_resolvers()
        options = ["data=fake", f"network={network}", "model.hidden=8", "model.latent_dim=12", *overrides]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = parse(compose("train", [*options, f"model.conditional={conditional}"]))
        classes = ("cat", "dog", "</script>")
        shape = (3, 32, 32) if network in ("dcgan", "resnet", "compact") else (1, 28, 28)
        run = Run(RunFolder(Path("a run")), config, {"data": {"name": "Fake", "shape": shape, "classes": classes}})
        random = torch.Generator().manual_seed(0)
        generator = build.generator(config, shape, len(classes))
        for module in generator.modules():
            if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1, generator=random)
                module.running_var.uniform_(0.5, 1.5, generator=random)
        with torch.no_grad():
            for weights in generator.parameters():
                weights.add_(0.05 * torch.randn(weights.shape, generator=random))
        return run, generator.eval().requires_grad_(False)

    return make


@pytest.fixture(scope="session")
def exported(untrained) -> Callable:
    """The same with the ONNX graph: (run, generator, graph)."""
    from ganexp.exporting import portable

    @functools.cache
    def export(network: str, conditional: bool):
        run, generator = untrained(network, conditional)
        return run, generator, portable.to_onnx(generator, 12, len(run.classes))

    return export
