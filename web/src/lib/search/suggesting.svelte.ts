// Suggestions for the words being typed; none for a box nobody types into.

import { isAbort } from '$lib/api/client';
import { suggested, type Understood } from '$lib/api/search';

const PAUSE_MS = 120;

export class Suggesting {
	found = $state.raw<readonly Understood[]>([]);
	/** The one the keyboard stands on; -1: the words as they are. */
	at = $state(-1);
	private asking: AbortController | null = null;
	private wait: ReturnType<typeof setTimeout> | undefined;

	typed(words: string) {
		this.stop();
		if (!words.trim()) return this.close();
		this.wait = setTimeout(() => void this.read(words), PAUSE_MS);
	}

	move(step: 1 | -1) {
		const last = this.found.length - 1;
		this.at = this.at + step > last ? -1 : this.at + step < -1 ? last : this.at + step;
	}

	get chosen(): Understood | undefined {
		return this.found[this.at];
	}

	close() {
		this.stop();
		this.found = [];
		this.at = -1;
	}

	private stop() {
		clearTimeout(this.wait);
		this.asking?.abort();
	}

	private async read(words: string) {
		const asking = (this.asking = new AbortController());
		try {
			this.found = await suggested(words, asking.signal);
			this.at = -1;
		} catch (thrown) {
			// The box still searches.
			if (!isAbort(thrown)) this.found = [];
		}
	}
}
