"""Decoders without I/O: bytes in, columns out. No asyncio, no files, no sockets."""
