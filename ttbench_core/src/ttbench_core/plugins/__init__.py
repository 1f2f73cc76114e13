"""What installed distributions register, and the settings in packs."""
