"""Pictures from a run's folder, by command and by three lines of Python."""

import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import ganexp
from ganexp.errors import UserError
from ganexp.pictures.drawing import LINE, grid
from ganexp.pictures.sampling import between, truncated


@pytest.fixture
def run(trained, tiny, tmp_path):
    return shutil.copytree(trained(*tiny, "model.conditional=true"), tmp_path / "run")


@pytest.mark.parametrize(
    ("typed", "size"),
    [
        (["n=9"], (772, 838)),  # a class below each picture
        (["n=6", "class=3"], (772, 538)),  # one class above all of them
        (["n=20", "class=all"], (202, 884)),  # a class beside each row
        (["class=all"], (906, 884)),
        (["n=3", "interpolate=5"], (1004, 670)),
        (["n=4", "truncation=0.5", "checkpoint=last", "weights=raw"], (516, 560)),
    ],
)
def test_a_sheet(type_, run, tmp_path, typed, size):
    done = type_("sample", "run=run", *typed, "out=sheet.png")
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "sheet.png").size == size
    assert "sheet.png" in done.stderr


def test_a_run_without_an_average_gives_its_raw_weights(type_, trained, tiny, tmp_path):
    run = trained(*tiny, "train.ema_decay=0")
    for out, more in (("one.png", []), ("two.png", ["weights=raw"])):
        done = type_("sample", f"run={run}", "n=4", *more, f"out={out}")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_sheet_has_a_row_for_each_class(type_, run, tmp_path):
    assert type_("sample", "run=run", "n=20", "class=all", "out=sheet.png").returncode == 0
    rows = [ganexp.load(run).sample(20, label=label)[2 * label : 2 * label + 2] for label in range(10)]
    expected = grid(torch.cat(rows), 2, [str(label) for label in range(10) for _ in range(2)])
    assert Image.open(tmp_path / "sheet.png").tobytes() == expected.tobytes()


def test_a_walk_starts_and_ends_at_pictures_of_its_seed(type_, run, tmp_path):
    assert type_("sample", "run=run", "n=1", "class=3", "interpolate=4", "out=sheet.png").returncode == 0
    sheet = torch.from_numpy(np.array(Image.open(tmp_path / "sheet.png")))[LINE + 4 :, 4:]
    walk = sheet.unfold(0, 224, 228).unfold(1, 224, 228)[0, :, ::8, ::8]
    ends = ganexp.load(run).sample(2, label=3)[:, 0]
    # The way along the sphere ends at the latent but for rounding.
    assert (walk[[0, -1]].int() - ends.int()).abs().max() <= 1


def test_an_array_in_adm_s_layout_holds_the_same_pictures_as_single_files(type_, run, tmp_path):
    for out in ("a.npz", "folder", "film.gif", "film.webp"):
        assert type_("sample", "run=run", "n=300", f"out={out}").returncode == 0
    assert [Image.open(tmp_path / f"film.{kind}").n_frames > 1 for kind in ("gif", "webp")] == [True, True]
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["arr_0"].shape == (300, 28, 28, 1) and arrays["arr_0"].dtype == np.uint8
        assert arrays["arr_1"].tolist() == [i % 10 for i in range(300)]
        single = np.asarray(Image.open(tmp_path / "folder" / "000123-3.png"))
        assert np.array_equal(single, arrays["arr_0"][123, :, :, 0])


@pytest.mark.parametrize("out", ["faces.npz", "faces.png", "faces.gif"])
def test_only_out_is_written_and_only_once_it_is_whole(type_, run, tmp_path, monkeypatch, out):
    owned = {tmp_path / name: name.encode() for name in ("faces.raw", "faces.tmp", f"{out}.tmp", f".{out}", out)}
    for path, content in owned.items():
        path.write_bytes(content)

    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        assert type_("sample", "run=run", "n=4", f"out={out}").returncode == 130
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == owned
    assert type_("sample", "run=run", "n=4", f"out={out}").returncode == 0
    del owned[tmp_path / out]
    assert {p: p.read_bytes() for p in tmp_path.iterdir() if p.is_file() and p.name != out} == owned


@pytest.mark.parametrize("out", ["v1.0", "7", "nan", "a,b", "it's", "new.folder/"])
def test_a_folder_may_have_any_name(type_, run, tmp_path, out):
    done = type_("sample", "run=run", "n=2", f"out={out}")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / out).iterdir())) == 2


def test_a_suffix_may_be_in_capitals(type_, run, tmp_path):
    assert type_("sample", "run=run", "n=4", "out=SHEET.PNG").returncode == 0
    assert Image.open(tmp_path / "SHEET.PNG").format == "PNG"


def test_latest_is_the_newest_run_below_outputs_that_has_a_checkpoint(type_, run, tmp_path):
    for age, name in enumerate(["outputs/new", "outputs/a sweep/0", "outputs/old"]):
        shutil.copytree(run, tmp_path / name)
        os.utime(tmp_path / name / "checkpoints/last.ckpt", (1e9 - age, 1e9 - age))
    (tmp_path / "outputs/newest").mkdir()
    done = type_("sample", "run=latest", "n=4")
    assert done.returncode == 0 and "run=latest is outputs/new\n" in done.stderr
    shutil.rmtree(tmp_path / "outputs/new")
    assert "run=latest is outputs/a sweep/0\n" in type_("sample", "run=latest", "n=4").stderr
    assert str(ganexp.load("latest").path) == "outputs/a sweep/0"
    shutil.rmtree(tmp_path / "outputs")
    done = type_("sample", "run=latest")
    assert done.returncode == 2 and "no run below outputs/ has a checkpoint" in done.stderr


def test_no_dataset_is_needed(type_, run, tmp_path, monkeypatch):
    from ganexp.data.fake import Fake

    monkeypatch.setattr(Fake, "load", None)
    assert type_("sample", "run=run").returncode == 0


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["run=run", "class=11"], "class=11: no such class"),
        (["run=run", "class=all", "n=21"], "type n=30"),
        (["run=run", f"out={'x' * 300}.png"], "it cannot be written"),
        (["run=run", "out=run"], "the folder is not empty"),
        (["run=run", "out=sheet.png/sheet.png"], "cannot be written"),
        (["run=run", "out=x.pdf"], "out=x.pdf"),
        (["run=run", "seed=0,1"], "seed=0,1: type one value"),
        (["-m", "run=run", "seed=0,1"], "sample writes one result"),
        (["run=run", "interpolate=1"], "a row needs 2 pictures"),
        (["run=run", "checkpoint=best"], "the run has: last"),
        (["run=nowhere"], "not a run's folder"),
        (["run=run", "n=0"], "n=0"),
    ],
)
def test_a_mistake_gets_a_sentence(type_, run, tmp_path, typed, sentence):
    (tmp_path / "sheet.png").touch()
    done = type_("sample", *typed)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr


def test_a_class_of_an_unconditional_run_is_refused(type_, trained, tiny):
    done = type_("sample", f"run={trained(*tiny)}", "class=7")
    assert done.returncode == 2 and "not conditional" in done.stderr


def test_three_lines_of_python(run):
    loaded = ganexp.load(run)
    pictures = loaded.sample(64, label=7, seed=0)
    assert pictures.shape == (64, 1, 28, 28) and pictures.dtype == torch.uint8
    assert torch.equal(loaded.sample(5, label="7"), pictures[:5])
    assert not torch.equal(loaded.sample(5, label=6), pictures[:5])
    assert not loaded.generator.training
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="no checkpoint"):
        ganexp.load(run)


def test_a_walk_starts_and_ends_at_its_latents_and_keeps_their_length():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.nn.functional.normalize(torch.randn(2, 3, 16, generator=generator), dim=-1)
    walk = between(a, b, 5).view(3, 5, 16)
    torch.testing.assert_close(walk[:, 0], a)
    torch.testing.assert_close(walk[:, -1], b)
    torch.testing.assert_close(walk.norm(dim=-1), torch.ones(3, 5))


def test_a_walk_between_opposites_goes_straight():
    ends = torch.tensor([[1.5]]), torch.tensor([[-2.0]])
    torch.testing.assert_close(between(*ends, 3), torch.tensor([[1.5], [-0.25], [-2.0]]))


def test_truncated_latents_stay_within_their_threshold_and_keep_their_order():
    z = torch.linspace(-4, 4, 101)
    cut = truncated(z, 0.7)
    assert cut.abs().max() <= 0.7 and (cut.diff() >= 0).all() and cut[50].abs() < 1e-6
