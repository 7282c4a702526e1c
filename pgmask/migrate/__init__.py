"""Migrations of the application's own tools: windows of membership, and running a tool in one."""
