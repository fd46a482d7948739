"""What ``telecmi-mcp team setup`` writes: a settings file, files with secrets, and a systemd unit."""
