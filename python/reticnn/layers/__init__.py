"""Keras layers that the papers need and Keras does not have."""
