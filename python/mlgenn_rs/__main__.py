"""``python -m mlgenn_rs`` prints versions."""

from __future__ import annotations

from .versions import show_versions

if __name__ == "__main__":
    show_versions()
