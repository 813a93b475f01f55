"""Publishing: from a tree of files to what is live, through the rules, whole or not at all."""
