"""Tests of docs/kits."""
