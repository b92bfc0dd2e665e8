-- What: which of the shop's worlds the warehouse has loaded; no row before the first load.
-- Grain: at most one row.
-- Parameters: none.
-- Look-back: none.
select f.value as world
from installation.fact as f
where f.name = 'demo_loaded_world'
