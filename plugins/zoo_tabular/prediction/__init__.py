"""Learning the values of a given policy by acting: Sutton & Barto (2018), chapters 5 to 7, 12."""
