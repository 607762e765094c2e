// Ctrl K: go to a function, a document, a view, or run a command. Plain substring words, no guessing.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SearchAnswer } from "../api/types";
import { visible } from "../lib/names";
import { openPath } from "../state/actions";
import { useJSON } from "../state/answer";
import { commands } from "../state/commands";
import { engineRegex } from "../state/query";
import { navigate, route } from "../state/route";
import { doc, documents, openDoc } from "../state/session";
import { dialog } from "../state/ui";
import { searchUrl } from "../views/urls";
import { Name, formatPercent } from "./cells";
import { DialogBox } from "./dialog";

interface Item { key: string; kind: string; title: string; name?: string; right: string; run(): void }

export function Palette() {
	const [text, setText] = useState("");
	const [asked, setAsked] = useState("");
	const [at, setAt] = useState(0);
	const list = useRef<HTMLUListElement>(null);
	useEffect(() => {
		const timer = setTimeout(() => setAsked(text.trim()), 120);
		return () => clearTimeout(timer);
	}, [text]);
	const profile = (doc.value?.sample_types?.length ?? 0) > 0;
	const found = useJSON<SearchAnswer>(profile && asked.length >= 2 ? searchUrl(route.value, engineRegex(asked)) : null);

	const items = useMemo<Item[]>(() => {
		const words = text.toLowerCase().split(/\s+/).filter(Boolean);
		const fits = (s: string) => words.every((w) => s.toLowerCase().includes(w));
		const close = (run: () => void) => () => {
			dialog.value = "";
			run();
		};
		const out: Item[] = [];
		if (text.startsWith("/") || text.startsWith("~") || text.startsWith("./") || text.startsWith("http"))
			out.push({ key: "open", kind: "open", title: `Open ${text.trim()}`, right: "file, folder or address", run: close(() => void openPath(text.trim())) });
		for (const c of commands()) if (fits(c.title)) out.push({ key: c.id, kind: c.group.toLowerCase(), title: c.title, right: c.keys[0] ?? "", run: close(c.run) });
		for (const d of documents.value) {
			const title = d.title || d.name;
			if (fits(`${title} ${d.name}`)) out.push({ key: `doc${d.id}`, kind: "document", title: visible(title), right: visible(d.name), run: close(() => openDoc(d.id)) });
		}
		if (asked && found.data)
			for (const f of found.data.functions.slice(0, 40))
				out.push({ key: `fn ${f.name}`, kind: "function", title: f.name, name: f.name, right: formatPercent(f.cum, found.data.total), run: close(() => navigate({ fn: f.name, node: -1 })) });
		// Functions are what one looks for by name; commands are few and known.
		return text ? [...out.filter((i) => i.kind === "open"), ...out.filter((i) => i.kind === "function"), ...out.filter((i) => i.kind !== "function" && i.kind !== "open")] : out;
	}, [text, asked, found.data, documents.value]);

	const current = Math.min(at, items.length - 1);
	useEffect(() => list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" }), [current]);
	return (
		<DialogBox title="Go to anything" bare>
			<input
				class="palette-input" autoFocus placeholder="Function, document, command, or a path to open" value={text} spellcheck={false}
				role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={items[current] ? `palette-${current}` : undefined}
				onInput={(e) => { setText(e.currentTarget.value); setAt(0); }}
				onKeyDown={(e) => {
					if (e.key === "ArrowDown") setAt(Math.min(items.length - 1, current + 1));
					else if (e.key === "ArrowUp") setAt(Math.max(0, current - 1));
					else if (e.key === "Enter") items[current]?.run();
					else return;
					e.preventDefault();
				}}
			/>
			<ul class="palette-list" id="palette-list" role="listbox" ref={list}>
				{items.map((item, k) => (
					<li
						key={item.key} id={`palette-${k}`} role="option" aria-selected={k === current}
						onClick={item.run} onPointerMove={() => setAt(k)}
					>
						<span class="kind">{item.kind}</span>
						{item.name ? <Name name={item.name} /> : <span class="name">{item.title}</span>}
						<span class="right">{item.right}</span>
					</li>
				))}
				{items.length === 0 && <li class="none">{found.loading ? "Searching…" : "Nothing has this name"}</li>}
			</ul>
		</DialogBox>
	);
}
