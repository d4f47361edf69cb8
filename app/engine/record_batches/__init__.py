"""What a fetch takes of the record batches that a broker sends: which records, and how much memory."""
