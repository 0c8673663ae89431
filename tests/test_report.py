"""The report, as a command and as a page that is opened in a browser."""

import json
import subprocess
import sys

import pytest
from conftest import watched
from past_runs import evaluation, write_events, write_run

SCRIPT = "<script>window.attacked = true</script>"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two settings, two seeds each, and what else one finds in a folder of runs."""
    root = tmp_path_factory.mktemp("reports") / "outputs"
    for i, (hidden, seed, fid) in enumerate([(64, 0, 31.25), (64, 1, 33.75), (9, 0, 57.125), (9, 1, 59.5)]):
        run = write_run(
            root / "sweep" / f"{i}_hidden-{hidden}", f"model.hidden={hidden}", seed=seed, fid=fid, steps=(0, 10, 20)
        )
        points = [
            (100.0 + step, step, f"loss/{side}", 1.0) for step in (5, 10, 15) for side in ("discriminator", "generator")
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
def report(browser, written):
    """One page for all tests: each uses controls of its own."""
    with watched(browser) as page:
        page.goto(written.as_uri())
        yield page


def test_the_command_says_where_the_page_is_and_how_many_runs_it_compares(type_, root, tmp_path):
    done = type_("report", f"root={root}", "out=a/page.html")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "Written to a/page.html: 8 runs\n"
    assert (tmp_path / "a" / "page.html").stat().st_size < 10_000_000


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["root=nowhere"], "root=nowhere: there is no such folder"),
        (["root=."], "root=.: no run below it"),
        (["out=report.pdf"], "type out=report.html"),
        (["rot=outputs"], "did you mean root?"),
    ],
)
def test_a_mistake_gets_a_sentence(type_, typed, sentence):
    done = type_("report", *typed)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr


def test_it_starts_without_torch_and_without_a_terminal_shows_no_bar(root, tmp_path):
    code = "import sys; from ganexp import report; report.main(); print('torch' in sys.modules)"
    typed = [f"root={root}", "out=report.html"]
    done = subprocess.run(
        [sys.executable, "-c", code, *typed], cwd=tmp_path, text=True, capture_output=True, timeout=300
    )
    assert done.stdout == "False\n" and done.stderr == "Written to report.html: 8 runs\n"


def test_a_sweep_of_which_no_job_began_has_no_report(train, tiny, tmp_path):
    assert train("-m", *tiny, "loss=hing", "hydra.sweep.dir=sweep").returncode == 2
    assert not list(tmp_path.rglob("report.html"))


def test_the_numbers_are_those_of_the_records(report, root):
    for run in (root / "sweep").iterdir():
        figures = json.loads((run / "run.json").read_text())["evaluation"]["figures"]
        row = report.locator("tr", has=report.get_by_text(run.relative_to(root).as_posix(), exact=True)).first
        cells = row.locator("td.numeric").evaluate_all("cells => cells.map(cell => Number(cell.dataset.value))")
        assert cells[1:] == [figures["fid_mnist_cnn_v1"], figures["recall"]]
    assert "32.5 ± 1.8" in report.locator(".figures").first.inner_text()
    assert report.locator(".floor td").all_inner_texts()[1:3] == ["0.6", "0.9"]


def test_what_was_measured_otherwise_has_a_table_of_its_own(report):
    tables = report.locator("section.figures")
    assert tables.count() == 3
    assert "samples: 10000 against 5000" in tables.filter(has_text="unlike").inner_text()
    assert "not enough seeds" in tables.first.inner_text()


def test_runs_without_figures_say_why(report):
    rest = report.locator("section", has=report.get_by_role("heading", name="Without figures"))
    assert "interrupted" in rest.inner_text() and "SIGTERM" in rest.inner_text()
    assert "cannot be read" in rest.locator("tr", has_text="empty").inner_text()


def test_nothing_that_came_from_a_run_is_executed(report, written):
    assert report.evaluate("window.attacked") is None
    assert report.get_by_text(SCRIPT).count() >= 4
    assert SCRIPT not in written.read_text()


def test_a_click_on_a_header_sorts_and_says_so(report):
    table = report.locator("table").first
    header = table.locator("th", has_text="recall")
    fid = table.locator("th", has_text="fid")
    hidden = table.locator("th", has_text="hidden")
    firsts = lambda: table.locator(".whole td:nth-child(2)").all_inner_texts()  # noqa: E731
    assert fid.get_attribute("aria-sort") == "ascending" and firsts() == ["64", "9"]
    fid.get_by_role("button").click()
    assert fid.get_attribute("aria-sort") == "descending" and firsts() == ["9", "64"]
    hidden.get_by_role("button").click()
    hidden.get_by_role("button").click()
    assert fid.get_attribute("aria-sort") == "none" and firsts() == ["64", "9"]
    assert header.get_attribute("aria-sort") == "none"


def test_the_runs_of_a_group_unfold(report):
    button = report.get_by_role("button", name="2 runs").first
    run = report.locator("tr.one").first
    assert run.is_hidden()
    button.click()
    assert run.is_visible() and button.get_attribute("aria-expanded") == "true"


def test_one_slider_moves_the_grids_of_all_runs(report):
    sources = lambda: report.locator("#grids img").evaluate_all("images => images.map(image => image.src)")  # noqa: E731
    last = sources()
    assert len(last) == 5 and all(source.startswith("data:image/webp;base64,") for source in last)
    slider = report.get_by_role("slider")
    slider.fill("0")
    first = sources()
    assert all(a != b for a, b in zip(first[1:], last[1:], strict=True))
    assert report.locator("output").inner_text() == "iteration 0"


def test_curves_are_drawn_against_iterations_and_seconds(report):
    steps = "() => document.querySelector('.plot').data.map(trace => [...trace.x])"
    assert report.evaluate(steps) == [[5, 10, 15]] * 4
    assert report.locator(".panel select").evaluate_all("all => all.map(one => one.value)") == [
        "loss/discriminator",
        "loss/generator",
        "fid_mnist_cnn_v1",
    ]
    report.get_by_text("seconds", exact=True).click()
    assert report.evaluate("document.querySelector('.plot').layout.xaxis.title.text") == "seconds"
    report.locator("#legend button").nth(1).click()
    assert len(report.evaluate(steps)) < 4


def test_on_a_phone_nothing_is_wider_than_the_screen(report):
    report.set_viewport_size({"width": 390, "height": 800})
    for _ in range(50):  # Charts follow a moment later.
        if (width := report.evaluate("document.documentElement.scrollWidth")) == 390:
            break
        report.wait_for_timeout(100)
    assert width == 390


def test_two_settings_are_a_heat_map(page, tmp_path):
    from ganexp.report import write

    for hidden in (8, 16):
        for n in (1, 2):
            write_run(tmp_path / f"{hidden}-{n}", f"model.hidden={hidden}", f"train.n_critic={n}", fid=hidden * n)
    write(tmp_path, tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    drawn = page.evaluate("(({type, x, y, z}) => ({type, x, y, z}))(document.querySelector('.chart').data[0])")
    assert drawn == {"type": "heatmap", "x": ["8", "16"], "y": ["1", "2"], "z": [[8, 16], [16, 32]]}
