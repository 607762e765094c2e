// One row: search with what it matched, the filters as a trail that can be cut anywhere, how the picture is drawn.

import { useEffect, useRef, useState } from "preact/hooks";
import type { SearchAnswer } from "../api/types";
import { formatCount } from "../lib/format";
import { spellings, visible } from "../lib/names";
import { useJSON } from "../state/answer";
import { undoTransform } from "../state/actions";
import { formatLength, formatMoment, parseRange } from "../timeline/time";
import { engineRegex, searchPattern } from "../state/query";
import { navigate, route } from "../state/route";
import { doc } from "../state/session";
import { keyTarget } from "../state/ui";
import { views } from "../views/registry";
import { searchUrl } from "../views/urls";
import { formatPercent } from "./cells";
import { CloseIcon, SearchIcon } from "./icons";

const words: Record<string, string> = {
	"focus-function": "focus", "focus-subtree": "subtree", "only-function": "only", "hide-function": "hide", "merge-function": "hide",
	"drop-function": "drop", "collapse-function": "collapse", "collapse-recursion": "recursion", "collapse-package": "package",
};

function Search() {
	const r = route.value;
	const [text, setText] = useState(r.query);
	const field = useRef<HTMLInputElement>(null);
	const timer = useRef(0);
	useEffect(() => {
		if (document.activeElement !== field.current || r.query === "") setText(r.query);
	}, [r.query]);
	const lanes = r.view === "timeline";
	const heap = views.find((v) => v.id === r.view)?.heap === true;
	const profile = (doc.value?.sample_types?.length ?? 0) > 0 && r.view !== "goroutines" && !lanes && !heap;
	const matches = useJSON<SearchAnswer>(profile && r.query ? searchUrl(r, engineRegex(r.query)) : null);
	const commit = (value: string, how: "push" | "replace") => {
		clearTimeout(timer.current);
		navigate({ query: value.trim() }, how);
	};
	const literal = r.query !== "" && searchPattern(r.query).literal;
	return (
		<div class="search" role="search">
			<SearchIcon />
			<input
				id="search" ref={field} type="text" placeholder={lanes ? "Goroutine or number" : heap ? "Search types and holders" : "Search (regexp)"} aria-label={lanes ? "Filter goroutines" : heap ? "Search types and holders" : "Search functions"} value={text} spellcheck={false} autocomplete="off"
				onInput={(e) => {
					const value = e.currentTarget.value;
					setText(value);
					clearTimeout(timer.current);
					// The first letters make a step to go back from, the rest refines it.
					timer.current = window.setTimeout(() => commit(value, route.peek().query === "" ? "push" : "replace"), 180);
				}}
				onKeyDown={(e) => {
					if (e.key === "Escape") {
						if (text) {
							setText("");
							commit("", "push");
						}
						e.currentTarget.blur();
						document.querySelector<HTMLElement>(".canvas-host, .table")?.focus();
					} else if (e.key === "Enter") {
						commit(text, "push");
						document.querySelector<HTMLElement>(".canvas-host, .table")?.focus();
						keyTarget.peek()?.key(new KeyboardEvent("keydown", { key: e.shiftKey ? "N" : "n" }));
					} else return;
					e.preventDefault();
					e.stopPropagation();
				}}
			/>
			{r.query && profile && (
				<span class="matched" role="status" title={literal ? "Not a regular expression: searched as it is" : "Share of all samples with a match anywhere in the stack; no sample counts twice"}>
					{matches.data ? <><b>{formatPercent(matches.data.matched, matches.data.total)}</b> in {formatCount(matches.data.count)} {matches.data.count === 1 ? "function" : "functions"}{literal ? " · literal" : ""}</> : matches.error ? <span class="bad">{visible(matches.error.message)}</span> : "…"}
				</span>
			)}
			{text && <button class="icon" aria-label="Clear the search" onClick={() => { setText(""); commit("", "push"); }}><CloseIcon /></button>}
			{profile && (
				<div class="segments" role="group" aria-label="What the search does">
					<button aria-pressed={r.mode === "highlight"} title="Matches are marked, the rest is dimmed (x)" onClick={() => navigate({ mode: "highlight" })}>Highlight</button>
					<button aria-pressed={r.mode === "filter"} title="Only samples with a match are counted (x)" onClick={() => navigate({ mode: "filter" })}>Filter</button>
				</div>
			)}
		</div>
	);
}

function Crumb({ kind, name, remove, cut }: { kind: string; name: string; remove(): void; cut?: () => void }) {
	return (
		<span class="crumb">
			<button class="plain" title={`${kind} ${visible(name)}${cut ? " — click to return to here" : ""}`} disabled={!cut} onClick={cut}><i>{kind}</i> {visible(name)}</button>
			<button class="icon tiny" aria-label={`Remove: ${kind} ${visible(name)}`} onClick={remove}><CloseIcon /></button>
		</span>
	);
}

function Trail() {
	const r = route.value;
	const steps = r.transforms;
	const part = r.range !== "" || r.goroutines.length > 0 || r.starters.length > 0 || r.filter !== "";
	if (!steps.length && !r.labels.length && !r.groupBy && !part) return null;
	const span = parseRange(r.range, Infinity);
	return (
		<div class="trail" aria-label="Filters">
			<button class="plain all" onClick={() => navigate({ transforms: [], labels: [], groupBy: "", filter: "", range: "", goroutines: [], starters: [] })} title="Remove all filters (Shift+X)">all samples</button>
			{r.filter && <Crumb kind="where" name={r.filter} remove={() => navigate({ filter: "" })} />}
			{span && <Crumb kind="time" name={`${formatMoment(span[0], (span[1] - span[0]) / 100)} + ${formatLength(span[1] - span[0])}`} remove={() => navigate({ range: "" })} />}
			{r.goroutines.map((g) => <Crumb key={`g${g}`} kind="goroutine" name={g} remove={() => navigate({ goroutines: r.goroutines.filter((x) => x !== g) })} />)}
			{r.starters.map((s) => <Crumb key={`s${s}`} kind="started with" name={spellings(s)[0] ?? s} remove={() => navigate({ starters: r.starters.filter((x) => x !== s) })} />)}
			{r.groupBy && <Crumb kind="by label" name={r.groupBy} remove={() => navigate({ groupBy: "" })} />}
			{r.labels.map((l) => <Crumb key={l} kind={l[0] === "-" ? "without" : "only"} name={l.slice(1)} remove={() => navigate({ labels: r.labels.filter((x) => x !== l) })} />)}
			{steps.map((t, k) => {
				const colon = t.indexOf(":");
				const kind = colon < 0 ? t : t.slice(0, colon);
				const name = colon < 0 ? "" : t.slice(colon + 1);
				const short = kind === "collapse-package" ? name : kind === "focus-subtree" ? "" : name === "*" ? "everywhere" : (spellings(name)[0] ?? name);
				return (
					<Crumb
						key={t} kind={words[kind] ?? kind} name={short} remove={() => navigate({ transforms: steps.filter((_, j) => j !== k) })}
						{...(k < steps.length - 1 ? { cut: () => navigate({ transforms: steps.slice(0, k + 1) }) } : {})}
					/>
				);
			})}
			{steps.length > 0 && <button class="link" onClick={undoTransform} title="Ctrl+Z">undo</button>}
		</div>
	);
}

export function Toolbar() {
	const r = route.value;
	const v = views.find((x) => x.id === r.view);
	const isProfile = r.view !== "goroutines" && doc.value?.kind !== "heap";
	if (v?.plain) return <Trail />;
	return (
		<>
		<div class="toolbar">
			{v?.search ? <Search /> : null}
			<span class="spacer" />
			{v?.order && (
				<>
					{r.root !== 0 && r.view !== "sandwich" && <button class="button small" onClick={() => navigate({ root: 0 })} title="Esc">Whole graph</button>}
					<div class="segments" role="group" aria-label="Order of frames">
						<button aria-pressed={r.order === "heavy"} title="Costly frames first (o)" onClick={() => navigate({ order: "heavy" })}>By cost</button>
						<button aria-pressed={r.order === "name"} title="Alphabetical (o)" onClick={() => navigate({ order: "name" })}>By name</button>
					</div>
					{(r.view === "flame" || r.view === "diff") && (
						<div class="segments" role="group" aria-label="Direction">
							<button aria-pressed={!r.up} title="Root at the top (u)" onClick={() => navigate({ up: false })}>Icicle</button>
							<button aria-pressed={r.up} title="Root at the bottom (u)" onClick={() => navigate({ up: true })}>Flame</button>
						</div>
					)}
					<button class="button small" aria-pressed={r.invert} title="Stacks from the leaf (i)" onClick={() => navigate({ invert: !r.invert })}>Invert</button>
					{doc.value?.kind === "trace" && <button class="button small" aria-pressed={r.creation} title="In front of each stack that of the goroutine's creator at its go statement, up to main (Shift+C)" onClick={() => navigate({ creation: !r.creation })}>By creation</button>}
				</>
			)}
			{isProfile && (
				<>
					<button class="button small" aria-pressed={r.drawer === "labels"} title="Labels (l)" onClick={() => navigate({ drawer: r.drawer === "labels" ? "" : "labels" })}>Labels</button>
					<button class="button small" aria-pressed={r.drawer === "samples"} title="Samples (e)" onClick={() => navigate({ drawer: r.drawer === "samples" ? "" : "samples" })}>Samples</button>
				</>
			)}
		</div>
		{isProfile && <Trail />}
		</>
	);
}
