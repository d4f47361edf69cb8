"""Tests of the embedded broker itself. They start their own brokers, also if BROKER_URL is set."""
