"""How generated videos are drawn: places, people, vehicles; and the walkway of `mini_walk`."""
