"""Where a group is to be in a year (``progress``), and the ``milestones`` that mark a time axis.

``text`` has the shapes that the service and the command line both show.
"""
