"""What Triton serves, and the contract that says so: manifest, `config.pbtxt`, our backend, the launcher of a Triton."""
