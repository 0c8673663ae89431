"""Pictures to learn from. Each file is one source; all give one uint8 tensor in memory."""
