"""The section `report` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from vad.schema.base import Count, Id, Positive, Section

EdgeFormat = Literal["onnx", "openvino", "openvino_int8"]


class Efficiency(Section):
    """How operations are counted and time is taken, on the first test video of each data set."""

    frames: Count = Field(default=240, description="first frames of the video that are decoded, extracted and scored")
    repeats: Count = Field(default=5, description="timed calls after the warm-up, of which the median counts; at most")
    budget: Positive = Field(default=2.0, description="seconds after which no further timed call is begun")


class Tsne(Section):
    """The map of each variant's embeddings (of the first seed, test videos) in two dimensions."""

    points: Annotated[int, Field(ge=10)] = Field(default=400, description="embeddings drawn at random, at most")
    perplexity: Positive = Field(default=30.0, description="neighbours that count, at most a third of the points")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=0, description="of the drawing and of t-SNE")


class Published(Section):
    """Which variants stand in which table of the five systems; a table without variants is not made.

    Rows are grouped by data set, in this order; where a table tells differences, the first row of a data set is what
    the others are compared with. Each description begins with the system's name and a comma: the rows in README.md go
    by it.
    """

    memtsm_1: list[Id] = Field(default=[], description="MemTSM-Net, table 1: categories of the variants' data sets")
    memtsm_2: list[Id] = Field(default=[], description="MemTSM-Net, table 2: metrics")
    memtsm_3: list[Id] = Field(default=[], description="MemTSM-Net, table 3: ROC areas beside previous work")
    memtsm_4: list[Id] = Field(default=[], description="MemTSM-Net, table 4: ROC area and parameters")
    memtsm_5: list[Id] = Field(default=[], description="MemTSM-Net, table 5: operations beside image networks")
    memtsm_6: list[Id] = Field(default=[], description="MemTSM-Net, table 6: parameters, operations, latency")
    mstsm_performance: list[Id] = Field(default=[], description="MSTSM, performance")
    mstsm_ablation: list[Id] = Field(default=[], description="MSTSM, ablation; differences")
    efficient_vad_metrics: list[Id] = Field(default=[], description="Efficient-VAD, metrics")
    efficient_vad_classification: list[Id] = Field(default=[], description="Efficient-VAD, classification report")
    efficient_vad_efficiency: list[Id] = Field(default=[], description="Efficient-VAD, efficiency")
    gated_mnad: list[Id] = Field(default=[], description="gated MNAD, with and without gates; differences")
    urdmu_stages: list[Id] = Field(default=[], description="UR-DMU, stage 1 against both; differences")


class Report(Section):
    """What the report shows (stage `report`)."""

    dpi: Annotated[int, Field(ge=50, le=600)] = Field(default=120, description="points per inch of the figures")
    efficiency: Efficiency = Field(default_factory=Efficiency)
    edge: list[EdgeFormat] = Field(
        default=["onnx", "openvino", "openvino_int8"],
        description="formats for edge devices in which each network's latency is measured, beside that in torch; one"
        " whose packages are not installed leaves the reason in its place",
    )
    tsne: Tsne = Field(default_factory=Tsne)
    published: Published = Field(default_factory=Published)
