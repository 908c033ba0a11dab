"""Renders scenes of textured worlds with OpenGL on EGL: on a CPU (llvmpipe) or a GPU, no display.

Colours are sampled on a grid of half pixels and weighted 1-2-1 along both axes. Depth is taken
exactly at the pixel centres, which are samples of the same grid.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.worlds.pack import Mesh, decode_texture
from stdnet_arch.data.synthetic.worlds.scene import Array, Lighting, Thing, WorldScene
from stdnet_arch.data.synthetic.worlds.shaders import (
    DEPTH_FRAGMENT,
    DEPTH_VERTEX,
    FRAGMENT,
    VERTEX,
)

if TYPE_CHECKING:
    import moderngl

NEAR_M, FAR_M = 0.05, 120.0
SHADOW_SIDE = 1024
LAMP_DEGREES = 110.0
MAX_TEXTURE = 512
MAX_FIRST = 2000  # triangles; measured: of 0 to all, the least time of a frame
_TO_GL = np.diag([1.0, -1.0, -1.0, 1.0])  # y up, z backwards

NO_EGL = (
    "expected EGL to render without a display (OpenGL 3.3 or later); got: {error}. On Debian or"
    " Ubuntu: apt-get install libegl1 libgl1-mesa-dri libgles2; a GPU's driver brings its own"
)


class _Target(NamedTuple):
    """Buffers that a frame is rendered into."""

    colour: "moderngl.Texture"
    geometry: "moderngl.Texture"  # depth [m] and number of the thing, counted from 1
    frame: "moderngl.Framebuffer"


@dataclass(frozen=True)
class Rendering:
    """One frame, with geometry at every half pixel.

    Row and column ``2 * k + 1`` of the half-pixel grid are those of pixel ``k``.
    """

    rgb: NDArray[np.uint8]  # (H, W, 3)
    depth_half_m: NDArray[np.float32]  # z-depth [m], (2 H + 1, 2 W + 1); 0 where nothing is hit
    number_half: NDArray[np.int32]  # of the thing, -1 where nothing is hit, (2 H + 1, 2 W + 1)

    @property
    def depth_m(self) -> NDArray[np.float32]:
        """z-depth at the pixel centres [m], ``(H, W)``."""
        return np.ascontiguousarray(self.depth_half_m[1::2, 1::2])

    @property
    def number(self) -> NDArray[np.int32]:
        """Number of the thing at the pixel centres, ``(H, W)``."""
        return self.number_half[1::2, 1::2]


class WorldRenderer:
    """An OpenGL context with the meshes and textures that scenes name by number.

    A context belongs to the process and thread that made it.

    Args:
        meshes: ``Thing.mesh`` counts these.
        textures: encoded images; ``Paint.texture`` counts these. Each is decoded at its first use.
    """

    def __init__(self, meshes: Sequence[Mesh], textures: Sequence[bytes]) -> None:
        """Open EGL and compile the programs; meshes and textures are sent when first drawn."""
        self._ctx = _open_egl()
        self._meshes, self._encoded = meshes, textures
        self._program = self._ctx.program(vertex_shader=VERTEX, fragment_shader=FRAGMENT)
        self._depth = self._ctx.program(vertex_shader=DEPTH_VERTEX, fragment_shader=DEPTH_FRAGMENT)
        self._arrays: dict[int, tuple[moderngl.VertexArray, moderngl.VertexArray]] = {}
        self._textures: dict[int, tuple[moderngl.Texture, bool]] = {}
        self._targets: dict[tuple[int, int], _Target] = {}
        self._still, self._moving = (self._shadow_map() for _ in range(2))
        self._lit: tuple[object, object] | None = None  # what casts the unmoving shadows, and how
        self._bounds = np.array([[(m.low + m.high) / 2, (m.high - m.low) / 2] for m in meshes])
        for name, unit in {"picture": 0, "still_shadow": 1, "moving_shadow": 2}.items():
            self._program[name] = unit

    @property
    def device(self) -> str:
        """Name what renders: a GPU, or llvmpipe."""
        return str(self._ctx.info["GL_RENDERER"])

    def render(self, scene: WorldScene, i: int, shadows: bool = True) -> Rendering:
        """Render frame ``i``; contrast and noise are left to the caller.

        Args:
            scene: scene to render.
            i: number of the frame.
            shadows: without them a frame takes two thirds of the time.
        """
        H, W = scene.size
        places = np.stack([thing.at(i) for thing in scene.things])
        if shadows:
            self._cast_shadows(scene, places)
        else:
            self._lit = None
            for _, shadow_map in (self._still, self._moving):
                shadow_map.clear()
        target = self._target((2 * H + 1, 2 * W + 1))
        target.frame.use()
        target.frame.clear(0, 0, 0, 0)
        self._set_light(scene, scene.camera.pose(i)[:3, 3])
        self._draw_all(scene, places, _TO_GL @ np.linalg.inv(scene.camera.pose(i)))
        return _read(target)

    def _draw_all(self, scene: WorldScene, places: Array, view: Array) -> None:
        projection = _camera_projection(scene)
        drawn = self._visible(scene.things, places, projection @ view)
        # Depth first, so that few samples are shaded twice.
        whole = [k for k in drawn if self._hides_cheaply(scene.things[k])]
        self._draw_depth(whole, scene.things, view @ places, projection)
        _write(self._program, "projection", projection)
        for k in drawn:
            self._draw(k, scene.things[k], places[k], view)

    def _set_light(self, scene: WorldScene, eye: Array) -> None:
        program, light = self._program, scene.lighting
        for name in ("lamp", "lamp_colour", "fill", "fill_colour", "above", "below"):
            program[name] = tuple(getattr(light, name))
        program["something_moves"] = any(thing.steps is not None for thing in scene.things)
        program["eye"], program["exposure"] = tuple(eye), scene.exposure
        _write(program, "lamp_clip", _lamp_projection() @ _lamp_view(light))
        self._still[0].use(1)
        self._moving[0].use(2)

    def _draw_depth(
        self, drawn: Iterable[int], things: Sequence[Thing], places: Array, projection: Array
    ) -> None:
        """Draw things only into the depth buffer; ``places`` lead to the view, ``(n, 4, 4)``."""
        _write(self._depth, "projection", projection)
        for k in drawn:
            _write(self._depth, "model_view", places[k])
            self._array(things[k].mesh)[1].render()

    def _hides_cheaply(self, thing: Thing) -> bool:
        """Tell whether drawing a thing twice pays: few triangles, and a texture without holes."""
        number = thing.paint.texture
        few = len(self._meshes[thing.mesh].triangles) <= MAX_FIRST
        return few and (number is None or self._texture(number)[1])

    def _draw(self, k: int, thing: Thing, place: Array, view: Array) -> None:
        program, paint = self._program, thing.paint
        program["textured"] = paint.texture is not None
        if paint.texture is not None:
            self._texture(paint.texture)[0].use(0)
        program["boxed"], program["repeat"] = paint.boxed, paint.repeat
        program["colour"], program["glow"], program["number"] = paint.colour, paint.glow, k + 1
        program["scale_m"] = tuple(np.linalg.norm(place[:3, :3], axis=0))
        _write(program, "model", place)
        _write(program, "model_view", view @ place)
        _write(program, "model_normal", np.linalg.inv(place[:3, :3]).T)
        self._array(thing.mesh)[0].render()

    def _cast_shadows(self, scene: WorldScene, places: Array) -> None:
        """Fill the shadow maps: one for what never moves, once per scene, one for what does."""
        moves = np.array([thing.steps is not None for thing in scene.things])
        casts = np.array([thing.paint.glow < 0.5 for thing in scene.things])
        lit = scene.things, scene.lighting
        if self._lit is None or any(a is not b for a, b in zip(self._lit, lit, strict=True)):
            self._fill_shadows(self._still[1], scene, places, casts & ~moves)
            self._lit = lit
        if moves.any():
            self._fill_shadows(self._moving[1], scene, places, casts & moves)

    def _fill_shadows(
        self, frame: "moderngl.Framebuffer", scene: WorldScene, places: Array, which: Array
    ) -> None:
        frame.use()
        frame.clear()
        view, projection = _lamp_view(scene.lighting), _lamp_projection()
        seen = self._visible(scene.things, places, projection @ view)
        drawn = [k for k in seen if which[k]]
        self._draw_depth(drawn, scene.things, view @ places, projection)

    def _visible(self, things: Sequence[Thing], places: Array, clip: Array) -> list[int]:
        """Numbers of the things in a view, nearest first, what surrounds it last."""
        bounds = self._bounds[[thing.mesh for thing in things]]
        centre = np.einsum("nij,nj->ni", places[:, :3, :3], bounds[:, 0]) + places[:, :3, 3]
        half = np.einsum("nij,nj->ni", np.abs(places[:, :3, :3]), bounds[:, 1])
        planes = np.concatenate([clip[3] + clip[:3], clip[3] - clip[:3]]).reshape(6, 4)
        ahead = centre @ planes[:, :3].T + planes[:, 3] + half @ np.abs(planes[:, :3]).T
        inside = (ahead > 0).all(axis=1)
        middle, reach = centre @ clip[3, :3] + clip[3, 3], half @ np.abs(clip[3, :3])
        # What surrounds the view hides little and is hidden a lot: it comes last, the sky at last.
        surrounds = 100.0 * (middle < reach) + reach * (reach > 10)
        order = np.argsort(middle - reach + surrounds, kind="stable")
        return [int(k) for k in order if inside[k]]

    def _array(self, mesh: int) -> "tuple[moderngl.VertexArray, moderngl.VertexArray]":
        """Triangles for colours, and only for depth."""
        if mesh not in self._arrays:
            m, ctx = self._meshes[mesh], self._ctx
            data = ctx.buffer(np.ascontiguousarray(m.vertices, np.float32).tobytes())
            index = ctx.buffer(np.ascontiguousarray(m.triangles, np.uint32).tobytes())
            full = [(data, "3f 3f 2f", "position", "normal", "uv")]
            self._arrays[mesh] = (
                ctx.vertex_array(self._program, full, index),
                ctx.vertex_array(self._depth, [(data, "3f 5x4", "position")], index),
            )
        return self._arrays[mesh]

    def _texture(self, number: int) -> "tuple[moderngl.Texture, bool]":
        """A texture, and whether it has no holes."""
        if number not in self._textures:
            pixels = decode_texture(self._encoded[number], MAX_TEXTURE)
            texture = self._ctx.texture(pixels.shape[1::-1], 4, pixels.tobytes())
            texture.build_mipmaps()
            whole = bool(pixels[..., 3].min() >= 128)
            self._textures[number] = texture, whole
        return self._textures[number]

    def _target(self, size: tuple[int, int]) -> _Target:
        if size not in self._targets:
            flipped = size[::-1]
            colour = self._ctx.texture(flipped, 4)
            geometry = self._ctx.texture(flipped, 2, dtype="f4")
            depth = self._ctx.depth_renderbuffer(flipped)
            frame = self._ctx.framebuffer([colour, geometry], depth)
            self._targets[size] = _Target(colour, geometry, frame)
        return self._targets[size]

    def _shadow_map(self) -> "tuple[moderngl.Texture, moderngl.Framebuffer]":
        texture = self._ctx.depth_texture((SHADOW_SIDE, SHADOW_SIDE))
        texture.compare_func = "<="
        texture.repeat_x = texture.repeat_y = False
        return texture, self._ctx.framebuffer(depth_attachment=texture)


def _read(target: _Target) -> Rendering:
    size = target.colour.height, target.colour.width
    pixels = np.frombuffer(target.colour.read(), np.uint8).reshape(*size, 4)
    values = np.frombuffer(target.geometry.read(), np.float32).reshape(*size, 2)
    smooth = cv2.GaussianBlur(pixels, (3, 3), 0)  # weights 1-2-1 along both axes
    return Rendering(
        np.ascontiguousarray(smooth[1::2, 1::2, :3]),
        values[..., 0].copy(),
        np.rint(values[..., 1]).astype(np.int32) - 1,
    )


def preview(scene: WorldScene, side: int) -> WorldScene:
    """The same scene with frames whose longer side is ``side``."""
    factor = side / max(scene.size)
    H, W = (max(1, round(factor * length)) for length in scene.size)
    camera = scene.camera
    fy, fx = (
        old * new / length
        for old, new, length in zip((camera.fy, camera.fx), (H, W), scene.size, strict=True)
    )
    cy, cx = (
        (old + 0.5) * new / length - 0.5
        for old, new, length in zip((camera.cy, camera.cx), (H, W), scene.size, strict=True)
    )
    return replace(scene, size=(H, W), camera=replace(camera, fx=fx, fy=fy, cx=cx, cy=cy))


def _open_egl() -> "moderngl.Context":
    try:
        import moderngl
    except ImportError as error:
        raise ImportError(
            "rendering worlds needs moderngl: pip install 'stdnet_arch[render]'"
        ) from error
    # llvmpipe would start a thread per core in each loader worker; its own thread is enough there.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    settings: dict[str, Any] = {"backend": "egl"}
    try:
        context = moderngl.create_context(standalone=True, require=330, **settings)
    except Exception as error:
        raise RuntimeError(NO_EGL.format(error=error)) from error
    context.enable(moderngl.DEPTH_TEST)
    context.depth_func = "<="  # equal: what was drawn into the depth buffer before
    return context


def _write(program: "moderngl.Program", name: str, matrix: NDArray[np.floating]) -> None:
    cast("moderngl.Uniform", program[name]).write(
        np.ascontiguousarray(matrix.T, np.float32).tobytes()
    )


def _camera_projection(scene: WorldScene) -> Array:
    """Camera (OpenGL's axes) to clip space, so that sample ``2 * k + 1`` is pixel ``k``.

    The first row of the rendering is the highest of the image.
    """
    H, W = scene.size
    c = scene.camera
    x, y = 2 * W + 1, 2 * H + 1
    z = -(FAR_M + NEAR_M) / (FAR_M - NEAR_M), -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)
    return np.array(
        [
            [4 * c.fx / x, 0, 1 - (4 * c.cx + 3) / x, 0],
            [0, -4 * c.fy / y, 1 - (4 * c.cy + 3) / y, 0],
            [0, 0, *z],
            [0, 0, -1, 0],
        ]
    )


def _lamp_projection() -> Array:
    near, far = 0.05, 40.0
    f = 1 / np.tan(np.radians(LAMP_DEGREES / 2))
    z = -(far + near) / (far - near), -2 * far * near / (far - near)
    return np.array([[f, 0, 0, 0], [0, f, 0, 0], [0, 0, *z], [0, 0, -1, 0]])


def _lamp_view(light: Lighting) -> Array:
    """World to the lamp's view (OpenGL's axes), ``(4, 4)``."""
    eye = light.lamp
    forward = (light.aim - eye) / np.linalg.norm(light.aim - eye)
    other = np.array([0.0, 0, 1]) if abs(forward[2]) < 0.9 else np.array([1.0, 0, 0])
    right = np.cross(forward, other)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = [right, np.cross(right, forward), -forward]
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix
