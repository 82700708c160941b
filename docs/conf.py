"""How Sphinx builds the documentation: ``make docs``. Nothing is fetched from the network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.addnodes import pending_xref

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import clu  # noqa: E402

project = "clu"
author = "The clu developers"
copyright = author  # noqa: A001
release = version = clu.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser", "sphinx_click"]
exclude_patterns = ["_build", "examples"]
default_role = "py:obj"
suppress_warnings = ["toc.excluded"]
smartquotes_action = "qe"  # two hyphens are the beginning of an option

#: The pages that show a file of the repository.
SHOWN = {
    "security": "SECURITY.md",
    "contributing": "CONTRIBUTING.md",
    "how-to/examples": "examples/README.md",
    "how-to/migration": "MIGRATION.md",
    "performance": "benchmarks/README.md",
    "changes": "CHANGELOG.md",
}
exclude_patterns += [page + ".*" for page, file in SHOWN.items() if not (ROOT / file).exists()]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"clu {release}"
html_static_path = ["_static"]
html_copy_source = False
html_show_sphinx = False

# Nothing is downloaded to link to what others document, and types inside clu stay plain text.
_OTHERS = (
    "_asyncio|aio_pika|asyncio|click|click_aliases|collections|datetime|dict|enum|jsonschema|"
    "logging|pathlib|re|ssl_module"
)
_ONLY_IN_ANNOTATIONS = (
    "AbstractIncomingMessage|AbstractRobustQueue|ActorLike|AnyContext|BufferLimits|Caller|CommandLike|"
    "CommandSender|CommandSpec|"
    "Handler|StatusCallbacks|"
    "HubReply|LoopThread|MissingModel|Plan|SDSSLogger|Sampling|Sending|Server|Token|WatchedKeyword|"
    "Writer"
)
_TYPE_VARIABLES = r"F|T|\w+_co|MaskbitType|PropertyType|ReplyType"
nitpick_ignore_regex = [
    ("py:.*", rf"({_OTHERS})\..*"),
    ("py:.*", _ONLY_IN_ANNOTATIONS),
    ("py:.*", rf"(.*\.)?({_TYPE_VARIABLES})"),
    ("py:.*", r"clu\.(.*\.)?_.*"),
]

#: Which class a bare name means, where the opscore types have one of the same name.
_PREFERRED = {"Command": "clu.command.Command", "Reply": "clu.base.Reply"}


def link_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links to a file of the repository lead to the page that shows it."""
    for page, file in SHOWN.items():
        source[0] = source[0].replace(f"](../{file}", f"]({page}.md")


def link_shown_files(app: Sphinx, doctree: nodes.document) -> None:
    """Let links between files that pages show lead from page to page."""
    pages = {file: page for page, file in SHOWN.items()}
    for node in doctree.findall(pending_xref):
        if node["reftype"] == "myst" and node["reftarget"] in pages:
            node["refdomain"] = "doc"
            node["reftarget"] = pages[node["reftarget"]]
            node["reftargetid"] = None


def prefer_names(app: Sphinx, doctree: nodes.document) -> None:
    """Complete the names that more than one class has."""
    for node in doctree.findall(pending_xref):
        if not str(node.get("py:module", "")).startswith("clu.legacy.types"):
            target = node.get("reftarget")
            node["reftarget"] = _PREFERRED.get(target, target)


def find_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Node | None:
    """Resolve a reference by the end of its name: annotations name a class alone."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    entries = {
        (entry.docname, entry.node_id): name
        for name, entry in env.domains.python_domain.objects.items()
        if name.endswith(f".{target}") and not entry.aliased
    }
    if len(entries) == 1:
        ((docname, node_id), name) = entries.popitem()
        here = node.get("refdoc", env.docname)
        uri = f"{app.builder.get_relative_uri(here, docname)}#{node_id}"
        return nodes.reference("", "", content, internal=True, refuri=uri, reftitle=name)
    # A parameter or an inherited attribute, as docstrings of numpy's style name them.
    return content if node["reftype"] == "obj" and target.isidentifier() else None


def setup(app: Sphinx) -> None:
    """Register what resolves references."""
    app.connect("source-read", link_pages)
    app.connect("doctree-read", link_shown_files)
    app.connect("doctree-read", prefer_names)
    app.connect("missing-reference", find_public_name)
