"""What comes in and goes out: notifications, delivery, incoming mail, webhooks."""
