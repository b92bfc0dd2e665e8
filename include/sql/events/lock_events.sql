-- Lock the table of raw events as a writer from the first moment of a step. A process that wants the table alone then
-- gets it before all steps under way or after them. It never gets between two steps, which would wait for each other.
lock table event.event in row exclusive mode
