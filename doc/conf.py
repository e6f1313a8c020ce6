"""Settings of the documentation; `make doc` builds it."""

import os
import re
from importlib.metadata import version as installed_version

from sphinx_gallery.sorting import ExplicitOrder

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

project = "sklux"
author = "sklux developers"
copyright = "sklux developers"
release = version = installed_version("sklux")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "sg_execution_times.rst"]
templates_path = ["_templates"]

# Blocks without a language, such as drawings of the data flow, are plain text.
highlight_language = "none"

# Names of ours in single backticks in a docstring are links.
default_role = "obj"

# Markdown
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# The reference
autosummary_generate = True
numpydoc_show_class_members = False
autodoc_typehints = "none"
# The contents of a page list methods without their class.
toc_object_entries_show_parents = "hide"
extlinks = {
    "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s"),
    "doi": ("https://doi.org/%s", "doi:%s"),
}

# The examples
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "within_subsection_order": ExplicitOrder(
        [
            "plot_first_model.py",
            "plot_classification.py",
            "plot_clusters.py",
            "plot_semantic_search.py",
            "plot_topic_map.py",
            "plot_near_duplicates.py",
            "plot_regression.py",
            "plot_text_to_pictures.py",
            "plot_quality_filter.py",
            "plot_hybrid.py",
            "plot_alignment.py",
            "plot_choosing_sizes.py",
        ]
    ),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "doc_module": ("sklux",),
    "backreferences_dir": "api/examples",
    "reference_url": {"sklux": None},
}

# Pages link to the source of an example, which a reader of the repository can open. The
# built pages link to the page of the gallery instead.
IN_REPOSITORY = re.compile(r"^In the repository, .*\n", flags=re.MULTILINE)
EXAMPLE_LINK = re.compile(r"\]\((?:\.\./)+examples/(?:(plot_\w+)\.py)?\)")


def link_gallery(app, docname, source):
    """Replace links to examples by links to their pages in the gallery."""
    source[0] = EXAMPLE_LINK.sub(
        lambda link: f"](/auto_examples/{link[1] or 'index'}.rst)", source[0]
    )


def leave_out_links_to_included_files(app, docname, source):
    """Remove sentences for readers of the repository, where includes are not shown."""
    source[0] = IN_REPOSITORY.sub("", source[0])


def setup(app):
    app.connect("source-read", link_gallery)
    app.connect("source-read", leave_out_links_to_included_files)


# The pages
html_theme = "pydata_sphinx_theme"
html_title = "sklux"
html_static_path = ["_static"]
html_css_files = ["sklux.css"]
html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {
    page: [] for page in ("getting_started", "benchmarks", "changelog", "citing")
}

linkcheck_timeout = 20
linkcheck_retries = 2
