"""Clock, passes, warm-up, statistics and counters of the host: without any engine."""
