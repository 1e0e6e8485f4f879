"""What turns a `Document` into a terminal's lines, Markdown, a page, events or a notebook's cell."""
