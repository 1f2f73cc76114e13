"""From a builder to a checked model, and what is known of a model without an engine."""
