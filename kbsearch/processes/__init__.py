"""How processes live: the tree of them, what ties a child to its parent, their log."""
