"""From a definition to its cells: what will run where, and what is known against the rest."""
