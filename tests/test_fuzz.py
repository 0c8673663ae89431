"""Whatever is typed for any key: the run trains, or one sentence refuses it. Never a traceback, never a hang."""

import contextlib
import resource
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from conftest import TINY, options, type_in

hypothesis = pytest.importorskip("hypothesis", reason="configurations are made up by hypothesis: install the dev extra")
st = hypothesis.strategies

GROUPS = {
    "model": options("model"),
    "network": options("network"),
    "loss": options("loss"),
    "regularizer": options("regularizer"),
    "optimizer": options("optimizer"),
    "logger": ["tensorboard", "csv", "[tensorboard,csv]", "[]"],
    "data": ["fake", "image_folder"],
}
"""Options that need no network and no other package."""

MEMORY = 4 << 30
"""Bytes that a configuration may ask for in a test, beside those that are in use."""

NUMBERS = st.sampled_from(["-1", "0", "1", "2", "3", "7", "0.5", "-0.0", "1e-30", "1e30", "inf", "nan", "2147483647"])
HUGE = st.sampled_from(["2147483648", "9223372036854775808", "1" + "0" * 40, "1e400"])
WORDS = st.sampled_from(
    ["null", "true", "false", "auto", "none", "", "???", "x", "1_000", "0x10", "~", "latest", "/", ".", "größe", "a b"]
)
QUOTED = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).map(lambda text: f"'{text}'")
RAW = st.text("ab01 ,:=[]{}()'\"\\$@+~*?#%&|<>\n", max_size=8)
REFERENCES = st.sampled_from(
    ["${nosuch}", "${seed}", "${model}", "${oc.env:NOT_SET_ANYWHERE}", "${run_name:a}", "${", "${hydra:job.name}"]
)
LISTS = st.sampled_from(["[]", "[0]", "[0,1]", "[a,b]", "[[1],2]", "{}", "{a:1}", "{_target_:os.getcwd}", "0,1", "[1,"])
VALUES = st.one_of(NUMBERS, HUGE, WORDS, QUOTED, RAW, REFERENCES, LISTS)
TARGETS = st.sampled_from(
    [
        "os.getcwd",
        "ganexp.losses.Hinge",
        "ganexp.losses",
        "torch.nn.Linear",
        "nosuch.Thing",
        "",
        "3",
        "null",
        ".",
        "a..b",
    ]
)


@cache
def keys(command: str) -> list[str]:
    """Every key of a command, without the groups, the folders of Hydra, and how many pictures there are to be."""
    from ganexp.console.refusals import taken

    left_out = GROUPS.keys() if command == "train" else {*GROUPS, "n", "watch"}
    return [key for key in taken(command) if key not in left_out and not key.startswith("hydra")]


def overrides() -> st.SearchStrategy[str]:
    """One override: any key with any value, a class in a wrong place, a key that does not exist, or a key removed."""
    key = st.sampled_from(keys("train"))
    group = st.sampled_from(sorted(GROUPS))
    return st.one_of(
        st.builds("{}{}={}".format, st.sampled_from(["", "+", "++"]), key, VALUES),
        st.builds("{}={}".format, group, VALUES),
        st.builds("{}._target_={}".format, group, TARGETS),
        st.builds("{}{}.{}={}".format, st.sampled_from(["", "+"]), group, st.sampled_from(["x", "every", "0"]), VALUES),
        st.builds("~{}".format, st.one_of(key, group)),
        st.sampled_from(sorted(GROUPS)).flatmap(
            lambda name: st.sampled_from(GROUPS[name]).map(lambda option: f"{name}={option}")
        ),
        RAW.filter(lambda text: not text.startswith("-")),
    )


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training ends after two iterations, whatever `trainer.max_steps` is."""
    from ganexp import fit

    make_trainer = fit.make_trainer

    def capped(*arguments):
        made = make_trainer(*arguments)
        made.fit_loop.epoch_loop.max_steps = min(made.max_steps, 2)
        return made

    monkeypatch.setattr(fit, "make_trainer", capped)


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    """What cannot be had is refused by the system, and nothing is swapped out."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    status = Path("/proc/self/statm")
    if status.is_file():
        in_use = int(status.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def settings(examples: int):
    return hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def works_or_is_refused(folder: Path, command: str, *typed: str) -> None:
    try:
        with bounded_memory():
            done = type_in(folder, command, *typed)
    finally:
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    assert done.returncode in (0, 2), (typed, done)
    assert "Traceback" not in done.stderr, (typed, done)
    if done.returncode == 2:
        assert done.stderr.strip(), f"{typed} is refused without a word"


@pytest.mark.parametrize("examples", [12, pytest.param(80, marks=pytest.mark.slow)])
def test_any_override_trains_or_gets_its_sentence(short, tmp_path, examples):
    @settings(examples)
    @hypothesis.given(st.lists(overrides(), min_size=1, max_size=3))
    def check(typed: list[str]) -> None:
        works_or_is_refused(tmp_path, "train", *TINY, "samples.every=0", "trainer.max_steps=2", *typed)

    check()


KINDS = ["-1", "0", "2", "0.5", "nan", "1e400", "null", "true", "x", "", "${nosuch}", "[]", "[a,b]", "{a:1}", "0,1"]


@pytest.mark.slow
def test_each_key_trains_or_refuses_values_of_several_kinds(short, tmp_path):
    for place, key in enumerate(keys("train")):
        for kind in (2 * place, 2 * place + 1):
            typed = f"{key}={KINDS[kind % len(KINDS)]}"
            works_or_is_refused(tmp_path, "train", *TINY, "samples.every=0", "trainer.max_steps=2", typed)


@pytest.mark.parametrize("command", ["sample", "evaluate", "report", "export"])
@pytest.mark.parametrize("examples", [4, pytest.param(25, marks=pytest.mark.slow)])
def test_any_override_of_another_command_works_or_gets_its_sentence(trained, tiny, tmp_path, command, examples):
    run = trained(*tiny)
    usual = {"sample": [f"run={run}", "n=2"], "evaluate": [f"run={run}", "n=100", "device=cpu"], "report": []}

    @settings(examples)
    @hypothesis.given(
        st.lists(st.builds("{}={}".format, st.sampled_from(keys(command)), VALUES), min_size=1, max_size=2)
    )
    def check(typed: list[str]) -> None:
        hypothesis.assume("root=/" not in typed)  # All runs of a computer take their time.
        works_or_is_refused(tmp_path, command, *usual.get(command, [f"run={run}"]), *typed)

    check()
