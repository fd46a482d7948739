"""Tables of facts that the search's rules read; each module names its source."""
