"""The files of a vendor `acme`, which works. A new vendor gets copies of them with its own name."""
