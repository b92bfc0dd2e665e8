"""The generated pages of docs/: DAGs from their docstrings, attributes and facts from the headers of their files, the
data dictionary from the database's comments.

Not part of the path. Each page has one source and is never edited by hand; `make lint` fails if a page is stale.
"""
