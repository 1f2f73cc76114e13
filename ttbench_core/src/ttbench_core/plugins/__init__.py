"""What installed distributions register, and the settings that packs bring along."""
