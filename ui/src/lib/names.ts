// Names as text for narrow places: what tells functions apart stays, what they share goes first.

// Bidirectional controls are in the class so that a name cannot reorder the text around it.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Control and direction characters made visible: a name may not break a line or turn the text around it. */
export function visible(text: string): string {
	return text.replace(CONTROL, (c) => {
		const code = c.charCodeAt(0);
		if (c === "\n") return "\\n";
		if (c === "\t") return "\\t";
		return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
	});
}

/** The spellings of a Go function from long to short: http.(*Server).Serve, (*Server).Serve, Serve. */
export function spellings(name: string): string[] {
	const out: string[] = [];
	const add = (s: string) => {
		// The linker writes a dot in the last part of an import path as %2e.
		const readable = s.replaceAll("%2e", ".");
		if (readable && out[out.length - 1] !== readable) out.push(readable);
	};
	let clean = visible(name);
	// Type arguments hold slashes and dots of their own: shorten what stands before them.
	const bracket = clean.indexOf("[");
	let tail = "";
	if (bracket > 0) {
		tail = clean.slice(bracket);
		clean = clean.slice(0, bracket);
	}
	const afterSlash = clean.slice(clean.lastIndexOf("/") + 1);
	add(afterSlash + (tail === "" ? "" : tail.length > 12 ? tail.replace(/^\[.*?\](?=\.|$)/, "[…]") : tail));
	const shortTail = tail.replace(/^\[.*\]/, "");
	const dot = afterSlash.indexOf(".");
	if (dot >= 0) {
		const member = afterSlash.slice(dot + 1);
		add(member + shortTail);
		const method = member.match(/^\(?\*?[^.)]*\)?\.(.+)$/);
		if (method && !/^func\d/.test(method[1]!)) add(method[1]! + shortTail);
	}
	return out.length ? out : [visible(name)];
}

const ellipsis = "…";

/** The longest spelling that `measure` says fits, cut at the end when even the shortest is too long; "" when nothing useful fits. */
export function fitName(candidates: string[], width: number, measure: (text: string) => number): string {
	for (const c of candidates) if (measure(c) <= width) return c;
	const last = candidates[candidates.length - 1] ?? "";
	let low = 0;
	let high = last.length;
	while (low < high) {
		const mid = (low + high + 1) >> 1;
		if (measure(last.slice(0, mid) + ellipsis) <= width) low = mid;
		else high = mid - 1;
	}
	return low >= 2 ? last.slice(0, low) + ellipsis : "";
}

/** The package of a function name, for colouring when the engine sent none. */
export function packageOf(name: string): string {
	const slash = name.lastIndexOf("/");
	const dot = name.indexOf(".", slash + 1);
	return dot > 0 ? name.slice(0, dot) : "";
}

export function baseName(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

/** The characters with a meaning in regular expressions, quoted; also those with a meaning in label filters. */
export function quoteRegex(text: string): string {
	return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Of a frame: whether it is known where its source is. */
export const hasPlace = (f: { file: string }) => f.file !== "" && f.file !== "?";
