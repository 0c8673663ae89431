"""docs/by_hand.md, followed literally but with smaller networks and for fewer iterations."""

import re
from pathlib import Path

from PIL import Image

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "by_hand.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)


def test_the_page_trains_a_gan_and_then_a_conditional_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page, gaps = {}, []
    for block in BLOCKS:
        exec(block.replace("range(10_000)", "range(30)").replace("hidden=256", "hidden=32"), page)
        if "range(10_000)" in block:
            judged = page["objectives"].for_discriminator(*page["batches"][30])
            gaps.append((judged.real.logits.mean() - judged.fake.logits.mean()).item())
    assert len(gaps) == 2 and min(gaps) > 0.1, "D has learned to tell real pictures from generated ones"
    assert page["generator"].num_classes == 10
    with Image.open("digits.png") as sheet:
        assert sheet.width == sheet.height > 8 * 28
