// One function in all its places: who calls it above, what it calls below.

import { FlamePane } from "../flame/pane";
import { Name } from "../panels/cells";
import { route } from "../state/route";
import { PickFunction } from "./pick";
import { flameUrl } from "./urls";

export function SandwichView() {
	const r = route.value;
	if (!r.fn) return <PickFunction by="cum" title="Choose a function" text="The sandwich shows every caller of one function above it and every callee below it, summed over all its places." />;
	const base = { ...r, groupBy: "" };
	return (
		<div class="sandwich">
			<div class="half">
				<FlamePane url={flameUrl(base, { pivot: r.fn, direction: "callers" })} label={`Callers of ${r.fn}`} up />
			</div>
			<div class="sandwich-mid"><span class="dim">callers ↑</span><Name name={r.fn} /><span class="dim">↓ callees</span></div>
			<div class="half">
				<FlamePane url={flameUrl(base, { pivot: r.fn, direction: "callees" })} label={`Callees of ${r.fn}`} />
			</div>
		</div>
	);
}
