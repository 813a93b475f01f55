"""Applications: OAuth 2.1 for programs that ask people to let them in, assistants above all.

Our own and not a library's: what makes it safe here (one table of tokens, loopback addresses at
any port, resources, theft of a renewal noticed) is what Authlib leaves to its user, and Authlib
comes with an extra that assistants should not need.
"""
