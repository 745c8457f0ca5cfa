"""What single lessons experiment with: a practice function, faulty handlers, other people's chats, small servers."""
