"""Answers in the shapes that others already read, and routes as clients write them.

``replies`` and ``bulk`` are Routinator's answers about routes, ``vrp_lists`` its lists of VRPs,
``ripestat`` RIPEstat's data calls, ``pyasn_file`` the database that pyasn loads.
"""
