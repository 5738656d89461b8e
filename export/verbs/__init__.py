"""The verbs of the command line, a family a file: each adds its arguments, and runs one function of the rest of the package."""
