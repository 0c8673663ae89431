"""Pictures: how a generator makes them, how they become sheets and animations, and how these become files."""
