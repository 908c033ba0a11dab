"""The same point in two pictures: flow, planes swept through space, what both see."""
