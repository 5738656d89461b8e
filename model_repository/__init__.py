"""What Triton serves, and the contract about it.

That is: manifest, `config.pbtxt`, our backend, the launcher of a Triton.
"""
