"""Compiles every kernel by importing it: run once at set-up, so that no user waits for it."""

from __future__ import annotations

import collectors.catalog
import validator.assembly

__all__ = ["collectors", "validator"]
