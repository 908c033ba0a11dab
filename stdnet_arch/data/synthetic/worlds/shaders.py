"""OpenGL programs of the world renderer (GLSL 3.30)."""

VERTEX = """
#version 330
uniform mat4 model_view;    // mesh to camera
uniform mat4 projection;    // camera to clip space
uniform mat4 model;         // mesh to world
uniform mat3 model_normal;  // normals of the mesh to the world
in vec3 position;
in vec3 normal;
in vec2 uv;
out vec3 world_position;
out vec3 world_normal;
out vec3 mesh_position;
out vec3 mesh_normal;
out vec2 mesh_uv;
out float depth_m;
invariant gl_Position;
void main() {
    vec4 seen = model_view * vec4(position, 1);
    depth_m = -seen.z;
    world_position = (model * vec4(position, 1)).xyz;
    world_normal = model_normal * normal;
    mesh_position = position;
    mesh_normal = normal;
    mesh_uv = uv;
    gl_Position = projection * seen;
}
"""

# Colours are squared to light and rooted back: close to sRGB, and cheap.
FRAGMENT = """
#version 330
uniform sampler2D picture;
uniform bool textured;
uniform bool boxed;
uniform vec3 scale_m;      // of the mesh, along its axes: a boxed texture does not stretch
uniform float repeat;
uniform vec3 colour;
uniform float glow;
uniform float number;      // of the thing
uniform vec3 eye;
uniform vec3 lamp;
uniform vec3 lamp_colour;
uniform vec3 fill;
uniform vec3 fill_colour;
uniform vec3 above;
uniform vec3 below;
uniform float exposure;
uniform mat4 lamp_clip;    // world to the lamp's clip space
uniform sampler2DShadow still_shadow;
uniform sampler2DShadow moving_shadow;
uniform bool something_moves;
in vec3 world_position;
in vec3 world_normal;
in vec3 mesh_position;
in vec3 mesh_normal;
in vec2 mesh_uv;
in float depth_m;
layout(location = 0) out vec4 out_colour;
layout(location = 1) out vec2 out_geometry;

float lit_by_lamp(vec3 n) {
    vec4 c = lamp_clip * vec4(world_position + 0.01 * n, 1);
    if (c.w <= 0.05) return 0.0;
    vec3 p = c.xyz / c.w;
    float edge = 1 - smoothstep(0.8, 1.0, length(p.xy));
    if (edge <= 0) return 0.0;
    p = 0.5 * p + 0.5;
    p.z -= 2e-5;
    float s = 0.0009;  // each tap is smooth over a texel by itself
    float still = 0.5 * texture(still_shadow, p + vec3(-s, -0.4 * s, 0));
    still += 0.5 * texture(still_shadow, p + vec3(s, 0.4 * s, 0));
    float moving = something_moves ? texture(moving_shadow, p) : 1.0;
    return edge * min(still, moving);
}

void main() {
    vec4 paint = vec4(1);
    if (textured) {
        vec2 at = mesh_uv;
        if (boxed) {
            vec3 m = mesh_position * scale_m;
            vec3 a = abs(mesh_normal);
            at = a.x > a.y && a.x > a.z ? m.yz : (a.y > a.z ? m.xz : m.xy);
        }
        paint = texture(picture, at * repeat);
        if (paint.a < 0.5) discard;
    }
    vec3 albedo = paint.rgb * colour;
    albedo *= albedo;
    vec3 light = vec3(1);
    if (glow < 0.5) {
        vec3 n = normalize(world_normal);
        if (dot(n, eye - world_position) < 0) n = -n;
        light = mix(below, above, 0.5 + 0.5 * n.z);
        vec3 to = lamp - world_position;
        float square = dot(to, to);
        float facing = dot(n, to) * inversesqrt(square);
        if (facing > 0) light += lamp_colour * (facing * lit_by_lamp(n) / (0.6 + 0.15 * square));
        to = fill - world_position;
        square = dot(to, to);
        facing = dot(n, to) * inversesqrt(square);
        if (facing > 0) light += fill_colour * (facing / (0.6 + 0.15 * square));
    }
    out_colour = vec4(sqrt(albedo * light * exposure), 1);
    out_geometry = vec2(depth_m, number);
}
"""

DEPTH_VERTEX = """
#version 330
uniform mat4 model_view;
uniform mat4 projection;
in vec3 position;
invariant gl_Position;  // to the last bit the one above
void main() {
    vec4 seen = model_view * vec4(position, 1);
    gl_Position = projection * seen;
}
"""

DEPTH_FRAGMENT = """
#version 330
void main() {}
"""
