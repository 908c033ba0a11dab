"""Pictures of depth video for people: colours, strips, slices; arrays in metres in."""
