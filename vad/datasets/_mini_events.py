"""The events of `mini_crime`: one builder for each of UCF-Crime's 13 anomaly classes."""

from vad.datasets._mini_armed import arrest, robbery, shooting
from vad.datasets._mini_shows import Builder
from vad.datasets._mini_thefts import burglary, shoplifting, stealing, vandalism
from vad.datasets._mini_violence import abuse, assault, fighting
from vad.datasets._mini_wrecks import arson, explosion, road_accident

EVENTS: dict[str, Builder] = {
    "Abuse": abuse, "Arrest": arrest, "Arson": arson, "Assault": assault, "Burglary": burglary,
    "Explosion": explosion, "Fighting": fighting, "RoadAccidents": road_accident, "Robbery": robbery,
    "Shooting": shooting, "Shoplifting": shoplifting, "Stealing": stealing, "Vandalism": vandalism,
}  # fmt: skip
