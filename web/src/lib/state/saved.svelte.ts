// A value that survives a reload, on this device only.

export class Saved<T extends string | number | boolean> {
	private current: T = $state()!;

	constructor(
		private readonly key: string,
		fallback: T
	) {
		this.current = read(key, fallback);
	}

	get value(): T {
		return this.current;
	}

	set value(next: T) {
		this.current = next;
		try {
			localStorage.setItem(this.key, JSON.stringify(next));
		} catch {
			// Private windows may refuse storage; the value then lives as long as the page.
		}
	}
}

function read<T>(key: string, fallback: T): T {
	try {
		const text = localStorage.getItem(key);
		const value: unknown = text === null ? null : JSON.parse(text);
		return typeof value === typeof fallback ? (value as T) : fallback;
	} catch {
		return fallback;
	}
}
