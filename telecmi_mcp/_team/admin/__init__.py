"""Pages for administrators, on a listener of their own."""
