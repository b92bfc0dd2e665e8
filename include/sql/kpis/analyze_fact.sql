-- Tell the planner how many facts are new.
analyze kpi_fact
