import { useLayoutEffect, useState } from "preact/hooks";

/** Width and height in CSS pixels of what `host` holds, before the first frame and after every change; [0, 0] while it holds nothing. */
export function useSize(host: { readonly current: HTMLElement | null }): [number, number] {
	const [size, setSize] = useState<[number, number]>([0, 0]);
	useLayoutEffect(() => {
		const el = host.current;
		if (!el) return;
		const measure = () => setSize((s) => (s[0] === el.clientWidth && s[1] === el.clientHeight ? s : [el.clientWidth, el.clientHeight]));
		measure();
		const observer = new ResizeObserver(measure);
		observer.observe(el);
		return () => observer.disconnect();
	}, []);
	return size;
}
