"""Clock, passes, warm-up and statistics: pure, and without any engine."""
