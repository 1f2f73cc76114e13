"""From a builder to a checked model, and what can be learnt of a model without an engine."""
