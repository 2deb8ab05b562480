"""The compiled loops, one file for each floor or subject that has some: numba over numpy columns.

``core`` says how a loop is compiled and has those that all tables share; ``cache`` lets what was
compiled be found in a folder that is only read.
"""
