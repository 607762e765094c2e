// The menu of one frame: look closer, reshape the graph around it, take it elsewhere.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { visible } from "../lib/names";
import { addTransform, copyText, openInEditor, openLabel } from "../state/actions";
import { navigate } from "../state/route";
import { doc, ofAllocations } from "../state/session";
import { menu, type Menu } from "../state/ui";
import { isType } from "../heap/ask";
import { packageOf, quoteRegex } from "../lib/names";

interface Entry { title: string; note?: string; run(): void; off?: boolean }

function entries(m: Menu): (Entry | null)[] {
	const pkg = packageOf(m.name);
	const fn = { fn: m.name, node: m.node };
	if (doc.peek()?.kind === "heap" && !ofAllocations.peek())
		return [
			{ title: "Focus this step", note: "Enter", run: () => navigate({ ...fn, root: m.node }), off: m.node < 0 },
			...(isType(m.name) ? [
				{ title: "References", note: "by type", run: () => navigate({ ...fn, view: "refs", around: m.name, opened: [] }) },
				{ title: "All objects of the type", run: () => navigate({ ...fn, view: "heap", list: "objects", query: "" }) },
			] : []),
			{ title: openLabel(), run: () => void openInEditor(m.file, m.line), off: !m.file },
			null,
			{ title: "Only ways with it", run: () => addTransform("only-function", m.name) },
			{ title: "Drop ways with it", run: () => addTransform("drop-function", m.name) },
			{ title: "Search for it", run: () => navigate({ query: `^${quoteRegex(m.name)}$`, mode: "highlight" }) },
			{ title: "Copy name", run: () => void copyText(m.name, "the name") },
		];
	return [
		{ title: "Focus this frame", note: "Enter", run: () => navigate({ ...fn, root: m.node }), off: m.node < 0 },
		...(doc.peek()?.kind === "heap" ? [] : [{ title: "Callers and callees", run: () => navigate({ ...fn, view: "sandwich" }) }]),
		...(doc.peek()?.kind === "trace" ? [{ title: "Mark in the timeline", note: "every moment of it", run: () => navigate({ ...fn, view: "timeline" }) }] : []),
		{ title: "Source", run: () => navigate({ ...fn, view: "source" }) },
		{ title: openLabel(), run: () => void openInEditor(m.file, m.line), off: !m.file },
		null,
		{ title: "Focus on function", note: "cuts what is above it", run: () => addTransform("focus-function", m.name) },
		{ title: "Only samples with it", run: () => addTransform("only-function", m.name) },
		{ title: "Focus on this subtree", note: "these stacks only", run: () => addTransform("focus-subtree", String(m.node)), off: m.node < 0 },
		{ title: "Hide function", note: "merges it into its callers", run: () => addTransform("hide-function", m.name) },
		{ title: "Collapse what it calls", note: "into its own cost", run: () => addTransform("collapse-function", m.name) },
		{ title: "Drop samples with it", run: () => addTransform("drop-function", m.name) },
		{ title: "Collapse its recursion", run: () => addTransform("collapse-recursion", m.name) },
		{ title: `Collapse package ${visible(pkg)}`, run: () => addTransform("collapse-package", pkg), off: !pkg },
		null,
		{ title: "Search for it", run: () => navigate({ query: `^${quoteRegex(m.name)}$`, mode: "highlight" }) },
		{ title: "Copy name", run: () => void copyText(m.name, "the name") },
		{ title: "Copy stack", run: () => void copyText(m.path.slice(1).join(";"), "the stack"), off: m.path.length < 2 },
	];
}

export function FrameMenu() {
	const m = menu.value;
	const ref = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		const el = ref.current;
		if (!el || !m) return;
		const box = el.getBoundingClientRect();
		el.style.left = `${Math.max(4, Math.min(m.x, innerWidth - box.width - 4))}px`;
		el.style.top = `${Math.max(4, Math.min(m.y, innerHeight - box.height - 4))}px`;
		el.querySelector<HTMLElement>("button:not(:disabled)")?.focus();
	}, [m]);
	useEffect(() => {
		if (!m) return;
		const away = (e: Event) => {
			if (!ref.current?.contains(e.target as Node)) menu.value = null;
		};
		addEventListener("pointerdown", away, true);
		addEventListener("wheel", away, true);
		return () => {
			removeEventListener("pointerdown", away, true);
			removeEventListener("wheel", away, true);
		};
	}, [m]);
	if (!m || !m.name) return null;
	const opener = document.activeElement as HTMLElement | null;
	const close = () => {
		menu.value = null;
		(document.querySelector<HTMLElement>(".canvas-host") ?? opener)?.focus();
	};
	const onKey = (e: KeyboardEvent) => {
		const all = [...(ref.current?.querySelectorAll<HTMLButtonElement>("button:not(:disabled)") ?? [])];
		const at = all.indexOf(document.activeElement as HTMLButtonElement);
		if (e.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
		else if (e.key === "ArrowUp") all[(at - 1 + all.length) % all.length]?.focus();
		else if (e.key === "Escape" || e.key === "Tab") close();
		else if (e.key.length === 1) all.slice(at + 1).concat(all).find((b) => b.textContent?.toLowerCase().startsWith(e.key.toLowerCase()))?.focus();
		else return;
		e.preventDefault();
		e.stopPropagation();
	};
	return (
		<div class="menu" role="menu" aria-label={`Actions for ${visible(m.name)}`} ref={ref} onKeyDown={onKey}>
			<div class="menu-head" title={visible(m.name)}>{visible(m.name)}</div>
			{entries(m).map((e, k) =>
				e ? (
					<button key={k} role="menuitem" tabIndex={-1} disabled={e.off} onClick={() => { close(); e.run(); }}>
						<span>{e.title}</span>{e.note && <span class="dim">{e.note}</span>}
					</button>
				) : <hr key={k} />,
			)}
		</div>
	);
}
