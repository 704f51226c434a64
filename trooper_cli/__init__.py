"""Trooper: one turn to Claude or to a model on this machine; what was processed locally never reaches the cloud."""

__version__ = "0.1.0"
