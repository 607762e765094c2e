// What a stretch of a goroutine's time was really spent on: its own steps and, where it waited, those of whom it waited for.

import type { PathAnswer, PathStep } from "../api/types";
import { formatCount } from "../lib/format";
import { spellings, visible } from "../lib/names";
import { Bar, formatPercent } from "../panels/cells";
import { CloseIcon } from "../panels/icons";
import { Loading } from "../panels/states";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { Swatch } from "./swatch";
import { indexOf, states } from "./states";
import { formatLength, formatRange, parseRange } from "./time";

const mostRows = 60;
/** Shorter parts of the whole are neither told nor drawn: a path may have a million. */
const finest = 3000;

export function pathOf(goroutine: number, from: number, to: number): string {
	return `${goroutine}:${formatRange(from, to)}`;
}

export function pathUrl(docId: number, path: string): string | null {
	const [id, range] = path.split(":");
	const span = parseRange(range ?? "", Infinity);
	return span && /^\d+$/.test(id!) ? `/api/critical-path?doc=${docId}&goroutine=${id}&time=${span[0]}ns..${span[1]}ns&min=${Math.floor((span[1] - span[0]) / finest)}ns` : null;
}

/** The steps that time is really spent in, and of these and the waits above them what is long enough to be told. */
export function stepsToTell(a: PathAnswer): { told: PathStep[]; left: number } {
	const least = (a.end_ns - a.start_ns) / 200;
	const long = a.steps.filter((s) => s.end_ns - s.start_ns >= least);
	// Of too many the longest stay, in their order.
	const enough = [...long].sort((x, y) => y.end_ns - y.start_ns - (x.end_ns - x.start_ns)).slice(0, mostRows);
	const kept = new Set(enough);
	return { told: long.filter((s) => kept.has(s)), left: a.left_out + a.steps.length - kept.size };
}

/** Sight that has a moment in it, as wide as it was. */
export function sightWith(sight: string, at: number): string {
	const now = parseRange(sight, Infinity);
	if (!now || (at >= now[0] && at <= now[1])) return sight;
	const half = (now[1] - now[0]) / 2;
	return formatRange(Math.max(0, at - half), Math.max(0, at - half) + 2 * half);
}

export function CriticalPath() {
	const r = route.value;
	const url = pathUrl(r.doc, r.path);
	const answer = useJSON<PathAnswer>(url);
	const a = answer.data;
	if (!url) return null;
	const whole = a ? a.end_ns - a.start_ns : 0;
	const list = a ? stepsToTell(a) : null;
	const lanes = a ? [...new Set(a.steps.filter((s) => s.lane && s.end_ns - s.start_ns >= whole / 50).map((s) => s.lane!))].slice(0, 8) : [];
	return (
		<section class="path-facts" aria-label="Critical path">
			<h3>Critical path <button class="icon tiny" title="Close" aria-label="Close the critical path" onClick={() => navigate({ path: "" })}><CloseIcon /></button></h3>
			{answer.error ? <p class="note">{visible(answer.error.message)}</p> : !a || !list ? <Loading what="Following who waited for whom…" /> : (
				<>
					<p class="small-note dim">What {formatLength(whole)} of goroutine {a.goroutine} were spent on{a.is_cut ? ", as far as the trace says" : ""}{a.others_ns > 0 ? `; ${formatPercent(a.others_ns, whole)} of it in other goroutines, for which it waited` : ""}.</p>
					<table class="facts"><tbody>
						{Object.entries(a.total_ns).sort((x, y) => y[1] - x[1]).map(([name, ns]) => (
							<tr key={name}><th><Swatch state={indexOf(name)} /> {states[indexOf(name) - 1]?.title ?? name}</th><td class="num">{formatLength(ns)}</td><td class="num dim">{formatPercent(ns, whole)}</td></tr>
						))}
					</tbody></table>
					<ol class="path-steps">
						{list.told.map((s, k) => (
							<li key={k}>
								<button style={{ paddingLeft: `${3 + Math.min(6, s.depth) * 10}px` }} aria-current={r.lane === s.lane && r.at === s.start_ns + 1 ? "step" : undefined} title={describe(s)} onClick={() => goTo(s)}>
									<Bar share={s.is_followed ? 0 : (s.end_ns - s.start_ns) / (whole || 1)} text={formatLength(s.end_ns - s.start_ns)} tone="plain" />
									<span class="name"><Swatch state={indexOf(s.wait ?? s.state)} /> {titleOf(s)} <span class="dim">{s.at ? (spellings(s.at.name)[0] ?? "") : s.state === "runnable" ? "no P was free" : isOld(s) ? "since before the trace" : ""}</span></span>
									{(k === 0 || list.told[k - 1]!.goroutine !== s.goroutine) && <span class="dim path-who">{s.goroutine === undefined ? "" : `${s.goroutine} ${spellings(s.goroutine_name ?? "")[0] ?? ""}`}</span>}
								</button>
							</li>
						))}
					</ol>
					{list.left > 0 && <div class="dim small-note">{formatCount(list.left)} shorter steps are left out.</div>}
					{lanes.length > 1 && <button class="button small" onClick={() => navigate({ pins: lanes, sight: formatRange(a.start_ns - whole * 0.05, a.end_ns + whole * 0.05) })}>Its {lanes.length} lanes on top</button>}
				</>
			)}
		</section>
	);
}

function titleOf(s: PathStep): string {
	return visible(s.state === "waiting" ? s.reason || "waiting" : (states[indexOf(s.state) - 1]?.title ?? s.state));
}

/** A wait whose place the trace cannot know. */
const isOld = (s: PathStep) => s.state === "waiting" && s.is_older && !s.at;

function describe(s: PathStep): string {
	const at = s.at ? `\n${visible(s.at.name)} ${visible(s.at.file)}:${s.at.line}` : isOld(s) ? "\nsince before the trace (or its gap): it does not say where" : "";
	const woken = s.waker !== undefined ? `\nwoken by goroutine ${s.waker} ${visible(s.waker_name ?? "")}${s.waker_at ? ` at ${visible(s.waker_at.file)}:${s.waker_at.line}` : ""}` : "";
	return `${titleOf(s)} ${formatLength(s.end_ns - s.start_ns)}, goroutine ${s.goroutine ?? "?"}${at}${woken}`;
}

function goTo(s: PathStep): void {
	if (!s.lane) return;
	const r = route.peek();
	const at = s.start_ns + 1;
	navigate({ lane: s.lane, at, sight: sightWith(r.sight, at), pins: r.pins.includes(s.lane) ? r.pins : [...r.pins, s.lane] });
}
