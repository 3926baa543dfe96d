"""Helpers; import them from the sub-modules, e.g. ``mlgenn_rs.utils.data``."""
