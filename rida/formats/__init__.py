"""How numbers and dates are written, where we differ from Django's own formats."""
