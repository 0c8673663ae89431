"""The explorer: one page that holds a generator and everything that runs it in a browser."""

from collections.abc import Sequence
from pathlib import Path

import onnx  # type: ignore[import-not-found]
from jinja2 import Environment, PackageLoader
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from torch import nn

from ganexp.errors import UserError
from ganexp.exporting.directions import directions
from ganexp.exporting.graph import plain
from ganexp.files.whole import write_whole
from ganexp.run import Run

LARGEST = 25_000_000
"""The size in bytes that the page may have. A browser reads so many bytes in about a second."""

SLIDERS = 8


def write(
    run: Run, iteration: int, generator: nn.Module, graph: onnx.ModelProto, path: Path, chosen: Sequence[str] = ()
) -> None:
    """Write the page of a run's generator, whose ONNX graph is `graph`.

    chosen: the overrides by which `ganexp.sample` takes the same generator of the run.

    The weights are rounded to float16 if the page would be too large with float32. UserError, with the reason alone,
    if the page would still be too large, or if the network has an operator that the page cannot run.
    """
    for half in (False, True):
        html = _render(run, iteration, generator, graph, half, chosen)
        if len(html) <= LARGEST:
            write_whole(path, html)
            return
    raise UserError(
        f"the network's weights would make it {len(html) / 1e6:.0f} MB, and at most {LARGEST / 1e6:.0f} are allowed; "
        "train a smaller one with model.hidden=…"
    )


def _render(
    run: Run, iteration: int, generator: nn.Module, graph: onnx.ModelProto, half: bool, chosen: Sequence[str]
) -> bytes:
    size = run.config.model.latent_dim
    vectors, shares = directions(generator, size, SLIDERS)
    model = {
        "graph": plain(graph, half),
        "shape": run.shape,
        "latentSize": size,
        "classes": run.classes,
        "directions": vectors.tolist(),
    }
    files = Environment(loader=PackageLoader("ganexp.exporting", ""), autoescape=True)
    page = files.get_template("explorer.html").render(
        name=run.path.resolve().name,
        data=run.record["data"]["name"],
        iteration=iteration,
        shape=run.shape,
        classes=run.classes,
        shares=shares.tolist(),
        latent=size,
        half=half,
        chosen=chosen,
        model=htmlsafe_json_dumps(model, separators=(",", ":")),
        **{name: Markup(source(file)) for name, file in SOURCES.items()},
    )
    return page.encode(errors="backslashreplace")  # A folder's name may hold bytes that are not UTF-8.


SOURCES = {
    "style": "explorer.css",
    "interpreter": "interpreter.js",
    "latents": "latents.js",
    "script": "explorer.js",
}


def source(file: str) -> str:
    return (Path(__file__).parent / file).read_text(encoding="utf-8")
