"""What a command does before and after its work: help, flags, streams, and mistakes told in a sentence."""

import contextlib
import io
import re
import shlex
import sys

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ganexp import __main__
from ganexp.config import CONF, parse, register_resolvers
from ganexp.console import manual
from ganexp.console.arguments import Arguments


def printed(main, *typed: str, monkeypatch) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        monkeypatch.setattr(sys, "argv", ["ganexp", *typed])
        monkeypatch.setattr(sys, "path", [*sys.path])
        main()
    return stdout.getvalue()


@pytest.mark.parametrize("command", manual.COMMANDS)
def test_help_fits_two_screens_and_names_every_key(type_, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    told = printed(__main__.main, command, "--help", monkeypatch=monkeypatch)
    lines = told.splitlines()
    assert len(lines) <= 80 and max(len(line) for line in lines if "python -m" not in line) <= 80
    own = re.findall(r"^  (\w\S*?)=", told, re.MULTILINE)
    sections = {name.partition(".")[0] for name in own}
    text = (CONF / f"{command}.yaml").read_text()
    assert sections - {"hydra"} == set(re.findall(r"^(\w+):", text, re.MULTILINE)) - {"defaults", "hydra"} | set(
        re.findall(r"^  - (\w+): ", text, re.MULTILINE)
    )


@pytest.mark.parametrize("command", ["train", "sample", "evaluate", "report"])
def test_every_key_of_help_has_a_word(monkeypatch, command):
    table = manual.of_command(command)
    bare = re.findall(r"^  \S+=\S*$", table, re.MULTILINE)
    assert bare == []


@pytest.mark.parametrize("command", manual.COMMANDS)
def test_the_examples_of_help_can_be_typed(command):
    from test_documents import SCHEMAS

    examples = re.findall(rf"^  python -m ganexp\.{command} ?(.*)$", manual.of_command(command), re.MULTILINE)
    assert len(examples) == 3
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for example in examples:
            read = Arguments.read(shlex.split(example))
            first = [str(typed.input_line).partition(",")[0] for typed in read.overrides]  # The first run of a sweep.
            parse(compose(command, first), SCHEMAS[command])


def test_help_lists_options_of_ones_own_too(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").touch()
    assert "mine" not in manual.of_command("train")
    assert "mine" in manual.of_command("train", str(tmp_path))


def test_cfg_job_prints_the_configuration_and_trains_nothing(train, tiny, tmp_path, capsys):
    assert train(*tiny, "seed=7", "--cfg", "job").returncode == 0
    printed = OmegaConf.create(capsys.readouterr().out)
    assert printed.seed == 7 and printed.keys() >= {"data", "loss", "network", "optimizer", "train", "trainer"}
    assert [*tmp_path.iterdir()] == []


def test_the_installed_command_finds_a_user_s_own_modules_in_the_current_directory(tmp_path, monkeypatch):
    elsewhere = [path for path in sys.path if path not in ("", str(tmp_path))]
    monkeypatch.setattr(sys, "path", [*elsewhere])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ganexp", "--version"])
    __main__.main()
    assert sys.path == [str(tmp_path), *elsewhere]


def test_the_package_lists_its_commands_and_starts_them(type_, monkeypatch, capsys):
    listed = printed(__main__.main, monkeypatch=monkeypatch)
    assert re.findall(r"^  (\w+)  ", listed, re.MULTILINE) == list(manual.COMMANDS)
    assert printed(__main__.main, "--version", monkeypatch=monkeypatch).startswith("ganexp ")
    assert printed(__main__.main, "train", "--version", monkeypatch=monkeypatch).startswith("ganexp ")
    for typed, sentence in [("trian", "did you mean train?"), ("sample", "run has no value yet")]:
        with pytest.raises(SystemExit) as end:
            printed(__main__.main, typed, monkeypatch=monkeypatch)
        assert end.value.code == 2 and sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("epochs=10", "epochs: no such key; iterations are trainer.max_steps=… (one epoch of MNIST is 937)"),
        ("+epochs=10", "epochs=10: no such key; iterations are trainer.max_steps=… (one epoch of MNIST is 937)"),
        ("trainer.max_epochs=10", "trainer.max_epochs: no such key; iterations are trainer.max_steps=…"),
        ("lr=1e-3", "optimizer.generator.lr=… and optimizer.discriminator.lr=…"),
        ("batch_size=32", "type data.batch_size=…"),
        ("z_dim=64", "model.latent_dim=…"),
        ("gpus=1", "trainer.devices=…"),
        ("dataset=mnist", "data=…"),
        ("wandb=true", "'logger=[tensorboard,wandb]'"),
        ("outdir=x", "hydra.run.dir=DIR"),
        ("--max_steps=4", "type trainer.max_steps=4"),
        ("--config-name=evaluate", "--config-dir=DIR model=NAME"),
        ("--config-dir=nowhere", "--config-dir=nowhere: no such folder"),
        ("-m --cfg=job", "leave -m out"),
        ("~evaluation", "~evaluation: a key cannot be removed"),
        ("~logger", "type logger=[] for none"),
        ("~logger=1", "type logger=[] for none"),
        ("loss=[hinge,minimax]", "takes the name of one option"),
        ("model=1", "takes the name of one option"),
        ("+data=cifar10", "data is chosen already; type data=…"),
        ("optimizer@x=adam", "type optimizer=…"),
        ("hydra.nosuch=1", "--cfg hydra"),
        ("hydra.job.chdir=true", "leave the key out"),
        ("hydra.run.dir=${nosuch}", "hydra.run.dir: Interpolation key 'nosuch' not found"),
        ("model.hidden=${nosuch}", "Interpolation key 'nosuch' not found"),
        ("data.evaluator=${oc.env:NOT_SET}", "Environment variable 'NOT_SET' not found"),
        ("seed=[0,1]", "seed=[0, 1]: must be a whole number"),
        ("seed=x", "seed=x: must be a whole number"),
        ("model.hidden=1000000000000000000000", "must be less than 2147483648"),
        ("+resume=nowhere", "resume=nowhere: no checkpoint in nowhere/checkpoints"),
        ("resume=latest", "no run below outputs/ has a checkpoint"),
    ],
)
def test_a_mistake_is_one_sentence(train, tiny, typed, sentence):
    done = train(*(key for key in tiny if not typed.startswith(key.partition("=")[0] + "=")), *typed.split())
    assert done.returncode == 2 and sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 12544000000000 bytes."),
        RuntimeError("Storage size calculation overflowed with sizes=[4294967296, 4294967296]"),
        MemoryError("Unable to allocate 6.00 TiB for an array"),
    ],
)
def test_what_does_not_fit_into_memory_is_told_in_a_sentence(train, tiny, monkeypatch, error):
    from ganexp.data.fake import Fake

    def load(*_):
        raise error

    monkeypatch.setattr(Fake, "load", load)
    done = train(*tiny)
    assert done.returncode == 2 and "There is not enough memory" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", sorted({*manual.COMMANDS} - {"train", "evaluate"}))
def test_a_command_with_one_result_takes_no_sweep(type_, tmp_path, command):
    done = type_(command, "-m", "seed=0,1")
    assert done.returncode == 2 and f"{command} writes one result" in done.stderr
    assert not list(tmp_path.iterdir())


def test_several_evaluations_do_not_write_one_file(type_, tmp_path):
    done = type_("evaluate", "-m", "run=a,b", "out=metrics.json")
    assert done.returncode == 2 and done.stderr.startswith("out= is one file")
    assert not list(tmp_path.iterdir())


def test_a_run_needs_no_standard_streams(train, tiny, tmp_path, monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    code = 0
    try:
        monkeypatch.setattr(sys, "argv", ["train", *tiny, "hydra.run.dir=r"])
        from ganexp import train as command

        command.main()
    except SystemExit as end:
        code = end.code
    assert code == 0 and (tmp_path / "r/checkpoints/last.ckpt").is_file()


@pytest.mark.parametrize("name", ["2024", "nan", "a=b", "it's my größe (1)"])
def test_a_run_folder_may_have_any_name_and_is_found_by_it(type_, tiny, tmp_path, name):
    assert type_("train", *tiny, "samples.every=0", f"hydra.run.dir={name}").returncode == 0
    assert type_("sample", f"run={name}", "n=4").returncode == 0
    done = type_("train", f"resume={name}", "trainer.max_steps=6")
    assert done.returncode == 0, done.stderr
