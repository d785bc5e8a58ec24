"""A small application whose users log in with the eID of their country."""
