"""Sinks, which store results, and the contract that they follow."""
