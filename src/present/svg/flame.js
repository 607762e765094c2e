"use strict";
// One flame graph inside this SVG: zoom by click, search by regular expression, keys. Frames carry their own numbers
// (data-x, data-w as shares of the root), so nothing needs a server.
(() => {
	const svg = document.documentElement;
	const stage = svg.getElementById("frames");
	const detail = svg.getElementById("detail");
	const matched = svg.getElementById("matched");
	const unzoom = svg.getElementById("unzoom");
	const width = Number(svg.dataset.width);
	const pad = Number(svg.dataset.pad);
	const charWidth = Number(svg.dataset.char);
	const frames = Array.from(stage.children, (g) => ({
		g,
		rect: g.querySelector("rect"),
		text: g.querySelector("text"),
		title: g.querySelector("title").textContent,
		// The first line of the tooltip is the name, with a word behind it for an inlined frame.
		name: g.querySelector("title").textContent.split("\n", 1)[0].replace(/ \(inlined\)$/, ""),
		x: Number(g.dataset.x),
		w: Number(g.dataset.w),
		d: Number(g.dataset.d),
		p: Number(g.dataset.p),
		hit: false,
		covered: false,
	}));
	let root = frames[0];
	let pattern = null;
	const history = [];

	function fit(label, px) {
		const room = Math.floor((px - 6) / charWidth);
		if (room < 3) return "";
		if (label.length <= room) return label;
		// The part that differs is at the end of a Go name: leave the package out first. Type arguments hold paths too.
		const head = label.split("[", 1)[0];
		const dot = label.indexOf(".", head.lastIndexOf("/") + 1);
		const short = dot > 0 && dot < head.length ? label.slice(dot + 1) : label;
		return short.length <= room ? short : short.slice(0, room - 1) + "…";
	}

	function draw() {
		const scale = width / root.w;
		for (const f of frames) {
			const isAncestor = f.d < root.d && f.x <= root.x + 1e-12 && f.x + f.w >= root.x + root.w - 1e-12;
			const x = isAncestor ? 0 : (f.x - root.x) * scale;
			const w = isAncestor ? width : f.w * scale;
			const shown = isAncestor || (f.d >= root.d && x + w > 0.01 && x < width - 0.01 && w >= 0.1);
			f.g.style.display = shown ? "" : "none";
			if (!shown) continue;
			f.g.classList.toggle("above", isAncestor);
			f.rect.setAttribute("x", (pad + x).toFixed(2));
			f.rect.setAttribute("width", Math.max(w - 0.4, 0.2).toFixed(2));
			const label = fit(f.name, w);
			if (!f.text) {
				if (!label) continue;
				f.text = document.createElementNS(svg.namespaceURI, "text");
				f.text.setAttribute("y", String(Number(f.rect.getAttribute("y")) + 12));
				f.g.append(f.text);
			}
			f.text.setAttribute("x", (pad + x + 3).toFixed(2));
			f.text.textContent = label;
		}
		unzoom.style.display = root === frames[0] ? "none" : "";
	}

	function zoom(f, remember = true) {
		if (f === root) return;
		if (remember) history.push(root);
		root = f;
		draw();
	}

	function search(text) {
		pattern = null;
		if (text) {
			try {
				pattern = new RegExp(text);
			} catch (e) {
				matched.textContent = "not a regular expression: " + e.message;
				return;
			}
		}
		let total = 0;
		// Callers come before callees here: what lies below a match is already counted with it.
		for (const f of frames) {
			const hit = pattern !== null && pattern.test(f.name);
			const caller = f.p < 0 ? null : frames[f.p];
			f.covered = caller !== null && (caller.covered || caller.hit);
			f.hit = hit;
			f.g.classList.toggle("hit", hit);
			f.g.classList.toggle("miss", pattern !== null && !hit);
			if (hit && !f.covered) total += f.w;
		}
		matched.textContent = pattern ? "matched " + (total * 100).toFixed(2) + "%" : "";
		try {
			const url = new URL(window.location.href);
			if (text) url.searchParams.set("s", text);
			else url.searchParams.delete("s");
			window.history.replaceState(null, "", url);
		} catch {
			// An embedded or sandboxed picture has no address of its own.
		}
	}

	function ask() {
		const text = window.prompt("Search functions (regular expression):", pattern ? pattern.source : "");
		if (text !== null) search(text);
	}

	const frameOf = (e) => {
		const g = e.target.closest && e.target.closest("#frames > g");
		return g ? frames[Number(g.dataset.i)] : null;
	};
	stage.addEventListener("click", (e) => {
		const f = frameOf(e);
		if (f) zoom(f);
	});
	stage.addEventListener("mouseover", (e) => {
		const f = frameOf(e);
		detail.textContent = f ? f.title.replace(/\n/g, " · ") : "";
	});
	stage.addEventListener("mouseout", () => {
		detail.textContent = "";
	});
	unzoom.addEventListener("click", () => zoom(frames[0]));
	svg.getElementById("search").addEventListener("click", ask);
	window.addEventListener("keydown", (e) => {
		if ((e.ctrlKey && e.key === "f") || e.key === "/") {
			e.preventDefault();
			ask();
		} else if (e.key === "Escape") {
			if (history.length) zoom(history.pop(), false);
			else search("");
		}
	});

	for (const [i, f] of frames.entries()) f.g.dataset.i = String(i);
	const wanted = new URLSearchParams(window.location.search).get("s");
	if (wanted) search(wanted);
	draw();
})();
