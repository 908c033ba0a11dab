"use strict";
// A point cloud of a binary PLY, as infer writes it, that can be turned. WebGL, nothing else.

const MOST_POINTS = 400000;

function readPly(buffer) {
  const head = new TextDecoder().decode(buffer.slice(0, 4096));
  const end = head.indexOf("end_header\n") + "end_header\n".length;
  const count = Number(/element vertex (\d+)/.exec(head)[1]);
  const step = Math.max(1, Math.ceil(count / MOST_POINTS)), stored = 15;
  const shown = Math.floor((count + step - 1) / step);
  const places = new Float32Array(3 * shown), colours = new Uint8Array(3 * shown);
  const view = new DataView(buffer, end);
  for (let k = 0; k < shown; k++) {
    const from = k * step * stored;
    for (let axis = 0; axis < 3; axis++) {
      places[3 * k + axis] = view.getFloat32(from + 4 * axis, true);
      colours[3 * k + axis] = view.getUint8(from + 12 + axis);
    }
  }
  return { count, places, colours };
}

function middle(places) {
  const depths = [];
  for (let k = 2; k < places.length; k += 3 * Math.max(1, Math.floor(places.length / 3000))) depths.push(places[k]);
  depths.sort((a, b) => a - b);
  return depths.length ? depths[depths.length >> 1] : 1;
}

const VERTEX = `
attribute vec3 place; attribute vec3 colour; varying vec3 shade;
uniform vec2 turn; uniform vec2 shift; uniform float centre, zoom, aspect, size;
void main() {
  vec3 p = vec3(place.xy, place.z - centre);
  float cx = cos(turn.x), sx = sin(turn.x), cy = cos(turn.y), sy = sin(turn.y);
  p = vec3(cx * p.x + sx * p.z, p.y, cx * p.z - sx * p.x);
  p = vec3(p.x, cy * p.y - sy * p.z, cy * p.z + sy * p.y);
  float away = p.z + centre / zoom;
  gl_Position = vec4((p.x / aspect + shift.x * centre) * 1.6, (-p.y + shift.y * centre) * 1.6,
                     away - 0.02 * centre, max(away, 1e-4));
  gl_PointSize = size;
  shade = colour;
}`;
const FRAGMENT = `
precision mediump float; varying vec3 shade;
void main() { gl_FragColor = vec4(shade, 1.0); }`;

function program(gl) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  return made;
}

function showPoints(canvas, buffer) {
  const cloud = readPly(buffer);
  const gl = canvas.gl || canvas.getContext("webgl", { preserveDrawingBuffer: true });
  if (!gl) throw new Error("this browser has no WebGL; download the points instead");
  canvas.gl = gl;
  canvas.program = canvas.program || program(gl);
  gl.useProgram(canvas.program);
  for (const [name, data, kind, norm] of [["place", cloud.places, gl.FLOAT, false],
    ["colour", cloud.colours, gl.UNSIGNED_BYTE, true]]) {
    const place = gl.getAttribLocation(canvas.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 3, kind, norm, 0, 0);
  }
  const eye = canvas.eye || { turn: [0.25, 0.15], shift: [0, 0], zoom: 1 };
  const fresh = !canvas.eye;
  canvas.eye = eye;
  canvas.draw = () => draw(canvas, gl, eye, middle(cloud.places), cloud.places.length / 3);
  if (fresh) steer(canvas, eye);
  canvas.draw();
  return cloud.count;
}

function draw(canvas, gl, eye, centre, count) {
  const uniform = (name) => gl.getUniformLocation(canvas.program, name);
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(0.06, 0.07, 0.08, 1);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.uniform2fv(uniform("turn"), eye.turn);
  gl.uniform2fv(uniform("shift"), eye.shift);
  gl.uniform1f(uniform("centre"), centre);
  gl.uniform1f(uniform("zoom"), eye.zoom);
  gl.uniform1f(uniform("aspect"), canvas.width / canvas.height);
  gl.uniform1f(uniform("size"), Math.max(2, Math.sqrt(canvas.width * canvas.height / count)));
  gl.drawArrays(gl.POINTS, 0, count);
  canvas.dataset.turn = eye.turn.map((angle) => angle.toFixed(3)).join(" ");
}

function steer(canvas, eye) {
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const by = [event.movementX / canvas.clientWidth, event.movementY / canvas.clientHeight];
    if (event.shiftKey) { eye.shift[0] += by[0]; eye.shift[1] -= by[1]; }
    else { eye.turn[0] += 4 * by[0]; eye.turn[1] -= 3 * by[1]; }
    canvas.draw();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    eye.zoom *= Math.exp(-event.deltaY / 800);
    canvas.draw();
  }, { passive: false });
}
