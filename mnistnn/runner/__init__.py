"""The life of a run: started, saved, interrupted, resumed."""
