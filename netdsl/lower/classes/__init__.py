"""What a class is: the names that it may mention, what its numbers come to, the arguments that it takes."""
