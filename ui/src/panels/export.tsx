// What is on screen, as a file for elsewhere. The engine writes each format; the page only names it.

import { formatRoute, route } from "../state/route";
import { copyText } from "../state/actions";
import { doc } from "../state/session";
import { convertUrl, flameUrl, topUrl } from "../views/urls";
import { DialogBox } from "./dialog";

/** operation, its arguments, ending of the file, title, what for */
const formats: [string, string, string, string, string][] = [
	["flame", "format=svg", "svg", "Flame graph, SVG", "interactive, opens in any browser"],
	["flame", "format=png", "png", "Flame graph, PNG", "for a chat or a report"],
	["convert", "format=pprof", "pb.gz", "pprof", "go tool pprof, Pyroscope, Parca"],
	["convert", "format=folded", "folded", "Folded stacks", "FlameGraph, inferno"],
	["convert", "format=folded&lines=1", "lines.folded", "Folded stacks with file and line", "perfanno.nvim, flamegraph.el"],
	["convert", "format=speedscope", "speedscope.json", "speedscope", "speedscope.app"],
	["convert", "format=callgrind", "callgrind", "callgrind", "KCachegrind"],
];

export function ExportMenu() {
	const r = route.value;
	const stem = (doc.value?.name ?? "profile").replace(/.*\//, "").replace(/\.(pb\.gz|pprof|gz|prof|out)$/, "");
	const extra: Record<string, string> = { ...(r.root ? { root: String(r.root) } : {}), ...(r.up ? {} : { icicle: "1" }) };
	return (
		<DialogBox title="Export what is shown">
			<ul class="choices">
				{formats.map(([operation, how, end, title, note]) => (
					<li key={how}>
						<a href={`${operation === "flame" ? flameUrl(r, extra) : convertUrl(r)}&${how}&download=1`} download={`${stem}.${end}`}><b>{title}</b><span class="dim">{note}</span></a>
					</li>
				))}
				<li><a href={`${topUrl(r)}&format=csv&download=1`} download={`${stem}.csv`}><b>Table, CSV</b><span class="dim">every function with its cost</span></a></li>
				<li><button onClick={() => copyText(`${location.origin}/${formatRoute(r)}`, "the link")}><b>Copy link</b><span class="dim">this exact view, while gospect runs</span></button></li>
			</ul>
		</DialogBox>
	);
}
