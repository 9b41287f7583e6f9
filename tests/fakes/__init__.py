"""Outside systems that really work, small: a payment gateway, a partner hospital."""
