"""What customers ask of us, from receipt to the answer."""
