"""What MkDocs does for this site: pages and files outside ``docs/``, and no network.

Pages link as a code host shows them: relative to their file in the repository. Files outside
``docs/`` that a page links to become files of the site, with their links rewritten.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

# A link or a picture of a page; blocks of code have none.
LINK = re.compile(
    r"(^```.*?^```$)|(\]\(|(?:src|srcset|href)=\")([^)#\"\s:]+)(?=[)#\"])", re.M | re.S
)
FETCHED = re.compile(r"<(script|link|img|source|iframe)\b[^>]*\b(src|href|srcset)=\"?(https?:)?//")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add each file outside ``docs/`` that a page links to, and those that such a file links to."""
    root = Path(config.config_file_path).parent
    waiting = [file for file in files if file.is_documentation_page()]
    while waiting:
        page = waiting.pop()
        for target in list_targets(page.content_string, in_repository(page.src_uri, root)):
            uri = in_site(target)
            if uri != target or files.get_file_from_path(uri) or not (root / target).is_file():
                continue
            file = File.generated(config, uri, abs_src_path=str(root / target))
            files.append(file)
            if file.is_documentation_page():
                waiting.append(file)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite links between ``docs/`` and what is outside."""
    root = Path(config.config_file_path).parent
    here = in_repository(page.file.src_uri, root)

    def rewrite(link: re.Match) -> str:
        if link[1]:
            return link[1]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(here), link[3]))
        return link[2] + posixpath.relpath(
            in_site(target), posixpath.dirname(page.file.src_uri) or "."
        )

    return LINK.sub(rewrite, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that fetches anything from elsewhere."""
    if found := FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri}: fetches from elsewhere: {found[0]}")
    return output


def list_targets(markdown: str, here: str) -> list[str]:
    """List the files that a page links to, as paths in the repository."""
    folder = posixpath.dirname(here)
    links = (link[3] for link in LINK.finditer(markdown) if link[3])
    return [posixpath.normpath(posixpath.join(folder, link)) for link in links]


def in_repository(uri: str, root: Path) -> str:
    """Return the path in the repository of a file of the site."""
    inside = f"docs/{uri}"
    return inside if (root / inside).is_file() else uri


def in_site(path: str) -> str:
    """Return the path in the site of a file of the repository."""
    return path.removeprefix("docs/")
