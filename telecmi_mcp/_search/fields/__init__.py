"""A contact's fields as what the index holds of them."""
