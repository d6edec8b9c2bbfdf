"""What is concluded from messages without asking anybody."""
