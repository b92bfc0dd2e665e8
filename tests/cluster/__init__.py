"""`make compose-test`: run docker-compose.yml for real, kill a worker during a delivery, judge the totals.

It is not part of `make test`, because it needs a Docker engine (or root on Debian, to start one for the run).
"""
