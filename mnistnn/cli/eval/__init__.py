"""`mnistnn eval`: one command, and what it prints of each kind of model."""
