// A wall of photos: months with estimated heights that become real ones as they are loaded, without anything on
// screen moving. Positions are wall positions; `window.ts` explains the offset to the scroll element.

import { isAbort, reason } from '$lib/api/client';
import { dayOf, monthOf } from '$lib/time';
import { estimate, layout, rowsWithin, type Layout, type Shape } from './layout';
import { daysOf, type Day, type Photo } from './photo';
import type { Source } from './source';
import { anchor, stack, within, type Span } from './window';

export type Month = Span & {
	key: string;
	count: number;
	photos: Photo[] | null;
	days: Day[];
	layout: Layout | null;
	isStale: boolean;
	loading: AbortController | null;
};

export type Place = { month: Month; index: number };

/** The line that names a month stands above its first day. */
export const MONTH_HEAD_PX = 56;
const KEEP_LOADED = 40;
const RETRY_MS = 5_000;
const FRESH_MS = 2_000;

export class Timeline {
	/** Rises whenever anything a drawing depends on has changed. */
	version = $state(0);
	isReady = $state(false);
	trouble = $state<string | null>(null);
	total = $state(0);
	photoCount = $state(0);
	offset = $state(0);
	/** Where the scroll element must be put next; null when it is right. */
	wantedScrollTop = $state<number | null>(null);

	/** A wall nobody looks at is refreshed when it is looked at again. */
	isShown = false;
	months: Month[] = [];
	wallTop = 0;
	viewport = 0;
	private shape: Shape | null = null;
	private listing: AbortController | null = null;
	private readAt = -Infinity;
	private refreshDue = Infinity;
	private refreshTimer: ReturnType<typeof setTimeout> | undefined;
	private touched = new Set<string>();
	private hidden = new Set<string>();

	constructor(readonly source: Source) {}

	/** Reads which months there are. Loaded months whose count changed are read again. */
	async refresh(touched: Iterable<string> = []): Promise<void> {
		for (const key of touched) this.touched.add(key);
		this.listing?.abort();
		const listing = (this.listing = new AbortController());
		try {
			const found = await this.source.buckets(listing.signal);
			const stale = this.touched;
			this.touched = new Set();
			this.trouble = null;
			this.change(() => this.adopt(found, stale));
			this.isReady = true;
			this.readAt = performance.now();
			// Not on screen yet: the newest month is what will be seen first.
			if (!this.shape && this.months[0]) void this.load(this.months[0]);
			this.loadAround();
		} catch (thrown) {
			if (!isAbort(thrown)) this.trouble = reason(thrown);
		}
	}

	/** What the server told unasked: the months, and the photos of the newest. */
	begin(found: { key: string; count: number }[], first: { key: string; photos: Photo[] } | null) {
		if (this.isReady) return;
		this.change(() => {
			this.adopt(found, new Set());
			const month = first && this.months.find((each) => each.key === first.key);
			if (month) this.fill(month, first.photos);
		});
		this.isReady = true;
		this.readAt = performance.now();
	}

	/** For a wall that comes on screen: it may have been read a moment ago. */
	refreshIfOld() {
		const isBeingRead = this.listing !== null && !this.isReady && !this.trouble;
		if (!isBeingRead && performance.now() - this.readAt > FRESH_MS) void this.refresh();
	}

	/** Many events in a burst (an upload of 300 photos) become few looks. */
	refreshSoon(touched: Iterable<string> = [], delayMs = 400) {
		for (const key of touched) this.touched.add(key);
		const due = performance.now() + delayMs;
		if (!this.isShown || this.refreshDue <= due) return;
		clearTimeout(this.refreshTimer);
		this.refreshDue = due;
		this.refreshTimer = setTimeout(() => {
			this.refreshDue = Infinity;
			void this.refresh();
		}, delayMs);
	}

	setShape(shape: Shape, viewport: number) {
		this.viewport = viewport;
		const old = this.shape;
		if (old && old.width === shape.width && old.rowHeight === shape.rowHeight && old.columns === shape.columns) return;
		this.change(() => {
			this.shape = { ...shape, headHeight: this.source.hasDays ? shape.headHeight : 0 };
			for (const month of this.months) this.measure(month);
		});
		this.loadAround();
	}

	get columnsShape(): Shape | null {
		return this.shape;
	}

	/** Called with where the person is now. */
	moved(wallTop: number) {
		this.wallTop = wallTop;
	}

	scrollTo(wallTop: number) {
		const placed = anchor(wallTop, this.total, this.viewport);
		this.offset = placed.offset;
		this.wantedScrollTop = placed.scrollTop;
		this.wallTop = placed.scrollTop + placed.offset;
		this.version++;
	}

	/** Loads the months in sight and one screen around; gives up those a fast scroll has left behind. */
	loadAround() {
		if (!this.shape || !this.viewport) return;
		const [from, to] = within(this.months, this.wallTop - this.viewport, this.wallTop + 2 * this.viewport);
		this.months.forEach((month, i) => {
			if (i >= from && i < to) void this.load(month);
			else month.loading?.abort();
		});
		this.forget(from, to);
	}

	async load(month: Month): Promise<void> {
		if ((month.photos && !month.isStale) || month.loading) return;
		const loading = (month.loading = new AbortController());
		month.isStale = false;
		let changedMeanwhile = false;
		try {
			const photos = await this.source.photos(month.key, loading.signal);
			changedMeanwhile = month.isStale;
			this.change(() => this.fill(month, photos));
			this.trouble = null;
		} catch (thrown) {
			month.isStale = month.photos !== null;
			if (!isAbort(thrown)) {
				this.trouble = reason(thrown);
				setTimeout(() => this.loadAround(), RETRY_MS);
			}
		} finally {
			month.loading = null;
		}
		if (changedMeanwhile) void this.load(month);
	}

	/** The photo and where it is, among what is loaded. */
	find(id: string): Place | null {
		for (const month of this.months) {
			const index = month.photos?.findIndex((photo) => photo.id === id) ?? -1;
			if (index >= 0) return { month, index };
		}
		return null;
	}

	photo(id: string): Photo | null {
		const place = this.find(id);
		return place?.month.photos?.[place.index] ?? null;
	}

	/** The photo `step` further on; loads the next month when it has to. */
	async step(from: Place, step: 1 | -1): Promise<Place | null> {
		const index = from.index + step;
		if (from.month.photos && index >= 0 && index < from.month.photos.length) return { month: from.month, index };
		for (let i = this.months.indexOf(from.month) + step; i >= 0 && i < this.months.length; i += step) {
			const month = this.months[i];
			if (!month) break;
			await this.load(month);
			const count = month.photos?.length ?? 0;
			if (count > 0) return { month, index: step > 0 ? 0 : count - 1 };
		}
		return null;
	}

	/** Wall positions of a photo's box. */
	box(place: Place): { top: number; bottom: number } {
		const laid = place.month.layout;
		const top = place.month.top + this.headPx + (laid?.y[place.index] ?? 0);
		return { top, bottom: top + (laid?.h[place.index] ?? 0) };
	}

	/** Scrolls only as far as needed to have the photo in sight, with some air. */
	reveal(place: Place, air = 80) {
		const { top, bottom } = this.box(place);
		if (top < this.wallTop + air) this.scrollTo(top - air);
		else if (bottom > this.wallTop + this.viewport - air) this.scrollTo(bottom - this.viewport + air);
	}

	/** Takes photos off the wall at once and keeps them off while the server is being asked, whatever it still answers. */
	hide(ids: ReadonlySet<string>) {
		for (const id of ids) this.hidden.add(id);
		this.removePhotos(ids);
	}

	/** The server has answered: what it says about these photos counts again. */
	settle(ids: ReadonlySet<string>) {
		for (const id of ids) this.hidden.delete(id);
		this.refreshSoon();
	}

	removePhotos(ids: ReadonlySet<string>) {
		this.change(() => {
			for (const month of this.months) {
				if (!month.photos?.some((photo) => ids.has(photo.id))) continue;
				const kept = month.photos.filter((photo) => !ids.has(photo.id));
				month.count -= month.photos.length - kept.length;
				this.setPhotos(month, kept);
			}
			this.months = this.months.filter((month) => month.count > 0);
		});
		this.loadAround();
	}

	patch(ids: ReadonlySet<string>, changes: Partial<Photo>) {
		this.change(() => {
			for (const month of this.months)
				if (month.photos?.some((photo) => ids.has(photo.id)))
					month.photos = month.photos.map((photo) => (ids.has(photo.id) ? { ...photo, ...changes } : photo));
		});
	}

	monthKey(photo: Photo): string {
		return monthOf(dayOf(photo.wallMs));
	}

	get headPx(): number {
		return this.source.hasDays ? MONTH_HEAD_PX : 0;
	}

	/** Runs a change of heights while the photo at the top of the screen stays where it is. */
	private change(act: () => void) {
		const held = this.hold();
		act();
		this.total = stack(this.months);
		this.photoCount = this.months.reduce((sum, month) => sum + month.count, 0);
		const now = held ? this.whereIs(held) : null;
		if (now !== null && now !== this.wallTop) {
			this.offset += now - this.wallTop;
			this.wallTop = now;
		}
		if (this.wallTop > this.total - this.viewport && this.offset !== 0) this.scrollTo(this.wallTop);
		this.version++;
	}

	private hold(): Held | null {
		// At the very top a person wants to see what is new, not to stay where they were.
		if (this.wallTop <= 0) return null;
		const [from, to] = within(this.months, this.wallTop, this.wallTop + this.viewport);
		// A photo in sight is the best hold; without one, the same share of the month at the top.
		for (const month of this.months.slice(from, to)) {
			const held = this.holdPhoto(month);
			if (held) return held;
		}
		const month = this.months[from];
		return month ? { key: month.key, id: null, below: 0, share: month.height ? (this.wallTop - month.top) / month.height : 0 } : null;
	}

	private holdPhoto(month: Month): Held | null {
		if (!month.layout || !month.photos) return null;
		const inside = this.wallTop - month.top - this.headPx;
		const [row] = rowsWithin(month.layout.rows, inside, inside + this.viewport);
		const first = month.layout.rows[row];
		const photo = first ? month.photos[first.from] : undefined;
		return first && photo ? { key: month.key, id: photo.id, below: inside - first.y, share: 0 } : null;
	}

	private whereIs(held: Held): number | null {
		const month = this.months.find((each) => each.key === held.key);
		if (!month) return null;
		const index = held.id === null ? -1 : (month.photos?.findIndex((photo) => photo.id === held.id) ?? -1);
		if (index >= 0 && month.layout) return month.top + this.headPx + (month.layout.y[index] ?? 0) + held.below;
		return month.top + held.share * month.height;
	}

	private adopt(found: { key: string; count: number }[], stale: ReadonlySet<string>) {
		const known = new Map(this.months.map((month) => [month.key, month]));
		this.months = found.map(({ key, count }) => {
			const month = known.get(key);
			if (!month) {
				const fresh: Month = { key, count, photos: null, days: [], layout: null, isStale: false, loading: null, top: 0, height: 0 };
				this.measure(fresh);
				return fresh;
			}
			if (stale.has(key) || (month.photos && isOutdated(month.photos, count))) month.isStale = true;
			month.count = count;
			if (!month.photos) this.measure(month);
			return month;
		});
	}

	private fill(month: Month, photos: Photo[]) {
		const shown = this.hidden.size > 0 ? photos.filter((photo) => !this.hidden.has(photo.id)) : photos;
		month.count = shown.length;
		this.setPhotos(month, shown);
	}

	private setPhotos(month: Month, photos: Photo[]) {
		month.photos = photos;
		month.days = this.source.hasDays ? daysOf(photos) : [{ day: '', from: 0, to: photos.length, place: null }];
		this.measure(month);
	}

	private measure(month: Month) {
		if (!this.shape) return;
		if (month.photos) {
			const ratios = month.photos.map((photo) => photo.ratio);
			const continues = !this.source.hasDays && month !== this.months.at(-1);
			month.layout = layout(ratios, month.days, { ...this.shape, continues });
			month.height = month.layout.height + this.headPx;
		} else {
			month.layout = null;
			month.height = estimate(month.count, this.shape) + this.headPx;
		}
	}

	/** Memory stays flat: months far from the screen keep their height and lose their photos. */
	private forget(from: number, to: number) {
		let loaded = 0;
		for (const month of this.months) if (month.photos) loaded++;
		if (loaded <= KEEP_LOADED) return;
		this.months.forEach((month, i) => {
			if (!month.photos || (i >= from - KEEP_LOADED / 4 && i < to + KEEP_LOADED / 4)) return;
			month.photos = null;
			month.days = [];
			month.layout = null;
		});
	}
}

/** Another number of photos, or some still without a picture when last seen. */
const isOutdated = (photos: readonly Photo[], count: number) => photos.length !== count || photos.some((photo) => !photo.thumbhash);

type Held = { key: string; id: string | null; below: number; share: number };

const walls = new Map<string, Timeline>();

/** The wall with this name, as it was left. */
export function wall(source: Source): Timeline {
	let known = walls.get(source.name);
	if (!known) walls.set(source.name, (known = new Timeline(source)));
	return known;
}

export function eachWall(act: (timeline: Timeline) => void) {
	for (const timeline of walls.values()) act(timeline);
}

/** Forgets one wall: what was behind a lock does not stay in memory. */
export function clearWall(source: Source) {
	walls.delete(source.name);
}

/** Forgets everything: another person may sign in next. */
export function clearWalls() {
	walls.clear();
}
