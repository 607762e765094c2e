// Numbers with units, as a person reads them. The engine always sends raw values; scaling happens here only.

interface Scale { name: string; label: string; factor: number }
interface Family { aliases: Record<string, number>; scales: Scale[] }

const families: Family[] = [
	{
		aliases: {
			nanoseconds: 1, nanosecond: 1, ns: 1, microseconds: 1e3, us: 1e3, milliseconds: 1e6, ms: 1e6,
			seconds: 1e9, second: 1e9, s: 1e9, minutes: 60e9, hours: 3600e9,
		},
		scales: [
			{ name: "ns", label: "ns", factor: 1 },
			{ name: "us", label: "µs", factor: 1e3 },
			{ name: "ms", label: "ms", factor: 1e6 },
			{ name: "s", label: "s", factor: 1e9 },
			{ name: "min", label: "min", factor: 60e9 },
			{ name: "h", label: "h", factor: 3600e9 },
		],
	},
	{
		aliases: {
			bytes: 1, byte: 1, b: 1, kilobytes: 1024, kb: 1024, megabytes: 1024 ** 2, mb: 1024 ** 2,
			gigabytes: 1024 ** 3, gb: 1024 ** 3,
		},
		scales: [
			{ name: "B", label: "B", factor: 1 },
			{ name: "kB", label: "kB", factor: 1024 },
			{ name: "MB", label: "MB", factor: 1024 ** 2 },
			{ name: "GB", label: "GB", factor: 1024 ** 3 },
			{ name: "TB", label: "TB", factor: 1024 ** 4 },
		],
	},
];

function family(unit: string): { family: Family; toBase: number } | null {
	const key = unit.toLowerCase();
	for (const f of families) {
		const toBase = f.aliases[key];
		if (toBase !== undefined) return { family: f, toBase };
	}
	return null;
}

/** The units a value of `unit` can be shown in, for the unit switch. */
export function unitChoices(unit: string): { name: string; label: string }[] {
	const f = family(unit);
	return f ? f.family.scales : [];
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 1,234 */
export function formatCount(value: number): string {
	return grouped.format(value).replace("-", "−");
}

function digits(value: number): string {
	const a = Math.abs(value);
	if (a === 0) return "0";
	if (a >= 1000) return grouped.format(value);
	if (a >= 100) return value.toFixed(0);
	if (a >= 10) return value.toFixed(1);
	if (a >= 0.01) return value.toFixed(2);
	return value.toPrecision(1);
}

/** A raw value of `unit`, scaled to `want` ("auto": the largest scale that keeps it at 1 or more). */
export function formatValue(value: number, unit: string, want = "auto"): string {
	const f = family(unit);
	if (!f) return unit === "count" || unit === "" ? formatCount(value) : `${formatCount(value)} ${unit}`;
	if (value === 0) return "0";
	const base = value * f.toBase;
	let scale = f.family.scales.find((s) => s.name === want);
	if (!scale) {
		scale = f.family.scales[0]!;
		for (const s of f.family.scales) if (Math.abs(base) >= s.factor * 0.9995) scale = s;
		if (scale.name === "min" || scale.name === "h") scale = Math.abs(base) < 600e9 ? f.family.scales[3]! : scale;
	}
	const text = scale.factor === 1 && Number.isInteger(base) ? grouped.format(base) : digits(base / scale.factor);
	return `${text.replace("-", "−")} ${scale.label}`;
}

/** Like formatValue with an explicit sign; zero has none. */
export function formatDelta(value: number, unit: string, want = "auto"): string {
	return value > 0 ? `+${formatValue(value, unit, want)}` : formatValue(value, unit, want);
}

export function formatPercent(part: number, whole: number): string {
	if (whole === 0) return part === 0 ? "0 %" : "–";
	const pct = (100 * part) / whole;
	const a = Math.abs(pct);
	if (a !== 0 && a < 0.01) return pct < 0 ? ">−0.01 %" : "<0.01 %";
	return `${pct.toFixed(a >= 99.95 || a === 0 ? 0 : a >= 10 ? 1 : 2).replace("-", "−")} %`;
}

/** Relative change against a base; new and removed have no percentage. */
export function formatChange(now: number, base: number): string {
	if (base === 0) return now === 0 ? "" : "new";
	if (now === 0) return "removed";
	const pct = (100 * (now - base)) / base;
	if (Math.abs(pct) >= 1000) return `×${digits(now / base)}`;
	const text = pct.toFixed(Math.abs(pct) >= 10 ? 0 : 1).replace("-", "−");
	return `${pct > 0 ? "+" : ""}${text} %`;
}

/** 3 min 20 s, for waits and ages. */
export function formatDuration(ns: number): string {
	if (ns < 60e9) return formatValue(ns, "nanoseconds");
	const s = Math.round(ns / 1e9);
	if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
	const h = Math.floor(s / 3600);
	const m = Math.floor((s % 3600) / 60);
	return `${h} h${m ? ` ${m} min` : ""}`;
}

export function formatTime(ns: number): string {
	const d = new Date(ns / 1e6);
	const two = (n: number) => String(n).padStart(2, "0");
	return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}
