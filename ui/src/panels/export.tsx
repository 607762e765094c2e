// What is on screen, as a file for elsewhere. The engine writes each format; the page only names it.

import { formatRoute, route } from "../state/route";
import { copyText } from "../state/actions";
import { doc } from "../state/session";
import { flameUrl, topUrl } from "../views/urls";
import { DialogBox } from "./dialog";

const formats: [string, string, string, string][] = [
	["svg", "svg", "Flame graph, SVG", "interactive, opens in any browser"],
	["png", "png", "Flame graph, PNG", "for a chat or a report"],
	["folded", "txt", "Folded stacks", "FlameGraph, inferno, editors"],
	["pprof", "pb.gz", "pprof", "go tool pprof, Pyroscope, Parca"],
	["speedscope", "speedscope.json", "speedscope", "speedscope.app"],
];

export function ExportMenu() {
	const r = route.value;
	const stem = (doc.value?.name ?? "profile").replace(/.*\//, "").replace(/\.(pb\.gz|pprof|gz|prof|out)$/, "");
	const extra: Record<string, string> = { ...(r.root ? { root: String(r.root) } : {}), ...(r.up ? {} : { icicle: "1" }) };
	return (
		<DialogBox title="Export what is shown">
			<ul class="choices">
				{formats.map(([format, end, title, note]) => (
					<li key={format}>
						<a href={`${flameUrl(r, format === "svg" || format === "png" ? extra : {})}&format=${format}&download=1`} download={`${stem}.${end}`}><b>{title}</b><span class="dim">{note}</span></a>
					</li>
				))}
				<li><a href={`${topUrl(r)}&format=csv&download=1`} download={`${stem}.csv`}><b>Table, CSV</b><span class="dim">every function with its cost</span></a></li>
				<li><button onClick={() => copyText(`${location.origin}/${formatRoute(r)}`, "the link")}><b>Copy link</b><span class="dim">this exact view, while gospect runs</span></button></li>
			</ul>
		</DialogBox>
	);
}
