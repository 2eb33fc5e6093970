"""The local page of `mnistnn serve`: runs as they learn, and what their models make of a digit that is drawn."""
