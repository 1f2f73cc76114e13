"""ONNX Runtime on the processor: an exported stage as an ONNX model in a file of the run's own."""
