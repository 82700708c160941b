"""Tests of what users test their actors with."""
