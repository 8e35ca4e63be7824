"""Peak memory of one extraction process for a video of a minute and for one of an hour: `python -m bench.memory`.

To stay cheap, the videos are small (64 x 48 pixels), of 10 frames a second and the same 20 seconds again and again, and
XFeat sees every fourth frame at 64 x 64 pixels. The hour is decoded completely, every frame of its 36,000.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import av

from bench import table
from bench.extraction import Team, project
from bench.table import Row, at_most
from tests.videos import scene, write_video

GROWTH_BAR_MB = 32
SECONDS, RATE = 20, 10


def repeated(path: Path, times: int, out: Path) -> Path:
    """The packets of a clip again and again, in one file."""
    with av.open(str(out), "w") as target:
        stream = None
        for turn in range(times):
            with av.open(str(path)) as clip:
                video = clip.streams.video[0]
                stream = stream or target.add_stream_from_template(video)
                length = int(SECONDS / video.time_base)  # type: ignore[arg-type]
                for packet in clip.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + turn * length, packet.dts + turn * length
                    packet.stream = stream
                    target.mux(packet)
    return out


def rows() -> list[Row]:
    """One row: the peak after the minute, and after the hour in the same process."""
    with tempfile.TemporaryDirectory() as folder:
        clip = write_video(Path(folder, "clip.mp4"), scene(SECONDS * RATE, 48, 64), fps=RATE)
        minute, hour = (repeated(clip, n, Path(folder, f"{n}.mp4")) for n in (3, 180))
        team = Team(partial(project, extractor="xfeat", size=64, frame_stride=4), 1, minute)
        vectors = team.measure(hour, 180 * SECONDS * RATE)
        team.dismiss()
    growth = team.memory_mb - team.short_mb
    what = f"peak memory, a minute and an hour ({len(vectors)} segments)"
    cells = ("", f"{team.short_mb:.0f} and {team.memory_mb:.0f} MB")
    return [Row(what, *cells, bars=[at_most("growth in MB", growth, GROWTH_BAR_MB)])]


if __name__ == "__main__":
    sys.exit(table.main(rows))
