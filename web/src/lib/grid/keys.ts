// The keyboard on a wall: moving, choosing, opening, and the letters of the actions.

import { ACTIONS, isPossible } from '$lib/actions/photos';
import { direction } from '$lib/text/direction.svelte';
import { selection } from '$lib/state/selection.svelte';
import { neighbourRow, nearestInRow } from './layout';
import type { Photo } from './photo';
import type { Place, Timeline } from './timeline.svelte';

type Wall = {
	timeline: Timeline;
	id: string | null;
	focus: (id: string) => Promise<void>;
	open: (id: string) => void;
	viewport: number;
};

export function isTyping(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

const photoOf = (place: Place | null): Photo | null => place?.month.photos?.[place.index] ?? null;

export async function gridKey(event: KeyboardEvent, wall: Wall): Promise<void> {
	if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
	const { timeline } = wall;
	const place = wall.id ? timeline.find(wall.id) : null;
	const isWithin = (selector: string) => event.target instanceof Element && event.target.closest(selector) !== null;
	const isOnPhoto = isWithin('[data-photo]');
	/** Focus is nowhere in particular, or on the wall: arrows and the space bar are ours. */
	const isFree = event.target === document.body || isOnPhoto || isWithin('[data-mark]');
	const photo = photoOf(place);

	if (event.key === 'Escape' && selection.isActive) {
		event.preventDefault();
		selection.clear();
		return;
	}
	if (event.ctrlKey || event.metaKey || event.altKey) {
		if ((event.ctrlKey || event.metaKey) && event.key === 'a' && isFree) {
			event.preventDefault();
			for (const month of timeline.months) selection.add(month.photos ?? []);
		}
		return;
	}
	const action = ACTIONS.filter((each) => each.key === event.key);
	const chosen = selection.isActive ? [...selection.photos.values()] : photo && isOnPhoto ? [photo] : [];
	const possible = action.find((each) => isPossible(each, chosen, timeline.source.name));
	if (possible) {
		event.preventDefault();
		await possible.run(chosen);
		return;
	}
	if (isFree) await move(event, wall, place, isOnPhoto);
}

async function move(event: KeyboardEvent, wall: Wall, place: Place | null, isOnPhoto: boolean): Promise<void> {
	const { timeline } = wall;
	const photo = photoOf(place);
	const scroll = SCROLLS[event.key];
	if (scroll) {
		event.preventDefault();
		timeline.scrollTo(scroll(timeline, wall.viewport));
		timeline.loadAround();
		return;
	}
	if (MOVES.has(event.key) && place) {
		event.preventDefault();
		const next = isOnPhoto ? photoOf(await neighbour(timeline, place, direction.key(event.key))) : photo;
		if (next && event.shiftKey) {
			if (photo && !selection.has(photo.id)) selection.toggle(photo);
			await selection.extend(timeline, next);
		}
		if (next) await wall.focus(next.id);
		return;
	}
	if (event.key === 'Enter' && photo && isOnPhoto) {
		event.preventDefault();
		wall.open(photo.id);
		return;
	}
	if ((event.key === ' ' || event.key === 'x') && photo && isOnPhoto) {
		event.preventDefault();
		selection.toggle(photo);
		return;
	}
}

const MOVES = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']);

const SCROLLS: Record<string, (timeline: Timeline, viewport: number) => number> = {
	Home: () => 0,
	End: (timeline) => timeline.total,
	PageUp: (timeline, viewport) => timeline.wallTop - viewport * 0.9,
	PageDown: (timeline, viewport) => timeline.wallTop + viewport * 0.9
};

async function neighbour(timeline: Timeline, place: Place, key: string): Promise<Place | null> {
	if (key === 'ArrowLeft') return timeline.step(place, -1);
	if (key === 'ArrowRight') return timeline.step(place, 1);
	const step = key === 'ArrowUp' ? -1 : 1;
	const laid = place.month.layout;
	const index = laid ? neighbourRow(laid, place.index, step) : null;
	if (index !== null) return { month: place.month, index };
	const beyond = timeline.months[timeline.months.indexOf(place.month) + step];
	if (!beyond || !laid) return null;
	await timeline.load(beyond);
	const row = beyond.layout?.rows.at(step > 0 ? 0 : -1);
	if (!row || !beyond.layout) return null;
	const middle = (laid.x[place.index] ?? 0) + (laid.w[place.index] ?? 0) / 2;
	return { month: beyond, index: nearestInRow(beyond.layout, row, middle) };
}
