"""Files of the repository on the site: a hook of mkdocs.

A document links to a file outside `docs/` as any viewer of the repository expects: `[r1](../conf/regularizer/r1.yaml)`.
The site gets a page for each such file, and the link leads there. A Markdown file becomes a page as it is; any other
file is shown as code.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)")
"""The path of a relative link."""

UNSEARCHED = "---\nsearch: {exclude: true}\n---\n\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of all files that documents, or these pages, link to."""
    waiting = [(f"docs/{file.src_uri}", file.content_string) for file in files.documentation_pages()]
    while waiting:
        path, text = waiting.pop()
        for target in filter(_is_outside, (_target(path, link) for link in LINK.findall(text))):
            if files.get_file_from_path(_uri(target)) is None:
                content = (ROOT / target).read_text(encoding="utf-8")
                files.append(
                    File.generated(
                        config, _uri(target), content=_page(target, content), inclusion=InclusionLevel.NOT_IN_NAV
                    )
                )
                if target.endswith(".md"):
                    waiting.append((target, content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links of a page to where their files are on the site."""
    uri = page.file.src_uri
    path = uri.removeprefix("repository/") if uri.startswith("repository/") else f"docs/{uri}"

    def led(link: re.Match[str]) -> str:
        target = _target(path, link[0])
        if not (ROOT / target).is_file() or not (_is_outside(target) or _is_outside(path)):
            return link[0]
        return posixpath.relpath(_uri(target), posixpath.dirname(uri))

    return LINK.sub(led, markdown)


def _target(path: str, link: str) -> str:
    """The file that a link in the file `path` means. Both are relative to the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def _is_outside(path: str) -> bool:
    return not path.startswith(("docs/", "..")) and (ROOT / path).is_file()


def _uri(path: str) -> str:
    """Where a file of the repository is among the site's sources."""
    if not _is_outside(path):
        return path.removeprefix("docs/")
    return f"repository/{path}" if path.endswith(".md") else f"repository/{path}.md"


def _page(path: str, content: str) -> str:
    if path.endswith(".md"):
        return UNSEARCHED + content
    language = {".yaml": "yaml", ".py": "python", ".toml": "toml"}.get(Path(path).suffix, "text")
    return f"{UNSEARCHED}# {path}\n\n~~~~ {language}\n{content}\n~~~~\n"
