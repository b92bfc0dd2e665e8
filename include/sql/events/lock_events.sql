-- Hold the table of raw events as a writer from the first moment of a step: who wants it alone comes before all the
-- steps under way or after them, never between two, which would wait for each other.
lock table event.event in row exclusive mode
