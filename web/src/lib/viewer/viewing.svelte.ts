// The photo being looked at, what is known about it, and its neighbours.

import * as assets from '$lib/api/assets';
import { isAbort, reason } from '$lib/api/client';
import { photoOf, type Photo } from '$lib/grid/photo';
import type { Place, Timeline } from '$lib/grid/timeline.svelte';

const at = (place: Place | null): Photo | null => place?.month.photos?.[place.index] ?? null;

export class Viewing {
	photo = $state.raw<Photo | null>(null);
	asset = $state.raw<assets.Asset | null>(null);
	troubles = $state.raw<assets.Trouble[]>([]);
	previous = $state.raw<Photo | null>(null);
	next = $state.raw<Photo | null>(null);
	problem = $state<string | null>(null);
	position = $state<number | null>(null);
	private asking: AbortController | null = null;

	constructor(readonly timeline: Timeline) {}

	/** Shows this photo; finds it on the wall when it can, alone when it is elsewhere. */
	async show(id: string): Promise<void> {
		this.asking?.abort();
		const asking = (this.asking = new AbortController());
		const place = this.timeline.find(id);
		this.problem = null;
		if (this.photo?.id !== id) {
			this.asset = null;
			this.troubles = [];
			this.photo = at(place);
		}
		this.settle(place);
		try {
			const asset = await assets.asset(id, asking.signal);
			this.asset = asset;
			const { stackCount = 0, why, note } = this.photo ?? {};
			this.photo = { ...photoOf(asset), stackCount, ...(why && { why, note }) };
			if (!place) await this.locate(this.photo);
			// A photo with its picture has nothing to tell; a video may have one and still not play.
			if (!asset.thumbhash || asset.type === 'VIDEO') this.troubles = await assets.troubles(id, asking.signal).catch(() => []);
		} catch (thrown) {
			if (!isAbort(thrown)) this.problem = reason(thrown);
		}
	}

	/** The photo that takes this one's place when it is archived or thrown away. */
	get heir(): Photo | null {
		return this.next ?? this.previous;
	}

	async change(changes: assets.Changes): Promise<void> {
		const asset = this.asset;
		if (!asset) return;
		const changed = await assets.change(asset.id, changes);
		this.asset = { ...asset, ...changed };
		const { isFavorite } = changes;
		if (isFavorite !== undefined) this.timeline.patch(new Set([asset.id]), { isFavorite });
	}

	async retry(): Promise<void> {
		if (!this.asset) return;
		await assets.retry(this.asset.id);
		this.troubles = [];
	}

	close() {
		this.asking?.abort();
	}

	/** A person came by a link: the wall is taken to the photo, so that closing the viewer leaves them there. */
	private async locate(photo: Photo) {
		if (!this.timeline.isReady) await this.timeline.refresh();
		const key = this.timeline.monthKey(photo);
		const month = this.timeline.months.find((each) => each.key === key);
		if (!month || !this.timeline.source.hasDays) return;
		await this.timeline.load(month);
		const place = this.timeline.find(photo.id);
		if (!place) return;
		this.timeline.reveal(place);
		this.settle(place);
	}

	private settle(place: Place | null) {
		this.previous = this.next = null;
		this.position = null;
		if (!place) return;
		const before = this.timeline.months.slice(0, this.timeline.months.indexOf(place.month));
		this.position = before.reduce((sum, month) => sum + month.count, 0) + place.index + 1;
		const id = at(place)?.id;
		const isStill = () => this.photo?.id === id;
		void this.timeline.step(place, -1).then((found) => isStill() && (this.previous = at(found)));
		void this.timeline.step(place, 1).then((found) => isStill() && (this.next = at(found)));
	}
}
