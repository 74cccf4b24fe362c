"""Monitor: the claims that gated a release, watched over its stream."""
