"""The site of the documents: links out of `docs/` lead somewhere, dead links end the build, nothing is from the web."""

import re
import shutil
from pathlib import Path

import griffe
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from docs.docstrings import Docstrings

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one document, a README and a recipe."""
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "source.py", tmp_path / "docs")
    (tmp_path / "docs" / "index.md").write_text("# Start\n\n[recipe](../conf/r1.yaml), [part](../README.md#part)\n")
    (tmp_path / "README.md").write_text("# Read me\n\n## Part\n\n[start](docs/index.md), [other](conf/r2.yaml)\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "r1.yaml").write_text("weight: 5.0\n")
    (tmp_path / "conf" / "r2.yaml").write_text("weight: 10.0\n")
    validation = (ROOT / "mkdocs.yml").read_text().partition("\nvalidation:")[2]
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: test\nstrict: true\nuse_directory_urls: false\ntheme: {name: null, custom_dir: theme}\n"
        f'plugins: []\nhooks: [docs/source.py]\nexclude_docs: "*.py"\nvalidation:{validation}'
    )
    (tmp_path / "theme").mkdir()
    (tmp_path / "theme" / "main.html").write_text("{{ page.content }}")
    return tmp_path


def built(repository: Path) -> dict[str, str]:
    """The pages of the site, by name."""
    build(load_config(str(repository / "mkdocs.yml")))
    site = repository / "site"
    return {page.relative_to(site).as_posix(): page.read_text() for page in site.rglob("*.html")}


def links(page: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', page)


def test_a_link_out_of_the_documents_leads_to_a_page_with_the_file(repository):
    pages = built(repository)
    assert links(pages["index.html"]) == ["repository/conf/r1.yaml.html", "repository/index.html#part"]
    assert "weight: 5.0" in pages["repository/conf/r1.yaml.html"]


def test_a_file_s_own_links_lead_to_the_site_s_pages_too(repository):
    pages = built(repository)
    assert links(pages["repository/index.html"]) == ["../index.html", "conf/r2.yaml.html"]
    assert "weight: 10.0" in pages["repository/conf/r2.yaml.html"]


@pytest.mark.parametrize("link", ["../conf/none.yaml", "../README.md#none", "none.md", "none.png", "index.md#none"])
def test_a_dead_link_ends_the_build(repository, link):
    with (repository / "docs" / "index.md").open("a") as page:
        page.write(f"\n[dead]({link})\n")
    with pytest.raises(Abort, match="1 warnings in strict mode"):
        built(repository)


def test_what_a_docstring_says_of_fields_is_a_list_and_pydantic_s_fields_are_parameters(tmp_path):
    (tmp_path / "shapes.py").write_text(
        "from pydantic.dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Box:\n"
        '    """A box.\n\n    width, height: in pixels,\n        from 1.\n    Note: it is flat.\n    """\n\n'
        "    width: int\n    height: int = 1\n"
    )
    shapes = griffe.load("shapes", search_paths=[tmp_path], extensions=griffe.load_extensions(Docstrings))
    assert [parameter.name for parameter in shapes["Box"].parameters] == ["self", "width", "height"]
    listed = "A box.\n\n\n- `width, height`: in pixels,\n    from 1.\nNote: it is flat."
    assert shapes["Box"].docstring.value == listed


@pytest.mark.slow
def test_the_whole_site_loads_nothing_from_the_web(tmp_path):
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site")))
    pages = [page.read_text() for page in (tmp_path / "site").rglob("*.html")]
    assert len(pages) > 20
    loaded = {url for page in pages for url in re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]*)"', page)}
    assert loaded and not {url for url in loaded if "//" in url}
