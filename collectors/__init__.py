"""Collectors bring columns in: each file here reads one kind of source and nothing else.

``fetch`` turns what a user names (a path, a directory, a URL) into local files; ``archive``
unpacks them by content; each reader turns one file into one batch of ``validator.model``; ``wire``
holds the decoders, bytes in and columns out. ``catalog`` knows the readers by kind.
"""
