"""The verbs of the command line, a family in each file.

Each adds its arguments, and runs one function of the rest of the package.
"""
