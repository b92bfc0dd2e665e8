"""The whole system on one machine: what `make demo` and the scheduler test start, watch and stop.

Beside the path, not in it: the product never imports this package. It starts processes of this
installation only, remembers each in a file under its home folder, and stops nothing else.
"""
