"""Files that can be trusted: written whole or not at all, read with bounds, sealed by their digests."""
