"""Networks that no library fits, each from its paper; importing one imports torch."""
