"""Words of queries that name no contact: greetings, names of fields, questions about all contacts."""

_GREETINGS = """
hi hii hello hey hallo hola namaste namaskar vanakkam salaam ok okay thanks thank thx ty bye yes no test testing
help good morning evening afternoon night please sorry cool great welcome ping you me
"""
GREETINGS = frozenset(_GREETINGS.split())
"""Greetings, thanks and test input."""
_FIELD_WORDS = """
name names number numbers phone phones email emails mail address company companies title titles contact contacts
mobile id ids details detail info information person persons people somebody someone anybody anyone search find
directory phonebook book entry entries record records customer customers client clients lead leads my our the a of
new old random query
"""
FIELD_WORDS = frozenset(_FIELD_WORDS.split())
"""Names of fields, and general words for contacts."""
_AGGREGATES = """
all everyone everybody every each total count many much how list show export download duplicate duplicates
duplicated twice without missing empty blank since yesterday today week month year recent recently latest newest
oldest added created updated changed deleted modified last first any no statistics stats average most least top sort
sorted alphabetical report
"""
AGGREGATES = frozenset(_AGGREGATES.split())
"""Words of questions about all contacts."""
_AGGREGATE_MARKERS = """
everyone everybody many count duplicates duplicate without since total statistics list
"""
AGGREGATE_MARKERS = frozenset(_AGGREGATE_MARKERS.split())
"""Words that make any query a question about all contacts, also one that names a company."""
