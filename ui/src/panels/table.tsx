// A table of any length: only the rows on screen exist. Keys move the active row, headers sort, screen readers get a (tree)grid.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface Column<T> {
	key: string;
	title: string;
	/** CSS grid track */
	track: string;
	numeric?: boolean;
	sortable?: boolean;
	hint?: string;
	/** left out where the table is narrower than this, so that names keep their room */
	wide?: number;
	cell(row: T): ComponentChildren;
}

interface Props<T> {
	label: string;
	columns: Column<T>[];
	rows: T[];
	keyOf(row: T): string;
	selected: string;
	onSelect(row: T): void;
	onOpen?(row: T): void;
	onMenu?(row: T, x: number, y: number): void;
	/** "key" ascending or "-key" descending */
	sort?: string;
	onSort?(sort: string): void;
	rowClass?(row: T): string;
	tree?: { level(row: T): number; expanded(row: T): boolean | null; toggle(row: T, open?: boolean): void; parent?(row: T): T | null };
	rowHeight?: number;
}

/** Bare text ends in an ellipsis where it is too long. */
function cut(cell: ComponentChildren): ComponentChildren {
	return typeof cell === "string" ? <span class="cut">{cell}</span> : cell;
}

const overscan = 6;
let serial = 0;

export function VirtualTable<T>(p: Props<T>) {
	const rowHeight = p.rowHeight ?? 24;
	const scroller = useRef<HTMLDivElement>(null);
	const [range, setRange] = useState({ from: 0, to: 40 });
	const [active, setActive] = useState(-1);
	const [width, setWidth] = useState(0);
	const id = useRef(`table-${++serial}`).current;

	const measure = () => {
		const el = scroller.current;
		if (!el) return;
		setWidth(el.clientWidth);
		const from = Math.max(0, Math.floor(el.scrollTop / rowHeight) - overscan);
		const to = Math.ceil((el.scrollTop + el.clientHeight) / rowHeight) + overscan;
		setRange((r) => (r.from === from && r.to === to ? r : { from, to }));
	};
	useLayoutEffect(measure, [p.rows.length]);
	useEffect(() => {
		const el = scroller.current;
		if (!el) return;
		const observer = new ResizeObserver(measure);
		observer.observe(el);
		return () => observer.disconnect();
	}, []);

	const selectedIndex = p.rows.findIndex((row) => p.keyOf(row) === p.selected);
	const current = active >= 0 && active < p.rows.length ? active : selectedIndex;

	// A selection made elsewhere scrolls into view here.
	useEffect(() => {
		if (selectedIndex >= 0) reveal(selectedIndex);
	}, [p.selected, p.rows]);

	const reveal = (index: number) => {
		const el = scroller.current;
		if (!el) return;
		const top = index * rowHeight;
		if (top < el.scrollTop) el.scrollTop = top;
		else if (top + rowHeight > el.scrollTop + el.clientHeight) el.scrollTop = top + rowHeight - el.clientHeight;
	};

	const move = (index: number) => {
		const next = Math.max(0, Math.min(p.rows.length - 1, index));
		const row = p.rows[next];
		if (row === undefined) return;
		setActive(next);
		reveal(next);
		p.onSelect(row);
	};

	const onKey = (event: KeyboardEvent) => {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1);
		const row = p.rows[current];
		switch (event.key) {
			case "ArrowDown": case "j": move(current + 1); break;
			case "ArrowUp": case "k": move(current - 1); break;
			case "PageDown": move(current + page); break;
			case "PageUp": move(current - page); break;
			case "Home": move(0); break;
			case "End": move(p.rows.length - 1); break;
			case "Enter": if (row !== undefined) p.onOpen?.(row); break;
			case "ArrowRight":
				if (!p.tree || row === undefined) return;
				if (p.tree.expanded(row) === false) p.tree.toggle(row, true);
				else move(current + 1);
				break;
			case "ArrowLeft": {
				if (!p.tree || row === undefined) return;
				if (p.tree.expanded(row) === true) p.tree.toggle(row, false);
				else {
					const up = p.tree.parent?.(row) ?? null;
					if (up !== null) move(p.rows.indexOf(up));
				}
				break;
			}
			case "m": case "ContextMenu": {
				if (row === undefined || !p.onMenu || !scroller.current) return;
				const box = scroller.current.getBoundingClientRect();
				p.onMenu(row, box.left + 40, box.top + (current + 1) * rowHeight - scroller.current.scrollTop);
				break;
			}
			default: return;
		}
		event.preventDefault();
		event.stopPropagation();
	};

	const columns = p.columns.filter((c) => !c.wide || !width || width >= c.wide);
	const template = columns.map((c) => c.track).join(" ");
	const rows = p.rows.slice(range.from, range.to);
	return (
		<div
			class="table" role={p.tree ? "treegrid" : "grid"} aria-label={p.label} aria-rowcount={p.rows.length + 1} tabIndex={0}
			aria-activedescendant={current >= 0 ? `${id}-${current}` : undefined} onKeyDown={onKey}
		>
			<div class="thead" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
				{columns.map((c) => {
					const down = p.sort === `-${c.key}`;
					const up = p.sort === c.key;
					const sortable = c.sortable !== false && p.onSort;
					return (
						<div key={c.key} role="columnheader" class={c.numeric ? "num" : ""} title={c.hint} aria-sort={down ? "descending" : up ? "ascending" : "none"}>
							{sortable ? (
								<button class="sort" onClick={() => p.onSort!(down ? c.key : up ? `-${c.key}` : c.numeric ? `-${c.key}` : c.key)}>
									{c.title}<span class="arrow" aria-hidden="true">{down ? "↓" : up ? "↑" : ""}</span>
								</button>
							) : c.title}
						</div>
					);
				})}
			</div>
			<div class="tbody" ref={scroller} onScroll={measure}>
				<div class="tsize" style={{ height: `${p.rows.length * rowHeight}px` }}>
					{rows.map((row, k) => {
						const index = range.from + k;
						const key = p.keyOf(row);
						const expanded = p.tree?.expanded(row);
						return (
							<div
								key={key} id={`${id}-${index}`} role="row" aria-rowindex={index + 2} aria-selected={key === p.selected}
								aria-level={p.tree?.level(row)} aria-expanded={expanded ?? undefined}
								class={`trow ${key === p.selected ? "selected" : ""} ${p.rowClass?.(row) ?? ""}`}
								style={{ gridTemplateColumns: template, top: `${index * rowHeight}px`, height: `${rowHeight}px` }}
								onClick={() => { setActive(index); p.onSelect(row); }}
								onDblClick={() => p.onOpen?.(row)}
								onContextMenu={(event) => {
									if (!p.onMenu) return;
									event.preventDefault();
									setActive(index);
									p.onSelect(row);
									p.onMenu(row, event.clientX, event.clientY);
								}}
							>
								{columns.map((c) => <div key={c.key} role="gridcell" class={c.numeric ? "num" : ""}>{cut(c.cell(row))}</div>)}
							</div>
						);
					})}
				</div>
			</div>
		</div>
	);
}
