"""Tests of the engine layer and of the engine behind it."""
