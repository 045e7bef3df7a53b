// The chosen photos. One choice at a time, across the months of one wall.

import { SvelteMap } from 'svelte/reactivity';
import type { Photo } from '$lib/grid/photo';
import type { Place, Timeline } from '$lib/grid/timeline.svelte';

class Selection {
	readonly photos = new SvelteMap<string, Photo>();
	private last: string | null = null;

	get isActive(): boolean {
		return this.photos.size > 0;
	}

	get ids(): string[] {
		return [...this.photos.keys()];
	}

	has(id: string): boolean {
		return this.photos.has(id);
	}

	toggle(photo: Photo) {
		if (!this.photos.delete(photo.id)) this.photos.set(photo.id, photo);
		this.last = photo.id;
	}

	add(photos: Iterable<Photo>) {
		for (const photo of photos) this.photos.set(photo.id, photo);
	}

	/** All when some are missing, none when all are chosen. */
	toggleAll(photos: readonly Photo[]) {
		if (photos.every((photo) => this.photos.has(photo.id))) for (const photo of photos) this.photos.delete(photo.id);
		else this.add(photos);
	}

	/** Everything between the photo chosen last and this one; loads the months in between. */
	async extend(timeline: Timeline, to: Photo) {
		const from = this.last ? timeline.find(this.last) : null;
		const end = timeline.find(to.id);
		if (!from || !end) return this.toggle(to);
		const forward = isBefore(timeline, from, end);
		let place: Place | null = forward ? from : end;
		const stop = forward ? end : from;
		while (place) {
			const photo = place.month.photos?.[place.index];
			if (photo) this.photos.set(photo.id, photo);
			if (place.month === stop.month && place.index === stop.index) break;
			place = await timeline.step(place, 1);
		}
		this.last = to.id;
	}

	clear() {
		this.photos.clear();
		this.last = null;
	}
}

function isBefore(timeline: Timeline, a: Place, b: Place): boolean {
	if (a.month === b.month) return a.index <= b.index;
	return timeline.months.indexOf(a.month) < timeline.months.indexOf(b.month);
}

export const selection = new Selection();
