"""The sample world: a small fictional Internet to try everything with.

``python -m validator.sample FOLDER`` writes it in the formats that the real world uses: an MRT
routing table, a VRP export, five delegated-extended files, a SLURM file, AS names and numbers of
Internet users. It lives in reserved number space (240.0.0.0/4, 3fff::/20, private AS numbers) and
everything made from it says SAMPLE, so that nobody can take it for real.

``model`` says what the world is made of; ``registry``, ``routing``, ``announcing`` and ``signing``
make it; ``files``, ``mrt`` and ``users`` write it. Nothing of the service is used but
``validator.model``, so that the two can check each other.

With ``--history FOLDER`` it has a past as well: ``span`` says which days, ``growth`` and
``adoption`` what there was on each, and ``past`` lets the service count it as it would have then,
for a history is what a service has written; ``chronicle`` writes it.
"""

from validator.sample.files import write_files, write_world
from validator.sample.world import DEFAULT_SEED, build_world, examples

__all__ = ["DEFAULT_SEED", "build_world", "examples", "write_files", "write_world"]
