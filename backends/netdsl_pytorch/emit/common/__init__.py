"""What the constructor and `forward` of a class share: names, numbers, the operators' arguments."""
