// The fast back end: one instanced quad per rectangle in WebGL2, text on a 2D canvas above it.

import { drawAbove, type Picture, type Renderer } from "./draw";

const vertexShader = `#version 300 es
layout(location=0) in vec4 box;
layout(location=1) in vec4 color;
uniform vec2 size;
uniform float ratio;
flat out vec4 fill;
void main() {
	vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
	vec2 from = floor(box.xy * ratio + 0.5);
	vec2 to = max(from + 1.0, floor((box.xy + box.zw) * ratio + 0.5));
	vec2 at = mix(from, to, corner) / size;
	gl_Position = vec4(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
	fill = vec4(color.rgb * color.a, color.a);
}`;

const fragmentShader = `#version 300 es
precision mediump float;
flat in vec4 fill;
out vec4 result;
void main() { result = fill; }`;

export class WebGL2Renderer implements Renderer {
	readonly kind = "webgl2";
	private readonly canvas = document.createElement("canvas");
	private readonly overlay = document.createElement("canvas");
	private readonly gl: WebGL2RenderingContext;
	private readonly context: CanvasRenderingContext2D;
	private readonly program: WebGLProgram;
	private readonly boxes: WebGLBuffer;
	private readonly colors: WebGLBuffer;
	private readonly size: WebGLUniformLocation;
	private readonly ratioAt: WebGLUniformLocation;
	private width = 0;
	private height = 0;
	private ratio = 1;

	/** `software` allows an emulated context, which only a person's explicit wish should do. */
	constructor(parent: HTMLElement, software: boolean, lost: () => void) {
		const gl = this.canvas.getContext("webgl2", {
			alpha: false, antialias: false, depth: false, stencil: false,
			failIfMajorPerformanceCaveat: !software, powerPreference: "high-performance",
		});
		if (!gl) throw new Error("the browser gives no fast WebGL2");
		if (!software && emulated(gl)) {
			gl.getExtension("WEBGL_lose_context")?.loseContext();
			throw new Error("WebGL2 is emulated in software here");
		}
		const context = this.overlay.getContext("2d");
		if (!context) throw new Error("the browser gives no 2D canvas");
		this.gl = gl;
		this.context = context;
		this.program = link(gl);
		this.boxes = gl.createBuffer();
		this.colors = gl.createBuffer();
		this.size = gl.getUniformLocation(this.program, "size")!;
		this.ratioAt = gl.getUniformLocation(this.program, "ratio")!;
		this.canvas.addEventListener("webglcontextlost", (event) => {
			event.preventDefault();
			lost();
		}, { once: true });
		for (const layer of [this.canvas, this.overlay]) {
			layer.className = "layer";
			layer.setAttribute("aria-hidden", "true");
			parent.append(layer);
		}
	}

	resize(width: number, height: number, ratio: number): void {
		this.width = Math.max(1, Math.round(width * ratio));
		this.height = Math.max(1, Math.round(height * ratio));
		this.ratio = ratio;
		for (const layer of [this.canvas, this.overlay]) {
			layer.width = this.width;
			layer.height = this.height;
			layer.style.width = `${width}px`;
			layer.style.height = `${height}px`;
		}
	}

	draw(picture: Picture): void {
		const gl = this.gl;
		const { box, color, count } = picture.rects;
		const bg = picture.background;
		gl.viewport(0, 0, this.width, this.height);
		gl.clearColor((bg & 255) / 255, ((bg >>> 8) & 255) / 255, ((bg >>> 16) & 255) / 255, 1);
		gl.clear(gl.COLOR_BUFFER_BIT);
		if (count > 0) {
			gl.useProgram(this.program);
			gl.uniform2f(this.size, this.width, this.height);
			gl.uniform1f(this.ratioAt, this.ratio);
			gl.enable(gl.BLEND);
			gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
			gl.bindBuffer(gl.ARRAY_BUFFER, this.boxes);
			gl.bufferData(gl.ARRAY_BUFFER, box.subarray(0, count * 4), gl.STREAM_DRAW);
			gl.enableVertexAttribArray(0);
			gl.vertexAttribPointer(0, 4, gl.FLOAT, false, 0, 0);
			gl.vertexAttribDivisor(0, 1);
			gl.bindBuffer(gl.ARRAY_BUFFER, this.colors);
			gl.bufferData(gl.ARRAY_BUFFER, color.subarray(0, count), gl.STREAM_DRAW);
			gl.enableVertexAttribArray(1);
			gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
			gl.vertexAttribDivisor(1, 1);
			gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
		}
		const c = this.context;
		c.setTransform(1, 0, 0, 1, 0, 0);
		c.clearRect(0, 0, this.width, this.height);
		c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		drawAbove(c, picture);
	}

	release(): void {
		this.gl.getExtension("WEBGL_lose_context")?.loseContext();
		this.canvas.remove();
		this.overlay.remove();
	}
}

function emulated(gl: WebGL2RenderingContext): boolean {
	const info = gl.getExtension("WEBGL_debug_renderer_info");
	const name = String(info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : gl.getParameter(gl.RENDERER));
	return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
	const program = gl.createProgram();
	for (const [kind, source] of [[gl.VERTEX_SHADER, vertexShader], [gl.FRAGMENT_SHADER, fragmentShader]] as const) {
		const shader = gl.createShader(kind);
		if (!shader) throw new Error("WebGL2 context is lost");
		gl.shaderSource(shader, source);
		gl.compileShader(shader);
		gl.attachShader(program, shader);
	}
	gl.linkProgram(program);
	if (!gl.getProgramParameter(program, gl.LINK_STATUS))
		throw new Error(`WebGL2 shader: ${gl.getProgramInfoLog(program) ?? "not linked"}`);
	return program;
}
