"""All workloads by name."""

from __future__ import annotations

import workloads_inference
import workloads_overhead
import workloads_training
from measure import WORKLOADS

__all__ = ["WORKLOADS", "workloads_inference", "workloads_overhead", "workloads_training"]
