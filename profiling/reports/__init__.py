"""Reports: records as documents (data), and what turns a document into a page, a terminal's lines,
TensorBoard events or a notebook's output."""
