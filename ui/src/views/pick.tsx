// For views that show one function while none is selected: the costliest ones, one click away.

import type { TopAnswer } from "../api/types";
import { Bar, formatPercent, Name } from "../panels/cells";
import { NoSamples } from "../flame/pane";
import { ErrorState, Loading } from "../panels/states";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { doc, ofAllocations } from "../state/session";
import { topUrl } from "./urls";

export function PickFunction({ title, text, by }: { title: string; text: string; by: "flat" | "cum" }) {
	const answer = useJSON<TopAnswer>(topUrl(route.value));
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="Counting…" />;
	const total = answer.data.total;
	if (answer.data.rows.length === 0) return <NoSamples />;
	// Of a heap, frames and goroutines are code; variables and types are not.
	const code = answer.data.rows.filter((row) => doc.value?.kind !== "heap" || row.file);
	if (code.every((row) => row[by] === 0) && by === "flat") by = "cum";
	const rows = code.filter((row) => row[by] !== 0).sort((a, b) => b[by] - a[by]).slice(0, 15);
	return (
		<div class="state left">
			<h2>{title}</h2>
			<p class="state-text">{text}</p>
			{doc.value?.kind === "heap" && !ofAllocations.value && (doc.value.sample_types ?? []).some((t) => t.type === "inuse_space") && <p><button class="link" onClick={() => navigate({ type: "inuse_space" })}>Lines that allocated it instead</button></p>}
			<ul class="pick">
				{rows.map((row) => (
					<li key={row.name}>
						<button onClick={() => navigate({ fn: row.name, node: -1 })}>
							<Bar share={row[by] / (total || 1)} text={formatPercent(row[by], total)} />
							<Name name={row.name} />
						</button>
					</li>
				))}
			</ul>
		</div>
	);
}
