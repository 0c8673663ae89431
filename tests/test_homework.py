"""docs/homework.md: what it tells to type runs, what it quotes is said, and its words are the report's."""

import re
import shlex

import pytest

from benchmarks.gallery import DOCS, IMAGES
from ganexp.page.glossary import ENTRIES

TEXT = (DOCS / "homework.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m ganexp\.(.*)$", TEXT, re.MULTILINE)
FAULTY = next(line for line in COMMANDS if "lr=2e4" in line)


def test_the_words_for_metrics_are_the_report_s():
    rows = "\n".join(f"| {entry.name} | {entry.sentence} |" for entry in ENTRIES.values())
    assert f"| metric | meaning |\n|---|---|\n{rows}\n\n" in TEXT


def test_its_pictures_load_fast():
    sizes = {path.name: path.stat().st_size for path in (IMAGES / "homework").iterdir()}
    assert sizes and all(size < 60_000 for size in sizes.values()), sizes


def test_links_within_the_page_lead_somewhere():
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#(\S+?)\)", TEXT)
    assert links and set(links) <= anchors


@pytest.mark.slow
def test_every_command_runs(type_, tiny):
    """In turn, as a reader types them: `run=latest` is the run of the line before."""
    for line in COMMANDS:
        if line != FAULTY:
            command, *typed = shlex.split(line)
            done = type_(command, *typed, *(tiny if command == "train" else ()))
            assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.slow
def test_a_missing_minus_ends_a_run_with_the_sentence_that_the_guide_quotes(train):
    quoted = " ".join(" ".join(re.findall(r"^> (.*)$", TEXT, re.MULTILINE)).split())
    done = train(*shlex.split(FAULTY)[1:], "trainer.accelerator=cpu")
    assert done.returncode == 2 and quoted in done.stderr
