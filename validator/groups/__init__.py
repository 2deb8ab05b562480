"""What groups are made of and come to, once a snapshot is there to ask.

``members`` and ``standings`` place them among others, ``averages`` are of classes of countries,
``dialects`` has one snapshot in the figures of five publishers.
"""
