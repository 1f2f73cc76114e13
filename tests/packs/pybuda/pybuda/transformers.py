"""PyBuda's pipelines of transformers: nothing of it is recorded."""
