"""Compiles every kernel: run once at set-up, so that no user waits for it."""

from __future__ import annotations

import validator.commands
import validator.service
from validator.kernels import ready_all

__all__ = ["validator"]

if __name__ == "__main__":
    ready_all()
