"""`mnistnn inspect`: looking inside files, models and trained runs."""
