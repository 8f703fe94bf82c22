"""What both operators and graphs are about: values of the language, and types of tensors."""
