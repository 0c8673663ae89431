"""The pictures of a run within a budget of bytes."""

from past_runs import write_grid, write_run
from PIL import Image

from ganexp.page.grids import frames, picture
from ganexp.run_folder.folder import RunFolder


def test_the_first_and_the_last_grid_are_kept_whatever_the_budget(tmp_path):
    run = write_run(tmp_path / "run", steps=tuple(range(0, 300, 10)))
    assert [frame.step for frame in frames(RunFolder(run), 10**6)][:2] == [0, 10]
    few = frames(RunFolder(run), 1500)
    assert few[0].step == 0 and few[-1].step == 290 and sum(len(frame.uri) for frame in few) <= 1500
    assert [frame.step for frame in frames(RunFolder(run), 10**6, last_only=True)] == [290]
    assert frames(RunFolder(run), 10) == []


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path):
    run = write_run(tmp_path / "run", steps=(0, 10))
    write_grid(run, 20)
    (run / "samples" / "step-000010.png").write_bytes(b"half a pict")
    assert [frame.step for frame in frames(RunFolder(run), 10**6)] == [0, 20]


def test_a_picture_becomes_smaller_until_it_fits(tmp_path):
    run = write_run(tmp_path / "run")
    (run / "samples").mkdir()
    Image.effect_noise((1200, 300), 80).save(run / "samples" / "neighbours.png")
    sizes = [len(picture(run / "samples" / "neighbours.png", budget)) for budget in (10**6, 40_000, 5_000, 100)]
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3] == 0
    assert picture(run / "samples" / "real.png", 10**6) == ""
