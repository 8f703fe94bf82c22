"""Figures of networks, from the text alone: what they show, how it is laid out, and the forms it is written in."""
