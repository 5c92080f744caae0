"""Whom a workspace knows: contacts, topics, and how they came in."""
