"""What moved a group's share between two days: parts that add up exactly, and the words for them.

``shares`` compares two snapshots, ``causes`` names the ways a route can go between them, ``text``
has the shapes that the service and the command line both show.
"""
