"""How the documentation is built: pip install -e '.[docs]' && sphinx-build -W docs docs/_build"""

import jaxgan

project = "jaxgan"
author = "the jaxgan authors"
version = release = jaxgan.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "jaxgan"
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False
default_role = "code"  # what docstrings put in single backticks


def setup(app):
    """Leaves alone the bars of norms, which would be references."""

    def escape(app, what, name, obj, options, lines):
        lines[:] = [line.replace("|", r"\|") for line in lines]

    app.connect("autodoc-process-docstring", escape)
