-- Tell the planner how many steps are looked at.
analyze kpi_touched
