"""Who makes the demo's purposes, sources and segments."""

from profiles.services import Actor

DEMO = Actor.system("demo")
