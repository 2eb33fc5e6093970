"""Files to begin with: one for each kind of component, which work as they are. `mnistnn config new --layer NAME` prints
one under another name.
"""
