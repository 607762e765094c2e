import { canvasKeys, commands, heapKeys, mmuKeys, timelineKeys, trendKeys } from "../state/commands";
import { heapViews, route } from "../state/route";
import { DialogBox } from "./dialog";

const groups = ["Views", "Graph", "Search", "Filter", "Page"] as const;

function keysOf(view: string): [string, string][] {
	if (view === "timeline") return timelineKeys;
	if (view === "mmu") return mmuKeys;
	if (view === "trend") return trendKeys;
	return heapViews.includes(view) ? heapKeys : canvasKeys;
}

export function Help() {
	const list = commands().filter((c) => c.keys.length);
	return (
		<DialogBox title="Keys" wide>
			<div class="help">
				{groups.map((g) => (
					<section key={g}>
						<h3>{g}</h3>
						<dl>
							{list.filter((c) => c.group === g).map((c) => <div key={c.id}><dt>{c.keys.map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{c.title}</dd></div>)}
							{g === "Graph" && keysOf(route.value.view).map(([keys, title]) => <div key={keys}><dt>{/^[a-z]{3,}/.test(keys) ? <span class="dim">{keys}</span> : keys.split(" ").map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{title}</dd></div>)}
						</dl>
					</section>
				))}
			</div>
		</DialogBox>
	);
}
