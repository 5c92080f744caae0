"""What stands against a launch: ordered checks, each with its number and its law, and the price of a mistake."""
