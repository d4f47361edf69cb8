"""The stories, one file a vendor. A vendor without one is in the demo's topics, but nobody speaks there."""

from app.demo.stories.amity import AMITY
from app.demo.stories.fynd import FYND
from app.demo.stories.magine import MAGINE
from app.demo.stories.rocketchat import ROCKETCHAT
from app.demo.stories.selfcommunity import SELFCOMMUNITY

STORIES = (SELFCOMMUNITY, FYND, MAGINE, ROCKETCHAT, AMITY)
