"""Articles of other systems as files on a branch of the content."""
