"""What Django makes itself."""
