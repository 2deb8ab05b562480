"""The service's HTTP faces: one file each, reading the snapshot in force and nothing else.

``answers`` is what they share; ``app`` puts them together. A face is a class with ``routes()``,
built with what it needs. No handler may hold the event loop for more than 20 ms: what takes longer
runs in a thread, in pieces where it is Python.
"""
