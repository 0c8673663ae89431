"""The page in a browser: its pictures are torch's, and every control does what its words say."""

import base64
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")

from ganexp.errors import UserError  # noqa: E402
from ganexp.exporting import explorer, portable  # noqa: E402
from ganexp.exporting.graph import OPERATORS, plain  # noqa: E402
from ganexp.pictures.drawing import to_uint8  # noqa: E402
from ganexp.pictures.sampling import latents  # noqa: E402
from ganexp.run_folder.folder import RunFolder  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("exported")]


def write(run, generator, graph, path):
    explorer.write(run, 1234, generator, graph, path)
    return f"file://{path}"


@pytest.fixture(scope="module")
def conditional(exported, tmp_path_factory):
    return write(*exported("mlp", True), tmp_path_factory.mktemp("page") / "explorer.html")


def shown(page, canvas):
    """The picture of a canvas, once the page has drawn everything."""
    return page.evaluate(
        """async (selector) => {
        while (drawing) await new Promise(requestAnimationFrame);
        return document.querySelector(selector).toDataURL(); }""",
        canvas,
    )


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("network", ["mlp", "mlp_conv", "dcgan", "resnet", "compact"])
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


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("size", [1, 7, 100, 128])
def test_a_seed_s_latents_are_those_of_sample(page, seed, size):
    page.goto("about:blank")
    code = explorer.source("latents.js")
    got = page.evaluate(f"(() => {{ {code}; return latentsOf({seed}, 24, {size}).map((z) => [...z]); }})()")
    torch.testing.assert_close(torch.tensor(got), latents(seed, 0, 24, size), atol=5e-6, rtol=0)


def test_the_sheet_shows_the_pictures_of_sample(page, exported, tmp_path):
    run, generator, graph = exported("mlp", False)
    page.goto(write(run, generator, graph, tmp_path / "explorer.html") + "#seed=3")
    shown(page, "#picture")
    expected = to_uint8(generator(latents(3, 0, 24, 12), None))
    for number in (0, 5, 23):
        got = page.evaluate(
            """(number) => {
            const canvas = document.querySelectorAll("#sheet canvas")[number];
            return [...canvas.getContext("2d").getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0); }""",
            number,
        )
        assert np.abs(np.subtract(got, expected[number].flatten().numpy().astype(int))).max() <= 1


def test_the_weights_of_a_large_network_are_rounded_to_16_bits(page, exported, tmp_path, monkeypatch):
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


def test_python_and_the_interpreter_know_the_same_operators(page):
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
def test_an_operator_that_the_interpreter_cannot_run_is_refused_by_name(node, what):
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


def test_the_same_seed_gives_the_same_picture_again(page, conditional):
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


def test_a_picture_of_the_sheet_is_shown_when_it_is_chosen(page, conditional):
    page.goto(conditional)
    cell = "#sheet button:nth-of-type(8)"
    before, promised = shown(page, "#picture"), shown(page, f"{cell} canvas")
    page.click(cell)
    assert shown(page, "#picture") == promised != before
    assert page.get_by_role("img", name="Picture 7 of seed 0, class cat").is_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    shown(page, "#picture")
    assert page.get_by_role("img", name="Picture 6 of seed 0").is_visible()


def test_a_random_sheet_is_another_one(page, conditional):
    page.goto(conditional)
    before = shown(page, "#sheet canvas")
    page.get_by_role("button", name="Random sheet").click()
    assert shown(page, "#sheet canvas") != before


def test_a_link_shows_the_same_picture_again(page, conditional):
    page.goto(conditional)
    page.evaluate("void (navigator.clipboard.writeText = async (text) => (window.copied = text))")
    page.get_by_role("spinbutton", name="Seed").fill("5")
    page.keyboard.press("Tab")
    page.click("#sheet button:nth-of-type(3)")
    page.get_by_label("dog").check(force=True)
    page.get_by_label("Direction 3").fill("2.5")
    before = shown(page, "#picture")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("The link is copied.").wait_for()
    link = page.evaluate("copied")
    assert link == f"{conditional}#seed=5&picture=2&class=1&direction-3=2.5" == page.url
    page.goto("about:blank")
    page.goto(link)
    assert shown(page, "#picture") == before


@pytest.mark.parametrize("end", ["seed=-1&picture=99&class=99", "seed=x&direction-1=x&direction-99=1", "seed", "%"])
def test_a_link_that_somebody_wrote_wrongly_shows_some_picture(page, conditional, end):
    page.goto(f"{conditional}#{end}")
    assert shown(page, "#picture")
    assert page.get_by_role("img", name="of seed 0").is_visible()


def test_the_numbers_of_a_picture_are_its_latent(page, exported, conditional):
    page.goto(conditional)
    page.evaluate("void (navigator.clipboard.writeText = async (text) => (window.copied = text))")
    page.get_by_role("button", name="Copy numbers").click()
    page.get_by_text("The numbers of the picture are copied.").wait_for()
    latent = torch.tensor([json.loads(page.evaluate("copied"))])
    torch.testing.assert_close(latent, latents(0, 0, 1, 12), atol=5e-6, rtol=0)


def test_without_a_clipboard_the_text_can_be_copied_by_hand(page, conditional):
    page.goto(conditional)
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject())")
    page.get_by_role("button", name="Copy link").click()
    text = page.get_by_label("Text to copy")
    text.wait_for()
    assert text.input_value() == f"{conditional}#seed=0&class=0"


@pytest.mark.parametrize(
    ("button", "name", "size"),
    [
        ("Save picture", "seed-0_class-0.png", (504, 504)),
        ("Save sheet", "sheet_seed-0_class-0.png", (6 * (6 * 28 + 4) + 4, 4 * (6 * 28 + 4) + 4)),
    ],
)
def test_a_picture_and_a_sheet_are_saved_enlarged(page, conditional, button, name, size):
    page.goto(conditional)
    first = shown(page, "#picture")
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    assert download.value.suggested_filename == name
    saved = Image.open(download.value.path()).convert("RGB")
    assert saved.size == size
    gap, factor = (0, 18) if button == "Save picture" else (4, 6)
    small = saved.crop((gap, gap, gap + 28 * factor, gap + 28 * factor)).resize((28, 28), Image.Resampling.NEAREST)
    shown_there = Image.open(io.BytesIO(base64.b64decode(first.partition(",")[2]))).convert("RGB")
    assert small.tobytes() == shown_there.tobytes()


def test_choosing_a_class_shows_the_picture_beside_its_name(page, conditional):
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


def test_a_morph_plays_until_it_is_paused(page, conditional):
    page.goto(conditional)
    place = page.get_by_label("From A to B")
    page.get_by_role("button", name="Play").click()
    page.evaluate(
        """async () => {
        const place = document.querySelector("#morph");
        while (Math.abs(place.value - 0.5) < 0.1) await new Promise(requestAnimationFrame); }"""
    )
    page.get_by_role("button", name="Pause").click()
    paused, picture = place.input_value(), shown(page, "#middle")
    page.wait_for_timeout(100)
    assert place.input_value() == paused and shown(page, "#middle") == picture
    assert page.get_by_role("button", name="Play").is_visible()


def test_a_cell_of_the_map_can_be_chosen_by_mouse_and_by_keyboard(page, conditional):
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


def test_every_control_has_a_name(page, conditional):
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


def test_a_run_s_name_is_shown_as_text_and_never_as_html(page, exported, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    run, generator, graph = exported("mlp", False)
    page.goto(
        write(dataclasses.replace(run, folder=RunFolder(Path(name))), generator, graph, tmp_path / "explorer.html")
    )
    assert page.inner_text("h1") == name and page.locator("img").count() == 0


def test_names_may_hold_bytes_that_are_not_utf_8(page, exported, tmp_path):
    run, generator, graph = exported("mlp", True)
    data = run.record["data"] | {"classes": ("cat", "caf\udce9", "dog")}
    odd = dataclasses.replace(run, folder=RunFolder(Path("r\udce9")), record=run.record | {"data": data})
    page.goto(write(odd, generator, graph, tmp_path / "explorer.html"))
    assert shown(page, "#picture")
    assert page.inner_text("h1") == "r\\udce9"
    assert page.locator("#classes span").nth(1).inner_text() == "caf\\udce9"
    portable.write_safetensors(odd, generator, tmp_path / "generator.safetensors")


def test_a_latent_of_one_number_is_enough(page, untrained, tmp_path):
    run, generator = untrained("mlp", False, "model.latent_dim=1")
    page.goto(write(run, generator, portable.to_onnx(generator, 1, 0), tmp_path / "explorer.html"))
    shown(page, "#picture")
    assert page.get_by_role("slider").count() == 2
