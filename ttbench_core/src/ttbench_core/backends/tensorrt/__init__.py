"""TensorRT on NVIDIA GPUs, by torch-tensorrt: an exported stage, compiled to its engines."""
