"""ttbench model pack: vision models, built offline from their configurations."""
