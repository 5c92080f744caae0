"""Mail on the wire: one SMTP session a volley, our own fast path. Plain asyncio; knows no Django and no database.

What it needs from the house comes through `ports`; the worker puts the pieces together.
"""
