"""Two-way referrals and the exchange with partner hospitals."""
