"""ONNX Runtime: an exported stage as an ONNX model in a file of the run's own."""
