"""Tests of the embedded broker itself: these start their own, whatever BROKER_URL says."""
