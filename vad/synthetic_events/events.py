"""The events of `mini_crime`: one builder for each of UCF-Crime's 13 anomaly classes."""

from vad.synthetic_events.armed import arrest, robbery, shooting
from vad.synthetic_events.shows import Builder
from vad.synthetic_events.thefts import burglary, shoplifting, stealing, vandalism
from vad.synthetic_events.violence import abuse, assault, fighting
from vad.synthetic_events.wrecks import arson, explosion, road_accident

EVENTS: dict[str, Builder] = {
    "Abuse": abuse, "Arrest": arrest, "Arson": arson, "Assault": assault, "Burglary": burglary,
    "Explosion": explosion, "Fighting": fighting, "RoadAccidents": road_accident, "Robbery": robbery,
    "Shooting": shooting, "Shoplifting": shoplifting, "Stealing": stealing, "Vandalism": vandalism,
}  # fmt: skip
