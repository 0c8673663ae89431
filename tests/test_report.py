"""The report, as a command and as a page that is opened in a browser."""

import contextlib
import csv
import json
import subprocess
import sys

import pytest
from conftest import watched
from past_runs import evaluation, write_events, write_run
from PIL import Image

from ganexp.run_folder.folder import RunFolder

SCRIPT = "<script>window.attacked = true</script>"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two settings with two seeds each, and the other kinds of runs that a folder may hold."""
    root = tmp_path_factory.mktemp("reports") / "outputs"
    for i, (hidden, seed, fid) in enumerate([(64, 0, 31.25), (64, 1, 33.75), (9, 0, 57.125), (9, 1, 59.5)]):
        run = write_run(
            root / "sweep" / f"{i}_hidden-{hidden}", f"model.hidden={hidden}", seed=seed, fid=fid, steps=(0, 10, 20)
        )
        points = [
            (100.0 + step, step, f"loss/{side}", 1e6 if (hidden, seed) == (9, 1) else 1.0)
            for step in (5, 10, 15)
            for side in ("discriminator", "generator")
        ]
        write_events(run / "events.out.tfevents.1", 100, points)
    write_run(root / "unlike", record={"evaluation": evaluation(1.5, samples=5000)})
    write_run(
        root / f"attack {SCRIPT.replace('/', '∕')}",
        f"model.hidden={SCRIPT}",
        choices={"loss": SCRIPT},
        record={
            "why": SCRIPT,
            "command": SCRIPT,
            "evaluation": evaluation(90.0, evaluator=SCRIPT),
        },
        steps=(10,),
    )
    for name in ("neighbours", "real"):
        Image.new("L", (62, 62)).save(root / "sweep" / "0_hidden-64" / "samples" / f"{name}.png")
    write_run(root / "stopped", record={"status": f"interrupted{SCRIPT}", "why": "SIGTERM"})
    (root / "empty").mkdir()
    (root / "empty" / "run.json").touch()
    return root


@pytest.fixture(scope="module")
def written(root):
    from ganexp.report import write

    out = root.parent / "report.html"
    assert write(root, out) == "8 runs"
    return out


@pytest.fixture(scope="module")
def opened(browser):
    """One page for all tests; it is loaded again before each."""
    with watched(browser) as page:
        yield page


@pytest.fixture
def report(opened, written):
    opened.set_viewport_size({"width": 1280, "height": 800})
    opened.goto(written.as_uri())
    return opened


def test_the_command_says_where_the_page_is_and_how_many_runs_it_compares(type_, root, tmp_path):
    done = type_("report", f"root={root}", "out=a/page.html")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "Written to a/page.html: 8 runs\n"
    assert (tmp_path / "a" / "page.html").stat().st_size < 10_000_000


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["root=nowhere"], "root=nowhere: there is no such folder"),
        (["root=."], "root=.: there is no run below this folder"),
        (["out=report.pdf"], "type out=report.html"),
        (["rot=outputs"], "did you mean root?"),
    ],
)
def test_a_mistake_gets_a_sentence(type_, typed, sentence):
    done = type_("report", *typed)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr


def test_the_command_needs_no_torch_and_shows_no_bar_without_a_terminal(root, tmp_path):
    code = "import sys; from ganexp import report; report.main(); print('torch' in sys.modules)"
    typed = [f"root={root}", "out=report.html"]
    done = subprocess.run(
        [sys.executable, "-c", code, *typed], cwd=tmp_path, text=True, capture_output=True, timeout=300
    )
    assert done.stdout == "False\n" and done.stderr == "Written to report.html: 8 runs\n"


def test_a_sweep_without_a_started_job_has_no_report(train, tiny, tmp_path):
    assert train("-m", *tiny, "loss=hing", "hydra.sweep.dir=sweep").returncode == 2
    assert not list(tmp_path.rglob("report.html"))


def test_watch_renews_the_page_until_nothing_is_running(root, tmp_path, monkeypatch, caplog):
    from ganexp import report

    run = write_run(tmp_path / "run", record={"status": "running"})
    lock = contextlib.ExitStack()
    lock.enter_context(RunFolder(run).locked())
    written = []

    def pause(seconds: float) -> None:
        written.append((tmp_path / "page.html").read_text())
        (run / "run.json").write_text('{"status": "finished"}')
        lock.close()

    monkeypatch.setattr(report.time, "sleep", pause)
    caplog.set_level("INFO", "ganexp")
    report.watch(tmp_path, tmp_path / "page.html")
    assert "1 run was still running" in written[0] and '"renewed":20.0' in written[0]
    last = (tmp_path / "page.html").read_text()
    assert "still running" not in last and '"renewed":null' in last
    assert len(written) == 2 and '"renewed":20.0' in written[1] and "No run below" in caplog.messages[-1]


def test_ctrl_c_ends_a_watch_with_a_sentence(type_, monkeypatch, tmp_path):
    from ganexp import report

    def pressed(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(report.time, "sleep", pressed)
    write_run(tmp_path / "outputs" / "run", record={"status": "running"})
    done = type_("report", "watch=true")
    assert done.returncode == 0 and "Stopped. report.html shows the runs as they were" in done.stderr


def test_a_page_of_running_runs_offers_the_command_again(page, tmp_path):
    from ganexp import report

    run = write_run(tmp_path / "a b" / "run", record={"status": "running"})
    with RunFolder(run).locked():
        report.write(tmp_path / "a b", tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    notice = page.locator(".notice").inner_text()
    assert "1 run was still running" in notice
    assert f"""python -m ganexp.report 'root={tmp_path}/a b' out={tmp_path}/page.html""" in notice
    page.evaluate("data.written -= 7300; showAge()")
    assert page.inner_text("#age") == ", 2 hours ago"


def test_the_numbers_are_those_of_the_records(report, root):
    for run in (root / "sweep").iterdir():
        figures = json.loads((run / "run.json").read_text())["evaluation"]["figures"]
        row = report.locator(
            "tr[data-run]", has=report.get_by_title(run.relative_to(root).as_posix(), exact=True)
        ).first
        cells = row.locator("td.numeric").evaluate_all("cells => cells.map(cell => cell.dataset.value)")
        assert [float(cells[0]), float(cells[2])] == [figures["fid_mnist_cnn_v1"], figures["recall"]]
    assert "32.5 ± 1.8" in report.locator(".metrics").first.inner_text()
    assert report.locator(".floor td").all_inner_texts()[:3] == ["0.6", "", "0.9"]


def test_runs_that_were_measured_differently_have_a_table_of_their_own(report):
    tables = report.locator("section.metrics")
    assert tables.count() == 3
    assert "samples: 10000 against 5000" in tables.filter(has_text="5,000 samples").inner_text()
    assert "too few seeds" in tables.first.inner_text()


def test_a_card_with_gaps_is_shown(page, tmp_path):
    from ganexp.report import write

    record = {"evaluation": {"figures": {"fid_x": 3.0}, "card": {"evaluator": "x", "samples": "many"}}}
    write_run(tmp_path / "run", record=record)
    write(tmp_path, tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    words = "An unknown number of samples of unknown weights, scored by x against an unknown reference."
    assert words in page.inner_text("section.metrics")


def test_runs_without_metrics_say_why(report):
    rest = report.locator("section", has=report.get_by_role("heading", name="Without metrics"))
    assert "interrupted" in rest.inner_text() and "SIGTERM" in rest.inner_text()
    assert "cannot be read" in rest.locator("tr", has_text="empty").inner_text()


def test_nothing_that_came_from_a_run_is_executed(report, written):
    for button in report.locator("button.open:visible").all():
        button.click()
        report.keyboard.press("Escape")
    assert report.evaluate("window.attacked") is None
    assert report.get_by_text(SCRIPT).count() >= 4
    assert SCRIPT not in written.read_text()


def test_a_click_on_a_header_sorts_everything(report):
    table = report.locator("table").first
    recall, fid, run = (table.locator("th", has_text=name).first for name in ("recall", "FID", "run"))
    firsts = lambda: table.locator(".whole .unfold").all_inner_texts()  # noqa: E731
    pictures = lambda: report.locator("#grids figcaption").all_inner_texts()  # noqa: E731
    assert fid.get_attribute("aria-sort") == "ascending" and firsts() == [
        "hidden=64, hinge 2 runs",
        "hidden=9, hinge 2 runs",
    ]
    assert pictures()[1].startswith("hidden=64, hinge, seed 0")
    fid.get_by_role("button").click()
    assert fid.get_attribute("aria-sort") == "descending" and firsts()[0] == "hidden=9, hinge 2 runs"
    assert pictures()[1].startswith("hidden=9, hinge, seed")
    assert report.locator("#legend button").first.inner_text() == "hidden=9, hinge"
    run.get_by_role("button").click()
    assert fid.get_attribute("aria-sort") == "none" and firsts()[0] == "hidden=9, hinge 2 runs"
    assert recall.get_attribute("aria-sort") == "none"


def test_seven_columns_are_shown_and_a_button_shows_all(report):
    section = report.locator(".metrics").first
    heads = section.locator("thead th:visible")
    names = heads.all_inner_texts()
    assert names[:3] == ["run", "FID\xa0↓", "seed"] and len(names) <= 7 and "model.hidden" not in names
    section.get_by_role("button", name="All columns").click()
    assert "model.hidden" in [name.replace("\u200b", "") for name in heads.all_inner_texts()]


def test_each_metric_is_explained(report):
    header = report.locator(".metrics").first.get_by_role("button", name="recall")
    assert "Better: higher." in str(header.get_attribute("title"))
    report.get_by_text("What the metrics mean").first.click()
    assert "The share of real pictures that the generator could make." in report.locator("dl").first.inner_text()


def test_the_runs_of_a_group_unfold(report):
    button = report.get_by_role("button", name="2 runs").first
    run = report.locator("tr.one").first
    assert run.is_hidden()
    button.click()
    assert run.is_visible() and button.get_attribute("aria-expanded") == "true"
    assert run.locator(".open").first.inner_text() == "seed 0"


def test_a_filter_leaves_the_runs_that_have_all_its_words(report):
    report.get_by_role("searchbox").fill("model.hidden=9 seed=1")
    assert report.inner_text("#matches") == "1 of 8 runs"
    assert report.locator("#grids figure:not(.real)").count() == 1
    assert report.locator("tbody.group:visible").count() == 1
    report.get_by_role("searchbox").fill("")
    assert report.locator("#grids figure:not(.real)").count() == 5


def test_a_hidden_group_leaves_the_charts_and_the_pictures(report):
    report.get_by_role("button", name="Show hidden=64, hinge in charts and pictures", exact=True).click()
    assert report.inner_text("#matches") == "2 hidden" and report.locator("#grids figure:not(.real)").count() == 3
    assert report.evaluate("document.querySelector('.plot').data.length") == 2
    report.get_by_role("button", name="Show hidden runs").click()
    assert report.inner_text("#matches") == "" and report.evaluate("document.querySelector('.plot').data.length") == 4


def test_the_table_is_saved_as_csv(report, root):
    with report.expect_download() as download:
        report.get_by_role("button", name="Save as CSV").first.click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert {row["run"] for row in rows} == {run.relative_to(root).as_posix() for run in (root / "sweep").iterdir()}
    assert [row["fid_mnist_cnn_v1"] for row in rows if row["model.hidden"] == "64"] == ["31.25", "33.75"]


def test_one_slider_moves_the_grids_of_all_runs(report):
    sources = lambda: report.locator("#grids button img").evaluate_all("images => images.map(image => image.src)")  # noqa: E731
    last = sources()
    assert len(last) == 5 and all(source.startswith("data:image/webp;base64,") for source in last)
    slider = report.get_by_role("slider", name="Iteration")
    slider.fill("0")
    first = sources()
    assert all(a != b for a, b in zip(first[:4], last[:4], strict=True))
    assert report.locator("#time output").inner_text() == "iteration 0"
    report.locator("#time .play").click()
    report.get_by_text("iteration 20", exact=True).first.wait_for()
    assert report.locator("#grids figcaption").nth(1).inner_text() == "hidden=64, hinge, seed 0 · FID\xa031.25"
    assert report.get_by_alt_text("Real pictures").is_visible()


def test_a_missing_class_shows_below_the_picture(report):
    columns = report.locator("#grids figure:not(.real) .columns").first
    assert columns.locator("i").count() == 3 and columns.locator(".rare").count() == 1
    assert columns.get_attribute("title") == "Shares of the classes: 0 70 %, 1 30 %, 2 0.1 %"


def test_a_picture_is_enlarged_and_keys_move_through_it(report):
    report.get_by_alt_text("Samples of hidden=64, hinge, seed 0").click()
    dialog = report.get_by_role("dialog")
    words = lambda: dialog.locator("output").inner_text()  # noqa: E731
    assert dialog.get_by_role("heading").first.inner_text() == "hidden=64, hinge, seed 0 · FID\xa031.25"
    assert words() == "iteration 20"
    report.keyboard.press("ArrowLeft")
    assert words() == "iteration 10"
    dialog.get_by_text("neighbours", exact=True).click()
    assert "real training pictures that are nearest" in dialog.inner_text()
    dialog.get_by_text("samples", exact=True).click()
    dialog.get_by_role("button", name="Next run").click()
    assert dialog.get_by_role("heading").first.inner_text().startswith("hidden=64, hinge, seed 1")
    report.keyboard.press("ArrowDown")
    assert dialog.get_by_role("heading").first.inner_text().startswith("hidden=9, hinge, seed")
    report.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_a_run_shows_its_classes_its_configuration_and_its_difference_from_another(report):
    report.get_by_alt_text("Samples of hidden=64, hinge, seed 0").click()
    dialog = report.get_by_role("dialog")
    assert dialog.locator(".bars div").all_inner_texts() == ["0\n70 %", "1\n30 %", "2\n0.1 %"]
    assert dialog.locator(".bars .rare").count() == 1
    dialog.get_by_label("Differences from").select_option("hidden=9, hinge, seed 0")
    differences = dialog.locator("table", has_text="the other").inner_text()
    assert "model.hidden" in differences and "64" in differences and "9" in differences and "seed" not in differences
    dialog.get_by_text("Full configuration").click()
    assert "network.hidden" in dialog.locator("details table").inner_text()


def test_warnings_are_behind_a_mark(page, tmp_path):
    from ganexp.report import write

    write_run(tmp_path / "run", fid=1.0, record={"warnings": ["a warning of many words"]})
    write(tmp_path, tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    assert page.get_by_text("a warning of many words").count() == 0
    page.get_by_role("button", name="1 warning of vanilla").click()
    assert page.get_by_text("a warning of many words").is_visible()


def test_curves_are_drawn_against_iterations_and_seconds(report):
    steps = "() => document.querySelector('.plot').data.map(trace => [...trace.x])"
    assert report.evaluate(steps) == [[5, 10, 15]] * 4
    assert report.locator(".panel select").evaluate_all("all => all.map(one => one.value)") == [
        "loss/discriminator",
        "loss/generator",
        "fid_mnist_cnn_v1",
    ]
    assert "hidden=64, hinge, seed 0 · FID\xa031.25" in report.evaluate(
        "document.querySelector('.plot').data[0].hovertemplate"
    )
    report.get_by_text("seconds", exact=True).click()
    assert report.evaluate("document.querySelector('.plot').layout.xaxis.title.text") == "seconds"
    report.locator("#legend button").nth(1).click()
    assert len(report.evaluate(steps)) < 4


def test_one_diverged_run_does_not_flatten_the_others(report):
    top = lambda: report.evaluate("document.querySelector('.plot')._fullLayout.yaxis.range[1]")  # noqa: E731
    note = report.locator(".panel p").first
    assert top() < 2 and note.inner_text() == "Out of view: hidden=9, hinge, seed 1."
    report.get_by_label("Ignore outliers").uncheck()
    assert top() > 1e6 and note.inner_text() == ""
    report.get_by_text("log", exact=True).click()
    assert report.evaluate("document.querySelector('.plot').layout.yaxis.type") == "log"


def test_smoothing_averages_without_a_bias_at_the_start(report):
    assert report.evaluate("smoothed([2, 2, null, 2], 0.9)") == [2, 2, None, 2]
    assert report.evaluate("smoothed([0, 1], 0.5)[1]") == pytest.approx(2 / 3)


def test_a_watched_page_stays_as_it_was_left(page, tmp_path):
    from ganexp.page import collect, render

    for hidden in (8, 16):
        write_run(tmp_path / str(hidden), f"model.hidden={hidden}", record={"status": "running"}, steps=(10, 20))
    (tmp_path / "page.html").write_text(render.page(tmp_path, collect.runs(tmp_path), renewed=600.0))
    page.goto((tmp_path / "page.html").as_uri())
    page.get_by_role("searchbox").fill("hidden=8")
    page.get_by_text("log", exact=True).click()
    page.reload()
    assert page.inner_text("#matches") == "1 of 2 runs" and page.get_by_label("log").is_checked()


def test_on_a_phone_the_headline_is_in_view_and_nothing_is_wider_than_the_screen(report):
    report.set_viewport_size({"width": 390, "height": 800})
    for _ in range(50):  # The charts are drawn a moment later.
        if (width := report.evaluate("document.documentElement.scrollWidth")) == 390:
            break
        report.wait_for_timeout(100)
    assert width == 390
    cell = report.locator("td.headline:visible").first.bounding_box()
    assert cell is not None and cell["x"] + cell["width"] <= 390
    assert report.locator(".scroller.goes-on").first.is_visible()
    rows = report.locator("tr.whole").evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert max(rows[:2]) < 100


def test_two_settings_are_a_heat_map(page, tmp_path):
    from ganexp.report import write

    for hidden in (8, 16):
        for n in (1, 2):
            write_run(tmp_path / f"{hidden}-{n}", f"model.hidden={hidden}", f"train.n_critic={n}", fid=hidden * n)
    write(tmp_path, tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    drawn = page.evaluate("(({type, x, y, z}) => ({type, x, y, z}))(document.querySelector('.chart').data[0])")
    assert drawn == {"type": "heatmap", "x": ["8", "16"], "y": ["1", "2"], "z": [[8, 16], [16, 32]]}
