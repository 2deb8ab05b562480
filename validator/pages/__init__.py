"""What pages and reports are made of: pictures, the map, facts in words, templates, languages.

Nothing here serves HTTP: the face that does is :mod:`validator.web.pages`, and reports are made of
the same parts. The pictures (``chart*.py``, ``world_map.py``) are pure functions of small frozen
values to SVG text, with the same numbers as rows for the table beside each.
"""
