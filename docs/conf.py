"""How Sphinx builds the documentation: `make docs`. Nothing that is built asks a network for anything."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "mnistnn"
author = "mnistnn contributors"
project_copyright = author

extensions = ["myst_parser", "sphinx_copybutton", "mathml", "repository_links"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["extensions", "generator"]
smartquotes = False  # which would make one dash of the two of an option

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

html_theme = "furo"
html_title = "mnistnn"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_search_summary = False  # summaries are fetched, which a page from a file may not do
html_math_renderer = "mathml"
html_static_path = ["style"]
html_css_files = ["formulas.css", "width.css"]

# Of commands and prompts, what is typed is copied, and not what is printed.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_copy_empty_lines = False
copybutton_line_continuation_character = "\\"
