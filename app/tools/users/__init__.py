"""One user, or those of a tenant: `rollcall inspect`, `repair` and `forget`."""
