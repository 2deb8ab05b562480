"""What happened between two snapshots: found (``comparing``), kept for a while (``log``), told.

``kinds`` says what an event is, ``text`` has its words, ``webhooks`` sends it to receivers.
:mod:`validator.watch` finds the moments to compare.
"""
