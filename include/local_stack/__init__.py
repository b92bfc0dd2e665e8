"""The whole system on one machine: what `make demo` and the scheduler test start, watch and stop.

Not part of the path: the product never imports this package. It starts processes of this
installation only, remembers each in a file under its home folder, and stops nothing else.
"""
