"""Rida sends e-mail to many people at once, only to people who agreed."""

__version__ = "0.1.0"
