"""One group's evidence as a document: what is said, from what, by which rules, and how to check it.

``report`` has the document as data (``report.json``), ``making`` makes it from a snapshot and the
history out of the facts that pages are made of, ``verify`` makes it again from the inputs and says
what differs. The other modules write it in a form for people: ``html`` (and ``pdf``, from the same
HTML, in a process of its own), ``sheets`` (CSV, XLSX), ``markdown``.
"""
