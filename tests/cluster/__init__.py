"""`make compose-test`: docker-compose.yml really run, a worker killed in mid-delivery, the totals judged.

Apart from `make test`: it needs a Docker engine (or root on Debian, to start one for the length of the run).
"""
