"""The demo's shop: real grocery purchases and made-up people, written as feed files.

It comes before the path: it knows the columns of the feed contract and nothing of the library that loads them.
README.md in this folder says, in one place, what is real and what is made up.
"""

from demo_world.reactions import ReactionCounts, write_reactions
from demo_world.shop_time import shift_for
from demo_world.world import MADE_UP_FEEDS, FileWritten, write_world

__all__ = ["MADE_UP_FEEDS", "FileWritten", "ReactionCounts", "shift_for", "write_reactions", "write_world"]
