// What points to what around an object or a type: a small graph, laid out in the engine, to walk and to open.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { HeapFound, HeapSummary, HeapTopology, RefEdge, RefNode } from "../api/heap";
import { formatCount, formatPercent, formatValue } from "../lib/format";
import { fitName, visible } from "../lib/names";
import { Bar } from "../panels/cells";
import { Empty, ErrorState, Loading } from "../panels/states";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { status } from "../state/session";
import { keyTarget } from "../state/ui";
import { heapSpellings, isType, objectsUrl, summaryUrl, topologyUrl } from "./ask";

const bytes = (n: number) => formatValue(n, "bytes", route.value.unit);
const charWidth = 6.4;
const least = 0.15;
const most = 2.5;

/** How the page calls a node of the answer: objects by address, so that a link says what it is about. */
const nameOf = (n: RefNode) => n.address ?? String(n.id);

export function pathOf(points: number[]): string {
	let d = `M${points[0]} ${points[1]}`;
	for (let i = 2; i < points.length; i += 2) {
		const [x0, y0, x1, y1] = [points[i - 2]!, points[i - 1]!, points[i]!, points[i + 1]!];
		const mid = (x0 + x1) / 2;
		d += points.length === 8 && points[0] === points[6] ? `L${x1} ${y1}` : `C${mid} ${y0} ${mid} ${y1} ${x1} ${y1}`;
	}
	return d;
}

/** Where an arrow key leads from a node: along pointers to the side, along its layer up and down. -1: nowhere. */
export function step(t: HeapTopology, from: number, key: string): number {
	const n = t.nodes[from];
	if (!n) return t.nodes.findIndex((x) => x.is_focus);
	let best = -1;
	let far = Infinity;
	const offer = (i: number, d: number) => {
		if (i !== from && d < far) {
			far = d;
			best = i;
		}
	};
	if (key === "ArrowRight" || key === "ArrowLeft") {
		const right = key === "ArrowRight";
		for (const e of t.edges) {
			const a = right ? e.from : e.to;
			const b = right ? e.to : e.from;
			// Pointers that go on come before those that close a cycle.
			if (a === from) offer(b, Math.abs(t.nodes[b]!.y - n.y) + (e.is_back ? 1e6 : 0));
		}
		return best;
	}
	t.nodes.forEach((o, i) => {
		const dy = o.y - n.y;
		if (o.layer === n.layer && (key === "ArrowDown" ? dy > 0 : dy < 0)) offer(i, Math.abs(dy));
	});
	return best;
}

export function RefsView() {
	const r = route.value;
	const around = r.around || r.object || (r.fn && isType(r.fn) ? r.fn : "");
	if (!around) return <Pick />;
	return <Graph around={around} />;
}

function Pick() {
	const s = useJSON<HeapSummary>(summaryUrl());
	const o = useJSON<HeapFound>(objectsUrl("", 12));
	if (s.error) return <ErrorState error={s.error} />;
	if (!s.data || !o.data) return <Loading what="Reading the heap…" />;
	const whole = s.data.live_bytes || 1;
	return (
		<div class="state left">
			<h2>References around what?</h2>
			<p class="state-text">Around a type: how its objects are connected with others. Around an object: what keeps it alive, what points to it, where it points.</p>
			<h3>Types with most bytes</h3>
			<ul class="pick">{[...s.data.types].sort((a, b) => b.shallow_bytes - a.shallow_bytes).slice(0, 10).map((t) => (
				<li key={t.type}><button onClick={() => navigate({ around: t.type, fn: t.type, object: "", opened: [] })}><Bar share={t.shallow_bytes / whole} text={formatPercent(t.shallow_bytes, whole)} tone="plain" /><span class="name" title={visible(t.type)}>{heapSpellings(t.type)[0]}</span><span class="dim">{formatCount(t.count)}</span></button></li>
			))}</ul>
			<h3>Objects that retain most</h3>
			<ul class="pick">{o.data.objects.map((x) => (
				<li key={x.address}><button onClick={() => navigate({ around: x.address, object: x.address, opened: [] })}><Bar share={x.retained_bytes / whole} text={formatPercent(x.retained_bytes, whole)} /><span class="name" title={visible(x.type)}>{heapSpellings(x.type)[0]}</span><span class="dim mono">{x.address}</span></button></li>
			))}</ul>
		</div>
	);
}

interface Sight { x: number; y: number; scale: number }

function Graph({ around }: { around: string }) {
	const r = route.value;
	const answer = useJSON<HeapTopology>(topologyUrl(around, r.opened, r.opened.length ? 200 : 100));
	const t = answer.data;
	const host = useRef<HTMLDivElement>(null);
	const [sight, setSight] = useState<Sight>({ x: 0, y: 0, scale: 1 });
	const now = useRef(sight);
	now.current = sight;
	const picture = useRef(t);
	picture.current = t;
	const found = useMemo(() => searchRegExp(r.query), [r.query]);
	const selected = t ? t.nodes.findIndex((n) => (n.address ? n.address === r.object : !r.object && n.name === r.fn)) : -1;
	const at = useRef(selected);
	at.current = selected;

	const fit = (node?: RefNode) => {
		const el = host.current;
		const p = picture.current;
		if (!el || !p || !p.nodes.length) return;
		const w = el.clientWidth, h = el.clientHeight;
		const all = Math.min((w - 48) / Math.max(1, p.width), (h - 48) / Math.max(1, p.height), 1);
		// Text stays readable: a large graph starts at what it is about.
		const scale = Math.max(all, 0.8);
		const focus = node ?? p.nodes.find((n) => n.is_focus) ?? p.nodes[0]!;
		const whole = all >= 0.8 && !node;
		const cx = whole ? p.width / 2 : focus.x + p.node_width / 2;
		const cy = whole ? p.height / 2 : focus.y + p.node_height / 2;
		setSight({ x: w / 2 - cx * scale, y: h / 2 - cy * scale, scale });
	};
	// Another graph starts anew; one that has only grown keeps the node that was opened where it is.
	const shape = useRef({ around: "", places: new Map<string, [number, number]>() });
	useEffect(() => {
		if (!t) return;
		const old = shape.current;
		const keep = old.around === around ? t.nodes[selected >= 0 ? selected : t.nodes.findIndex((n) => n.is_focus)] : undefined;
		const was = keep && old.places.get(nameOf(keep));
		if (keep && was) setSight((s) => ({ ...s, x: s.x + (was[0] - keep.x) * s.scale, y: s.y + (was[1] - keep.y) * s.scale }));
		else fit();
		shape.current = { around, places: new Map(t.nodes.map((n) => [nameOf(n), [n.x, n.y]])) };
	}, [t]);

	const select = (i: number) => {
		const n = picture.current?.nodes[i];
		if (!n) return;
		at.current = i;
		navigate(n.address ? { object: n.address, fn: "", around } : { fn: n.name, object: "", node: -1, around }, "replace");
		status.value = describe(n);
		reveal(n);
	};
	const reveal = (n: RefNode) => {
		const el = host.current;
		const p = picture.current;
		if (!el || !p) return;
		const s = now.current;
		const x = n.x * s.scale + s.x, y = n.y * s.scale + s.y;
		const w = p.node_width * s.scale, h = p.node_height * s.scale;
		const dx = x < 16 ? 16 - x : x + w > el.clientWidth - 16 ? el.clientWidth - 16 - x - w : 0;
		const dy = y < 16 ? 16 - y : y + h > el.clientHeight - 16 ? el.clientHeight - 16 - y - h : 0;
		if (dx || dy) setSight({ ...s, x: s.x + dx, y: s.y + dy });
	};
	const toggle = (i: number) => {
		const n = picture.current?.nodes[i];
		if (!n) return;
		const id = nameOf(n);
		const list = route.peek().opened;
		select(i);
		navigate({ around, opened: list.includes(id) ? list.filter((x) => x !== id) : [...list, id] });
	};
	const center = (i: number) => {
		const n = picture.current?.nodes[i];
		if (n && n.kind !== "holder") navigate({ around: n.address ?? n.name, opened: [], object: n.address ?? "", fn: n.address ? "" : n.name });
	};
	const zoom = (factor: number, px?: number, py?: number) => {
		const el = host.current;
		if (!el) return;
		const s = now.current;
		const scale = Math.max(least, Math.min(most, s.scale * factor));
		const x = px ?? el.clientWidth / 2, y = py ?? el.clientHeight / 2;
		setSight({ scale, x: x - ((x - s.x) * scale) / s.scale, y: y - ((y - s.y) * scale) / s.scale });
	};

	useEffect(() => {
		const target = {
			key(e: KeyboardEvent): boolean {
				if (e.ctrlKey || e.metaKey || e.altKey || !picture.current) return false;
				switch (e.key) {
					case "ArrowLeft": case "ArrowRight": case "ArrowUp": case "ArrowDown": {
						const to = step(picture.current, at.current, e.key);
						if (to >= 0) select(to);
						return true;
					}
					case "Enter": case " ": if (at.current >= 0) toggle(at.current); return true;
					case "c": if (at.current >= 0) center(at.current); return true;
					case "w": case "+": zoom(1.3); return true;
					case "s": case "-": zoom(1 / 1.3); return true;
					case "a": setSight({ ...now.current, x: now.current.x + 80 }); return true;
					case "d": setSight({ ...now.current, x: now.current.x - 80 }); return true;
					case "f": fit(picture.current.nodes[at.current]); return true;
					case "0": case "Home": fit(); return true;
					default: return false;
				}
			},
			back(): boolean {
				const list = route.peek().opened;
				if (!list.length) return false;
				navigate({ opened: list.slice(0, -1) });
				return true;
			},
		};
		keyTarget.value = target;
		return () => {
			if (keyTarget.peek() === target) keyTarget.value = null;
		};
	}, [around]);

	// Dragging moves the graph, the wheel too, with Ctrl it zooms.
	const drag = useRef<{ x: number; y: number; from: Sight; moved: boolean } | null>(null);
	useEffect(() => {
		const el = host.current;
		if (!el) return;
		const wheel = (e: WheelEvent) => {
			e.preventDefault();
			const box = el.getBoundingClientRect();
			if (e.ctrlKey || e.metaKey) zoom(Math.exp(-e.deltaY * 0.003), e.clientX - box.left, e.clientY - box.top);
			else setSight({ ...now.current, x: now.current.x - (e.shiftKey ? e.deltaY : e.deltaX), y: now.current.y - (e.shiftKey ? 0 : e.deltaY) });
		};
		el.addEventListener("wheel", wheel, { passive: false });
		return () => el.removeEventListener("wheel", wheel);
	}, []);

	if (answer.error)
		return <ErrorState error={answer.error} retry={() => navigate({ around: "", object: "", opened: [], fn: "" })} />;
	return (
		<div class="heap-view">
			<div class="tl-bar">
				<b class="name" title={visible(around)}>{t ? heapSpellings(t.nodes.find((n) => n.is_focus)?.name ?? around)[0] : visible(around)}</b>
				{/^0x/.test(around) && <span class="dim mono">{around}</span>}
				{t && <span class="dim">{formatCount(t.nodes.length)} {t.by === "type" ? "types" : "objects and holders"} · {formatCount(t.edges.length)} {t.edges.length === 1 ? "arrow" : "arrows"}{t.cycles ? ` · ${formatCount(t.cycles)} ${t.cycles === 1 ? "cycle" : "cycles"}` : ""}{t.is_cut ? " · no room for more" : ""}</span>}
				<span class="spacer" />
				<span class="ref-legend dim"><i class="path" />keeps it alive<i class="cycle" />cycle<i class="holder" />outside of the heap</span>
				{r.opened.length > 0 && <button class="button small" onClick={() => navigate({ opened: [] })}>Close all</button>}
				<button class="button small" title="All of it (0)" onClick={() => fit()}>Fit</button>
				<button class="button small" title="Choose another object or type" onClick={() => navigate({ around: "", object: "", fn: "", opened: [] })}>Other…</button>
			</div>
			<div
				ref={host} class={`refs ${answer.loading && t ? "stale" : ""}`} tabIndex={0} aria-busy={answer.loading} role="application" aria-roledescription="graph of references" aria-describedby="status"
				aria-label="References. Left and right walk pointers, up and down a layer, Enter opens and closes a node, C makes it the middle."
				onPointerDown={(e) => {
					if (e.button !== 0) return;
					drag.current = { x: e.clientX, y: e.clientY, from: now.current, moved: false };
				}}
				onPointerMove={(e) => {
					const d = drag.current;
					if (!d || !(e.buttons & 1)) return;
					if (!d.moved && Math.hypot(e.clientX - d.x, e.clientY - d.y) < 4) return;
					if (!d.moved) host.current?.setPointerCapture(e.pointerId);
					d.moved = true;
					setSight({ ...d.from, x: d.from.x + e.clientX - d.x, y: d.from.y + e.clientY - d.y });
				}}
				onPointerUp={() => (drag.current = null)}
			>
				{t && (
					<svg class="refs-picture" aria-hidden="false">
						<defs>
							{["plain", "path", "cycle"].map((k) => <marker key={k} id={`arrow-${k}`} class={`arrow-${k}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0.6 7.4 4 0 7.4z" /></marker>)}
						</defs>
						<g transform={`translate(${sight.x} ${sight.y}) scale(${sight.scale})`}>
							{t.edges.map((e, k) => <Edge key={k} e={e} t={t} near={selected >= 0 && (e.from === selected || e.to === selected)} />)}
							<g role="list">
								{t.nodes.map((n, i) => (
									<NodeBox
										key={nameOf(n)} n={n} t={t} selected={i === selected} faded={found !== null && !found.test(n.name)}
										onSelect={() => select(i)} onOpen={() => toggle(i)} onCenter={() => center(i)}
									/>
								))}
							</g>
						</g>
					</svg>
				)}
				{!t && <Loading what="Following pointers…" />}
				{t && t.nodes.length === 0 && <Empty title="Nothing is around it" />}
			</div>
		</div>
	);
}

function describe(n: RefNode): string {
	return `${visible(n.name)}${n.address ? ` at ${n.address}` : ""} · ${n.kind === "type" ? `${formatCount(n.count ?? 0)} objects, ${bytes(n.own_bytes)}` : `retains ${bytes(n.retained_bytes ?? 0)}`} · ${formatCount(n.in)} point to it, it points to ${formatCount(n.out)}${n.cycle ? ` · in cycle ${n.cycle}` : ""}`;
}

function Edge({ e, t, near }: { e: RefEdge; t: HeapTopology; near: boolean }) {
	const path = t.nodes[e.from]!.is_on_path && t.nodes[e.to]!.is_on_path && !e.is_back;
	const kind = path ? "path" : e.in_cycle ? "cycle" : "plain";
	return (
		<path class={`ref-edge ${kind} ${e.is_back ? "back" : ""} ${near ? "near" : ""}`} d={pathOf(e.points)} marker-end={`url(#arrow-${kind})`}>
			<title>{`${visible(t.nodes[e.from]!.name)} → ${visible(t.nodes[e.to]!.name)}: ${formatCount(e.count)} ${e.count === 1 ? "pointer" : "pointers"}${e.in_cycle ? ", part of a cycle" : ""}`}</title>
		</path>
	);
}

function NodeBox({ n, t, selected, faded, onSelect, onOpen, onCenter }: { n: RefNode; t: HeapTopology; selected: boolean; faded: boolean; onSelect(): void; onOpen(): void; onCenter(): void }) {
	const w = t.node_width, h = t.node_height;
	const label = fitName(heapSpellings(n.name), w - 20, (s) => s.length * charWidth) || visible(n.name).slice(0, 20);
	const second = n.kind === "type" ? `${formatCount(n.count ?? 0)} · ${bytes(n.own_bytes)}` : n.kind === "holder" ? (n.retained_bytes ? `retains ${bytes(n.retained_bytes)}` : "") : `${n.address} · ${bytes(n.retained_bytes ?? 0)}`;
	const before = n.in - n.in_shown, after = n.out - n.out_shown;
	const badge = (text: string, x: number, left: boolean, title: string) => (
		<g class="ref-more" onClick={(e) => { e.stopPropagation(); onOpen(); }}>
			<title>{title}</title>
			<rect x={left ? x : x - text.length * 6 - 9} y={h - 5} width={text.length * 6 + 9} height="15" rx="7.5" />
			<text x={left ? x + text.length * 3 + 4.5 : x - text.length * 3 - 4.5} y={h + 6.2} text-anchor="middle">{text}</text>
		</g>
	);
	return (
		<g
			class={`ref-node ${n.kind} ${n.is_focus ? "focus" : ""} ${n.is_on_path ? "path" : ""} ${n.cycle ? "cycle" : ""} ${selected ? "selected" : ""} ${faded ? "faded" : ""}`}
			transform={`translate(${n.x} ${n.y})`} role="listitem" aria-label={describe(n)} aria-current={selected} onClick={onSelect} onDblClick={onCenter}
		>
			<title>{describe(n)}</title>
			<rect width={w} height={h} rx="6" />
			<text class="ref-name" x="10" y={second ? h / 2 - 4.5 : h / 2 + 4}>{label}</text>
			{second && <text class="ref-facts" x="10" y={h / 2 + 10.5}>{second}</text>}
			{n.cycle > 0 && <text class="ref-cycle" x={w - 8} y="13" text-anchor="end">↻{t.cycles > 1 ? n.cycle : ""}</text>}
			{before > 0 && badge(`+${short(before)}`, -7, true, `${formatCount(before)} more point to it: show them`)}
			{after > 0 && badge(`+${short(after)}`, w + 7, false, `It points to ${formatCount(after)} more: show them`)}
		</g>
	);
}

function short(n: number): string {
	return n < 1000 ? String(n) : n < 1e6 ? `${Math.floor(n / 1000)}k` : `${Math.floor(n / 1e6)}M`;
}
