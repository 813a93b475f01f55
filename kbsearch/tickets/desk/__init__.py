"""What agents have: the queue, held replies, past tickets, incidents."""
