"""Everything the demo and the tests need to run alone: two real servers and a collection to fill them."""
