-- Goals are words of a folder (kpis/goals), and this function is no more.
drop function if exists kpi.goal_facts(text, text, text, timestamptz, timestamptz, boolean);
