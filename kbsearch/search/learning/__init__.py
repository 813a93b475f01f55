"""What people did and said, kept to learn from: visits, votes, lessons, clicks."""
