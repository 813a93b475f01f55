"""How something leaves: SMTP, text messages, guarded HTTP, and the threads that send."""
