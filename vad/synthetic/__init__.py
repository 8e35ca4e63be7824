"""How the generated data sets are drawn: cameras, people, vehicles, weather, events, and the film of it all."""
