"""The JSON Schemas and the AsyncAPI document, made of the structs and closed sets that the code itself uses.

schema_documents.py    which documents there are: the face of this package
struct_schema.py       the schema of a struct, from its fields, types and marks
body_schema.py         what a mapper reads of a vendor's body
event_schema.py        the canonical event
row_schemas.py         both rows and the marker
header_schemas.py      the headers of records, and those of dead letters
asyncapi.py            topics, messages and operations
"""
