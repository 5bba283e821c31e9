"""Planning on a known model: Sutton & Barto (2018), chapter 4 and section 8.4."""
