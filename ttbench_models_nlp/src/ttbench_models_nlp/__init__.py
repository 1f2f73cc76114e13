"""ttbench model pack: language models, built offline from their configurations."""
