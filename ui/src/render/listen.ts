// Listeners of a canvas' element that go away together, and where the pointer is in it.

export class Listener {
	private readonly off: (() => void)[] = [];

	constructor(private readonly host: HTMLElement) {}

	on<K extends keyof HTMLElementEventMap>(type: K, handle: (event: HTMLElementEventMap[K]) => void, options?: AddEventListenerOptions): void {
		this.host.addEventListener(type, handle, options);
		this.off.push(() => this.host.removeEventListener(type, handle, options));
	}

	local(event: MouseEvent): { x: number; y: number } {
		const box = this.host.getBoundingClientRect();
		return { x: event.clientX - box.left, y: event.clientY - box.top };
	}

	release(): void {
		for (const off of this.off.splice(0)) off();
	}
}
