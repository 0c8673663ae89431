"""How a run was started, as its folder tells."""

from pathlib import Path

from omegaconf import OmegaConf

from ganexp.files.whole import write_whole
from ganexp.run_folder import started
from ganexp.run_folder.folder import RunFolder


def test_the_directory_of_the_start_is_none_where_the_folder_does_not_say(tmp_path):
    folder = RunFolder(tmp_path)
    assert started.directory(folder) is None
    for content in ("", "[1]", "hydra: 3", "hydra: {runtime: {}}", "{", "\0"):
        write_whole(folder.hydra, content)
        assert started.directory(folder) is None
    write_whole(folder.hydra, "hydra: {runtime: {cwd: /somewhere}}")
    assert started.directory(folder) == Path("/somewhere")


def test_overrides_are_those_that_were_typed_and_the_last_one_of_a_key_counts():
    typed = OmegaConf.create(["+experiment=width", "seed=1", "resume=run", "data.root=${oc.env:HOME}", "seed=2"])
    assert started.words(typed)[3] == "data.root=${oc.env:HOME}"
    assert started.lasting(typed) == ["seed=1", "data.root=${oc.env:HOME}", "seed=2"]
    assert started.from_nothing(["seed=1", "resume=run", "seed=2"]) == ["seed=2"]
