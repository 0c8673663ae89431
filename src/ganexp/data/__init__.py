"""Sources of pictures. Each file is one source, and each source gives one uint8 tensor in memory."""
