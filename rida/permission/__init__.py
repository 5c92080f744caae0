"""May we write to this person? Append-only events, the standing folded from them, and one door: `may_send`."""
