"""Compiles every kernel by importing it: run once at set-up, so that no user waits for it."""

from __future__ import annotations

import validator.commands
import validator.service

__all__ = ["validator"]
