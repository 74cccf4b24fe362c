"""The site, built from the repository's root: ``python -m sphinx -W --keep-going -c docs . FOLDER``.

Its source is the repository itself, so that one link leads to the same page in both. A link to what is
no page of the site, such as a configuration, is offered as a file.
"""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from trustkit import __version__

project = "trustkit"
author = "the trustkit authors"
copyright = f"{author}, Apache-2.0"
version = release = __version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/**.md",
    "examples/**/README.md",
    "examples/**/ORIGIN.md",
    "tests/*/ORIGIN.md",
    "tests/cases/**.md",
]
exclude_patterns = [".*", "node_modules"]
nitpicky = True

myst_heading_anchors = 4

autodoc_default_options = {"exclude-members": "Axis, Mask, model_config, model_post_init"}
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "alabaster"
html_title = f"trustkit {release}"
html_theme_options = {"globaltoc_maxdepth": 2, "page_width": "72rem", "sidebar_width": "17rem"}
html_sidebars = {"**": ["about.html", "searchfield.html", "navigation.html"]}
html_extra_path = ["_site"]
html_copy_source = False
html_show_sourcelink = False


def setup(app: Sphinx) -> None:
    """Show rows as text: Pygments knows no csv."""
    app.add_lexer("csv", TextLexer)
