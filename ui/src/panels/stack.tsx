// A stack, innermost call first: names lead on, places open in the editor.

import { baseName, hasPlace, visible } from "../lib/names";
import { openInEditor, openLabel } from "../state/actions";
import { Name } from "./cells";

export interface StackFrame { name: string; file: string; line: number }

export function Stack({ frames, note, hint, pick, source }: { frames: StackFrame[]; note?: string; hint: string; pick(name: string): void; source(name: string): void }) {
	const own = frames.find((f) => !f.name.startsWith("runtime.")) ?? frames[0];
	return (
		<>
			{note && <div class="dim small-note">{note}</div>}
			<ol class="stack">
				{frames.map((f, k) => (
					<li key={k} class={f.name.startsWith("runtime.") ? "muted" : ""}>
						<button class="plain" title={`${visible(f.name)}: ${hint}`} onClick={() => pick(f.name)}><Name name={f.name} /></button>
						{hasPlace(f) && <button class="link where" title={`${visible(f.file)}:${f.line}: ${openLabel()}`} onClick={() => void openInEditor(f.file, f.line)}>{visible(baseName(f.file))}:{f.line}</button>}
					</li>
				))}
			</ol>
			{own && <div class="row-actions"><button class="link" onClick={() => source(own.name)}>Source</button></div>}
		</>
	);
}
