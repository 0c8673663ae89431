"""The page in a browser: its pictures are torch's, and everything on it does what it says."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")

from ganexp.errors import UserError  # noqa: E402
from ganexp.exporting import explorer, portable  # noqa: E402
from ganexp.exporting.graph import OPERATORS, plain  # noqa: E402
from ganexp.pictures import to_uint8  # noqa: E402

pytestmark = pytest.mark.slow


def write(run, generator, graph, path):
    explorer.write(run, 1234, generator, graph, path)
    return f"file://{path}"


@pytest.fixture(scope="module")
def conditional(exported, tmp_path_factory):
    return write(*exported("mlp", True), tmp_path_factory.mktemp("page") / "explorer.html")


def shown(page, canvas):
    """What a canvas shows, once all that was asked for is drawn."""
    return page.evaluate(
        """async (selector) => {
        while (drawing) await new Promise(requestAnimationFrame);
        return document.querySelector(selector).toDataURL(); }""",
        canvas,
    )


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("network", ["mlp", "mlp_conv", "dcgan", "resnet"])
def test_the_page_s_pictures_are_torch_s_to_a_grey_level(page, exported, network, labels, tmp_path):
    run, generator, graph = exported(network, labels)
    page.goto(write(run, generator, graph, tmp_path / "explorer.html"))
    z = torch.randn(3, 12, generator=torch.Generator().manual_seed(2))
    expected = to_uint8(generator(z, torch.arange(3) if labels else None)).numpy()
    assert expected.std() > 2
    for label, latent in enumerate(z.tolist()):
        got = page.evaluate("async ([z, label]) => [...await explorer.generate(z, label)]", [latent, label])
        difference = np.abs(np.reshape(got, expected[label].shape) - expected[label].astype(int))
        assert difference.max() <= 1


def test_weights_that_are_too_many_are_rounded_to_16_bits(page, exported, tmp_path, monkeypatch):
    run, generator, graph = exported("mlp", False)
    file = tmp_path / "explorer.html"
    write(run, generator, graph, file)
    monkeypatch.setattr(explorer, "LARGEST", file.stat().st_size - 1)
    page.goto(write(run, generator, graph, file))
    assert file.stat().st_size <= explorer.LARGEST
    assert "rounded to 16 bits" in page.inner_text("footer")
    z = torch.randn(1, 12, generator=torch.Generator().manual_seed(2))
    got = page.evaluate("async z => [...await explorer.generate(z)]", z[0].tolist())
    rounded = {key: value.half().float() for key, value in generator.state_dict().items()}
    expected = to_uint8(torch.func.functional_call(generator, rounded, z)).numpy().ravel()
    assert np.abs(got - expected.astype(int)).max() <= 1


def test_every_operator_that_python_lets_through_is_in_the_interpreter_and_no_other(page):
    page.goto("about:blank")
    source = explorer.source("interpreter.js")
    known = page.evaluate(f"(() => {{ let onmessage; {source}; return Object.keys(operators); }})()")
    assert sorted(known) == sorted(OPERATORS)


@pytest.mark.parametrize(
    ("node", "what"),
    [
        (onnx.helper.make_node("Softplus", ["latent"], ["images"]), "the network uses Softplus, which"),
        (onnx.helper.make_node("Gemm", ["latent", "w"], ["images"]), "Gemm with transB=0"),
        (onnx.helper.make_node("Conv", ["latent", "w"], ["images"], group=2), "Conv with group=2"),
        (onnx.helper.make_node("Gather", ["latent", "w"], ["images"]), "Gather by anything but the labels"),
        (onnx.helper.make_node("Add", ["latent", "w"], ["images"], domain="mine"), "mine.Add"),
    ],
)
def test_what_the_interpreter_cannot_run_is_refused_by_name(node, what):
    graph = onnx.helper.make_graph([node], "network", [], [])
    with pytest.raises(UserError, match=what):
        plain(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)]))


def test_a_slider_moves_the_picture_and_back(page, conditional):
    page.goto(conditional)
    before = shown(page, "#picture")
    slider = page.get_by_label("Direction 3")
    start = slider.input_value()
    slider.fill("2.5")
    assert shown(page, "#picture") != before
    assert page.locator("output").nth(2).inner_text() == "2.5"
    slider.fill(start)
    page.get_by_role("button", name="Reset sliders").click()
    assert shown(page, "#picture") == before


def test_another_one_is_another_picture_and_its_seed_gives_it_again(page, conditional):
    page.goto(conditional)
    first = shown(page, "#picture")
    page.get_by_role("button", name="Another one").click()
    second = shown(page, "#picture")
    assert second != first and page.get_by_role("spinbutton", name="Seed").input_value() == "1"
    page.get_by_role("spinbutton", name="Seed").fill("0")
    page.keyboard.press("Tab")
    assert shown(page, "#picture") == first
    page.reload()
    assert shown(page, "#picture") == first


def test_a_class_is_chosen_by_name_and_shows_the_picture_that_its_choice_showed(page, conditional):
    page.goto(conditional)
    before = shown(page, "#picture")
    promised = shown(page, "#classes label:nth-of-type(2) canvas")
    assert page.locator("#classes span").all_inner_texts() == ["cat", "dog", "</script>"]
    page.get_by_label("dog").check(force=True)
    assert shown(page, "#picture") == promised != before
    assert page.get_by_role("img", name="class dog").is_visible()


def test_a_morph_begins_and_ends_at_the_pictures_that_were_kept(page, conditional):
    page.goto(conditional)
    page.get_by_role("spinbutton", name="Seed").fill("5")
    page.get_by_role("button", name="Keep the picture as A").click()
    a = shown(page, "#picture")
    page.get_by_role("button", name="Another one").click()
    page.get_by_label("dog").check(force=True)
    page.get_by_role("button", name="Keep the picture as B").click()
    b = shown(page, "#picture")
    page.get_by_role("button", name="Another one").click()
    for place, picture in ((0, a), (1, b)):
        page.get_by_label("From A to B").fill(str(place))
        assert shown(page, "#middle") == picture
    page.get_by_label("From A to B").fill("0.5")
    assert shown(page, "#middle") not in (a, b)


def test_a_cell_of_the_map_is_a_place_to_go_to_by_mouse_and_by_keyboard(page, conditional):
    page.goto(conditional)
    cell = "#map button:nth-of-type(4)"
    there = shown(page, f"{cell} canvas")
    page.click(cell)
    assert shown(page, "#picture") == there
    assert page.locator("output").all_inner_texts()[:2] == ["1.5", "−3.0"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shown(page, "#picture")
    assert page.locator("output").all_inner_texts()[:2] == ["3.0", "−1.5"]


def test_everything_that_can_be_moved_has_a_name(page, conditional):
    page.goto(conditional)
    for control in page.locator("button, input").all():
        assert control.evaluate("e => e.ariaLabel || e.labels?.[0]?.textContent.trim() || e.textContent.trim()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_goes_dark(browser, conditional, scheme):
    phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    phone.goto(conditional)
    shown(phone, "#picture")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    red = phone.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(red) < 60) == (scheme == "dark")
    phone.close()


def test_what_a_run_is_called_is_only_text(page, exported, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    run, generator, graph = exported("mlp", False)
    page.goto(write(dataclasses.replace(run, path=Path(name)), generator, graph, tmp_path / "explorer.html"))
    assert page.inner_text("h1") == name and page.locator("img").count() == 0


def test_one_latent_is_enough(page, untrained, tmp_path):
    run, generator = untrained("mlp", False, "model.latent_dim=1")
    page.goto(write(run, generator, portable.to_onnx(generator, 1, 0), tmp_path / "explorer.html"))
    shown(page, "#picture")
    assert page.get_by_role("slider").count() == 2
