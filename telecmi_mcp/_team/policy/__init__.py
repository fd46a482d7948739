"""What watches over calls: limits, audit, metrics and spans."""
