"""The vendors' mappers: body bytes in, one outcome out."""
