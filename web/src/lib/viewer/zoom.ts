// Zooming and panning a picture in a room: numbers in, numbers out.
// The picture is drawn centred, then scaled by `scale` and moved by (x, y) CSS px.

export type View = { scale: number; x: number; y: number };
export type Size = { width: number; height: number };
export type Point = { x: number; y: number };

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
export const MAX_SCALE = 12;
/** What a double click zooms to when the picture is not larger than the room. */
const DOUBLE = 2.5;

/** The picture's size when it fits into the room entirely; never enlarged past its own pixels twice. */
export function fitted(picture: Size, room: Size): Size {
	if (!picture.width || !picture.height) return { width: room.width, height: room.height };
	const scale = Math.min(room.width / picture.width, room.height / picture.height);
	return { width: picture.width * scale, height: picture.height * scale };
}

/** Zooms so that the spot under `at` (relative to the room's middle) stays under it. */
export function zoomAt(view: View, factor: number, at: Point, shown: Size, room: Size): View {
	const scale = Math.min(MAX_SCALE, Math.max(1, view.scale * factor));
	const k = scale / view.scale;
	return confine({ scale, x: at.x - (at.x - view.x) * k, y: at.y - (at.y - view.y) * k }, shown, room);
}

export function pan(view: View, by: Point, shown: Size, room: Size): View {
	return confine({ ...view, x: view.x + by.x, y: view.y + by.y }, shown, room);
}

/** Keeps the picture's edge from coming inside the room while it is larger than the room. */
export function confine(view: View, shown: Size, room: Size): View {
	const limit = (size: number, space: number) => Math.max(0, (size * view.scale - space) / 2);
	const clamp = (value: number, most: number) => Math.min(most, Math.max(-most, value));
	const x = clamp(view.x, limit(shown.width, room.width));
	const y = clamp(view.y, limit(shown.height, room.height));
	return { scale: view.scale, x: x + 0, y: y + 0 };
}

/** Double click or tap: to the picture's own pixels, or back to the whole of it. */
export function toggled(view: View, at: Point, picture: Size, shown: Size, room: Size, density = 1): View {
	if (view.scale > 1.01) return WHOLE;
	const pixels = picture.width ? picture.width / density / shown.width : DOUBLE;
	return zoomAt(view, Math.min(MAX_SCALE, Math.max(DOUBLE, pixels)), at, shown, room);
}

/** One notch of a wheel as a factor; trackpads send many small ones. */
export function wheelFactor(deltaY: number, deltaMode: number): number {
	const px = deltaMode === 1 ? deltaY * 16 : deltaMode === 2 ? deltaY * 400 : deltaY;
	return Math.exp(-Math.min(120, Math.max(-120, px)) / 300);
}

/** What two fingers did since the last look. */
export function pinch(view: View, before: [Point, Point], after: [Point, Point], shown: Size, room: Size): View {
	const spread = ([a, b]: [Point, Point]) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
	const middle = ([a, b]: [Point, Point]): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
	const from = middle(before);
	const to = middle(after);
	const moved = { ...view, x: view.x + to.x - from.x, y: view.y + to.y - from.y };
	return zoomAt(moved, spread(after) / spread(before), to, shown, room);
}

export type Swipe = 'next' | 'previous' | 'close' | 'details' | null;

/** What a finger meant that moved by (dx, dy) in `ms` on an unzoomed picture. */
export function swipe(dx: number, dy: number, ms: number, room: Size): Swipe {
	const quick = ms < 300;
	if (Math.abs(dx) > Math.abs(dy) * 1.2) {
		if (Math.abs(dx) < (quick ? 40 : room.width / 4)) return null;
		return dx < 0 ? 'next' : 'previous';
	}
	if (Math.abs(dy) < (quick ? 60 : room.height / 5)) return null;
	return dy > 0 ? 'close' : 'details';
}
