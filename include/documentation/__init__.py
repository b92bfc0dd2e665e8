"""The generated pages of docs/: DAGs from their docstrings, the data dictionary from the database's comments.

Beside the path. Each page has one source and is never edited by hand; `make lint` fails when one is stale.
"""
