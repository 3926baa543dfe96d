"""Tests of the conversion of Keras models."""
