"""What an application may send, on raw tables and on views, and what comes of it."""
