"""Grids within a budget."""

from past_runs import write_grid, write_run

from ganexp.page.grids import frames


def test_all_of_few_grids_and_first_and_last_of_many(tmp_path):
    run = write_run(tmp_path / "run", steps=tuple(range(0, 300, 10)))
    assert [frame.step for frame in frames(run, 10**6)][:2] == [0, 10]
    few = frames(run, 1500)
    assert few[0].step == 0 and few[-1].step == 290 and sum(len(frame.uri) for frame in few) <= 1500
    assert [frame.step for frame in frames(run, 10**6, last_only=True)] == [290]
    assert frames(run, 10) == []


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path):
    run = write_run(tmp_path / "run", steps=(0, 10))
    write_grid(run, 20)
    (run / "samples" / "step-000010.png").write_bytes(b"half a pict")
    assert [frame.step for frame in frames(run, 10**6)] == [0, 20]
