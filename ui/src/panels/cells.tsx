// Small pieces that several views show the same way.

import { formatChange, formatDelta, formatPercent, formatValue } from "../lib/format";
import { spellings, visible } from "../lib/names";
import { route } from "../state/route";
import { sampleType } from "../state/session";

/** package in grey, the telling part plain; the full name on hover */
export function Name({ name }: { name: string }) {
	const full = visible(name);
	const options = spellings(name);
	const short = options[0] ?? full;
	const member = options[1] ?? short;
	const at = Math.max(0, short.indexOf(member.replace(/\[.*$/, "")));
	return <span class="name" title={full}>{at > 0 && <span class="pkg">{short.slice(0, at)}</span>}{short.slice(at)}</span>;
}

/** A bar of cost behind a number. */
export function Bar({ share, text, tone = "cost" }: { share: number; text: string; tone?: "cost" | "more" | "less" | "plain" }) {
	const width = Number.isFinite(share) ? Math.max(0, Math.min(1, Math.abs(share))) * 100 : 0;
	return <span class="bar"><span class={`fill ${tone}`} style={{ width: `${width}%` }} /><span class="bar-text">{text}</span></span>;
}

export function unitOf(): string {
	return sampleType.value?.unit ?? "count";
}

export function shown(value: number): string {
	return formatValue(value, unitOf(), route.value.unit);
}

export function delta(value: number): string {
	return formatDelta(value, unitOf(), route.value.unit);
}

export { formatChange, formatPercent };
