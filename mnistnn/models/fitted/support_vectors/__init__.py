"""Support vector machines of pairs of classes."""
