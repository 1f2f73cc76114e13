"""Writing the files of a new pack, backend or sink: `ttbench new`."""
