"""Coming in: sign-in, second factor, sessions, passwords, links, the directory."""
