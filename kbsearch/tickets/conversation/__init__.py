"""What is said and done in a ticket: replies, its life, corrections, merging."""
