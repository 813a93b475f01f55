"""What the tests share: people, sites, servers and worlds."""
