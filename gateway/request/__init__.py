"""What a request is: values that stages hand to each other, without I/O."""
