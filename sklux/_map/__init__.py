"""Maps of documents that a browser opens from a file."""
