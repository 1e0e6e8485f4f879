"""What turns a `Document` into a page, Markdown, events, a terminal's or a notebook's output."""
