"""Links and pictures of the documents in the root of the repository, which pages of the documentation include.

ARCHITECTURE.md and its neighbours are read in the repository, so their paths begin there. On a page, a link to a
document that another page includes leads to that page, and a link to any other file of the repository becomes the path
of that file, as code: the repository has no public address.
"""

import os
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).parents[2]
_INCLUDE = re.compile(r"^```+\{include\}\s+(\S+)", re.MULTILINE)


class RepositoryLinks(SphinxTransform):
    """Replaces paths of the repository by what a page can show."""

    default_priority = 5  # before pictures are collected and references resolved

    def apply(self, **_options: Any) -> None:
        """Look at each link and each picture of a page."""
        for link in list(self.document.findall(_is_link)):
            self._resolve(link)
        for picture in list(self.document.findall(nodes.image)):
            path = ROOT / picture["uri"]
            if "://" not in picture["uri"] and not (self._folder / picture["uri"]).exists() and path.exists():
                picture["uri"] = os.path.relpath(path, self._folder)

    @property
    def _folder(self) -> Path:
        return Path(self.env.doc2path(self.env.docname)).parent

    def _resolve(self, link: nodes.Element) -> None:
        path = link["reftarget"].partition("#")[0]
        file = next((each for each in (self._folder / path, ROOT / path) if path and each.exists()), None)
        if file is None or ROOT not in file.resolve().parents:
            return
        name = self.env.path2doc(str(file.resolve()))
        page = name if name in self.env.found_docs else self._pages().get(file.resolve())
        if page is None:
            link.replace_self(_as_code(link, str(file.resolve().relative_to(ROOT))))
        else:
            new = addnodes.pending_xref("", *link.children, **link.attributes)
            new.attributes |= {"refdomain": "doc", "reftarget": page, "reftargetid": None}
            link.replace_self(new)

    def _pages(self) -> dict[Path, str]:
        """Return the names of the pages that include a document, by that document."""
        pages = {name: Path(self.env.doc2path(name)) for name in self.env.found_docs}
        return {
            (page.parent / included).resolve(): name
            for name, page in pages.items()
            for included in _INCLUDE.findall(page.read_text(encoding="utf-8"))
        }


def _is_link(node: nodes.Node) -> bool:
    """Whether a node is a link of MyST to a file that is not a page."""
    return (
        isinstance(node, addnodes.pending_xref | addnodes.download_reference)
        and node.get("reftype") == "myst"
        and node.get("refdomain") != "doc"
    )


def _as_code(link: nodes.Element, path: str) -> list[nodes.Node]:
    """Return the path as code, behind the words of the link if they say something else."""
    code = nodes.literal(path, path)
    words = link.astext().lstrip("./")
    if not words or path.endswith(words):
        return [code]
    return [nodes.inline("", "", *link.children), nodes.Text(" ("), code, nodes.Text(")")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform with Sphinx."""
    app.add_transform(RepositoryLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
