"""What ``telecmi-mcp team check`` examines; ``team setup`` examines the database and the issuer too."""
