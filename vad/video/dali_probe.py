"""A small video that every GPU with a video decoder can decode: it tells a bad video from a bad machine.

Two pictures of 176 x 144 pixels, a gradient of colours, in H.264 (main profile, 4:2:0) and mp4.
"""

import base64
import zlib

import numpy as np
from jaxtyping import UInt8

HEIGHT, WIDTH, N_FRAMES = 144, 176, 2
PACKED = (
    "eNpjYGBQSCupLMgszs9lYGBiANFAbJRYlmyYW2BiyMDALJWbn1/GwMCQk1uWkcKAAphfAAlnBkYGEEIARlRV6HwHBryACYhcSooSs4HsmJJssJ"
    "3MWExzxtBJjL0bgHgCmKuSmlJSDKRlUnOKS5B0OCP0Mu7JTclMBDIUclPQ/W4DxCwMoUfAHN2MlJwimExZZkoqssowID/fIzEvJScVpIYxPTcz"
    "Lw3IECnLBRuK7EyVFIicTEpRahqSo3hKi3IUIGxG9eKSpBwge3lxSXEKkprpoEjDERQgj09g8ADSHjhVoAOJ//9BXgOa6szo68D9/yGDaDqQvs"
    "l05IUDKEqABD/zUa5JjAysGa8PPNkE8lJSSREkLBmDbzAwmHCAjCkuAYczzFImMAKqBTofWRyEZYBiyWhiTEhyVajphAHkfW6IWcn5CH3MXkA6"
    "qTSlBBR3UbmpYBoEFJHjCRi3RYkFBTnIftbNhCQG1ZUl+SADZVMSwZrBoeWTWJZmZqRnCEQGRkA+R1pRKiimy3OBqkCKUjta6r/YrGPc9yj6+I"
    "6XD9hkZPcnRB5bvzC2ZsqCIyY8nYu2qhbb+QdHvpVtvLF1bsuGCdJLuX4/2X6r7ovaojtLJd0Y1hxzfrbg4oGTm0pZHM3/63ZvPDxHQiTy+6TX"
    "v17+zLh2EWSH4yxr0f+sLACHJaCT"
)
"""The file, compressed by zlib, in Base64."""


def known_good() -> UInt8[np.ndarray, "bytes"]:
    """The bytes of the mp4 file."""
    return np.frombuffer(zlib.decompress(base64.b64decode(PACKED)), np.uint8)
