"""Dead letters that are written back to the topic of their record: `rollcall redrive`."""
