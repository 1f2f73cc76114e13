"""A run from its options to its Result, in this process or in several."""
