"""Curves are read from every file in which a run may leave them."""

from past_runs import write_events

from ganexp.page.curves import read
from ganexp.run_folder.folder import RunFolder


def test_seconds_count_from_the_beginning_without_pauses(tmp_path):
    write_events(tmp_path / "events.out.tfevents.2", 9000, [(9004, 30, "loss/generator", 3)])
    write_events(
        tmp_path / "events.out.tfevents.1", 1000, [(1005, 10, "loss/generator", 1), (1008, 20, "loss/generator", 2)]
    )
    curve = read(RunFolder(tmp_path))["loss/generator"]
    assert (curve.steps, curve.seconds, curve.values) == ([10, 20, 30], [5, 8, 12], [1, 2, 3])


def test_points_after_the_checkpoint_of_a_resume_are_dropped(tmp_path):
    write_events(tmp_path / "events.out.tfevents.1", 0, [(5, 10, "loss/generator", 1), (50, 20, "loss/generator", 9)])
    write_events(tmp_path / "events.out.tfevents.2", 100, [(102, 15, "loss/generator", 2)])
    curve = read(RunFolder(tmp_path))["loss/generator"]
    assert (curve.steps, curve.seconds, curve.values) == ([10, 15], [5, 7], [1, 2])


def test_a_half_written_event_ends_a_file(tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    write_events(path, 0, [(1, 10, "loss/generator", 1), (2, 20, "loss/generator", 2)])
    path.write_bytes(path.read_bytes()[:-7])
    assert read(RunFolder(tmp_path))["loss/generator"].steps == [10]


def test_without_events_a_csv_is_read_and_its_clock_is_the_mean_speed(tmp_path):
    (tmp_path / "csv" / "version_0").mkdir(parents=True)
    (tmp_path / "csv" / "version_0" / "metrics.csv").write_text(
        "step,loss/generator,final/x\n50,1.5,\n100,2.5,\n100,,7\n"
    )
    curve = read(RunFolder(tmp_path), 25)["loss/generator"]
    assert (curve.steps, curve.seconds, curve.values) == ([50, 100], [2, 4], [1.5, 2.5])
    assert read(RunFolder(tmp_path))["loss/generator"].seconds is None


def test_metrics_while_training_are_curves_and_the_final_ones_are_not(tmp_path):
    lines = (
        '{"step": 10, "seconds": 1.5, "samples": 9, "fid_x": 7.0}',
        '{"step": 20, "seconds": 3.0, "samples": 9, "fid_x": 6.0}',
        '{"step": 20, "seconds": 99.0, "figures": {"fid_x": 5.0}}',
        '{"step": 30, "seconds": NaN, "fid_x": 5.5}',
        '{"step": 40, "sec',
    )
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    (curve,) = read(RunFolder(tmp_path)).values()
    assert (curve.steps, curve.seconds, curve.values) == ([10, 20, 30], None, [7.0, 6.0, 5.5])


def test_the_csv_of_a_resumed_run_goes_on_and_other_folders_do_not_matter(tmp_path):
    for version, steps in (("version_0", (50, 100)), ("version_1", (150, 200)), ("version_1_old", (50, 100))):
        (tmp_path / "csv" / version).mkdir(parents=True)
        lines = "".join(f"{step},1\n" for step in steps)
        (tmp_path / "csv" / version / "metrics.csv").write_text("step,loss/generator\n" + lines)
    curve = read(RunFolder(tmp_path), 25)["loss/generator"]
    assert (curve.steps, curve.seconds) == ([50, 100, 150, 200], [2, 4, 6, 8])
