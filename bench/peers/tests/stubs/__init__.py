"""Programs that stand for the generator and for a peer, and are slow."""
