-- Tell the planner how many outcomes were computed.
analyze kpi_outcome
