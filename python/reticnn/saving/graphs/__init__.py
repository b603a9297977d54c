"""Keras models written as ONNX graphs: a walk to single operations, one rule for each.

Keras's own way to ONNX goes through TensorFlow's graphs and tf2onnx, takes seconds, and
gives graphs of grouped convolutions and of exact GELU that ONNX Runtime refuses. Here,
on any backend, layers are taken apart into the operations of `keras.ops` that their
`call()` makes, and each of these is written in ONNX's own terms.
"""
