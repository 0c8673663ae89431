"""The page: from runs to HTML."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ganexp.page import data, glossary
from ganexp.page.collect import RunSummary
from ganexp.page.comparison import differing, groups, sections, titles
from ganexp.page.statistics import number, spread


def page(root: Path, runs: Sequence[RunSummary], command: str = "", renewed: float | None = None) -> str:
    """A whole HTML document that compares the runs and needs no other file.

    command: writes the page again. renewed: the seconds after which a watched page reloads itself.
    """
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "spread": spread, "mean": fmean, "breakable": _breakable, "facts": _facts}
    columns = differing(runs)
    every = groups(runs, columns)
    named = titles(every)
    compared = sections(every)
    measured = [group for section in compared for group in section.groups]
    unmeasured = [(group, run) for group in every for run in group.runs if not run.metrics]
    # One order for the whole page: that of the tables. It also decides the colours.
    place = {number: i for i, number in enumerate(dict.fromkeys(group.number for group in [*measured, *every]))}
    in_order = [run for group in measured for run in group.runs] + [run for _, run in unmeasured]
    running = [run for run in runs if run.is_running]
    facts = list(dict.fromkeys(name for run in runs for name in run.facts))
    return environment.get_template("template.html").render(
        title=root.resolve().name,
        written=time.strftime("%Y-%m-%d %H:%M"),
        statuses=Counter(run.status for run in runs).most_common(),
        running=len(running),
        command=command,
        renewed=renewed,
        runs=in_order,
        titles=named,
        index={run.name: i for i, run in enumerate(in_order)},
        place=place,
        sections=compared,
        entry=glossary.entry,
        facts=facts,
        unmeasured=unmeasured,
        unmeasured_columns=columns,
        several_seeds=len({run.seed for run in runs}) > 1,
        last_only=data.LAST_ONLY if len(runs) > data.LAST_ONLY else None,
        no_pictures=data.NO_PICTURES if len(runs) > data.NO_PICTURES else None,
        data=htmlsafe_json_dumps(
            {
                "written": time.time(),
                "renewed": renewed,
                **data.of_page(in_order, every, compared, columns, named, place),
            },
            allow_nan=False,
            separators=(",", ":"),
        ),
        css=Markup((here / "page.css").read_text(encoding="utf-8")),
        script=Markup((here / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
    )


def _facts(runs: Sequence[RunSummary], name: str) -> list[float]:
    return [run.facts[name] for run in runs if name in run.facts]


def _breakable(text: str) -> Markup:
    """The text, with places where a narrow column may break a long word."""
    words = (re.split(r"(?<=[_,=])|(?<=\.)(?!\d)", word) if len(word) > 11 else [word] for word in text.split(" "))
    return Markup(" ").join(Markup("<wbr>").join(parts) for parts in words)
