"""The inputs of the running service, and how each stands: in files, or followed live.

``batches`` sorts what they bring by what it is; ``handover`` brings columns from a worker process
without copying them through a pipe.
"""
