// Pulling the mouse from a check mark, or over photos once some are chosen, chooses all it passes.

import { selection } from '$lib/state/selection.svelte';
import type { Timeline } from './timeline.svelte';

export class Pull {
	/** True from the second photo on: the click that ends it is not a click. */
	isOn = false;
	private from: string | null = null;

	press(event: PointerEvent, mark: string | null, photo: string | null) {
		this.isOn = false;
		const isPulling = event.pointerType === 'mouse' && event.button === 0 && !event.shiftKey;
		this.from = isPulling ? (mark ?? (selection.isActive ? photo : null)) : null;
	}

	over(event: PointerEvent, id: string | null, timeline: Timeline) {
		if (!this.from || event.buttons !== 1 || !id || (id === this.from && !this.isOn)) return;
		const [from, to] = [timeline.photo(this.from), timeline.photo(id)];
		if (!from || !to) return;
		this.isOn = true;
		if (!selection.has(from.id)) selection.toggle(from);
		void selection.extend(timeline, to);
	}
}
