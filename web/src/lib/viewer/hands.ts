// Wheel, pointers and double clicks on a picture, translated for `zoom.ts`.

import { pan, pinch, swipe, toggled, wheelFactor, zoomAt, type Point, type Size, type Swipe, type View } from './zoom';

type Wishes = {
	state: () => { view: View; shown: Size; room: Size; picture: Size };
	look: (view: View) => void;
	/** How far an unzoomed picture is being pulled; back to zero when let go. */
	drag: (by: Point) => void;
	moving: (now: boolean) => void;
	swiped: (to: Swipe) => void;
};

const DOUBLE_TAP_MS = 300;

/** Faces to press and words to select lie over the picture and take the pointer themselves. */
const isHandsOff = (target: EventTarget | null) => target instanceof Element && target.closest('[data-hands-off]') !== null;

export function hands({ state, look, drag, moving, swiped }: Wishes) {
	return (node: HTMLElement) => {
		const fingers = new Map<number, Point>();
		let start = { x: 0, y: 0, at: 0, wasTwo: false };
		let lastTap = { at: 0, x: 0, y: 0 };
		let lastTouchAt = -Infinity;
		let rest: ReturnType<typeof setTimeout> | undefined;
		const point = (event: MouseEvent): Point => {
			const box = node.getBoundingClientRect();
			return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
		};
		const wheel = (event: WheelEvent) => {
			event.preventDefault();
			const { view, shown, room } = state();
			moving(true);
			clearTimeout(rest);
			rest = setTimeout(() => moving(false), 120);
			look(zoomAt(view, wheelFactor(event.deltaY, event.deltaMode), point(event), shown, room));
		};
		const down = (event: PointerEvent) => {
			if (event.button !== 0 || isHandsOff(event.target)) return;
			node.setPointerCapture(event.pointerId);
			fingers.set(event.pointerId, point(event));
			if (fingers.size === 1) start = { ...point(event), at: performance.now(), wasTwo: false };
			else start.wasTwo = true;
			moving(true);
		};
		const move = (event: PointerEvent) => {
			const before = fingers.get(event.pointerId);
			if (!before) return;
			const { view, shown, room } = state();
			const now = point(event);
			const pair = [...fingers.values()];
			fingers.set(event.pointerId, now);
			const [a, b] = pair;
			const [c, d] = [...fingers.values()];
			if (a && b && c && d) look(pinch(view, [a, b], [c, d], shown, room));
			else if (view.scale > 1) look(pan(view, { x: now.x - before.x, y: now.y - before.y }, shown, room));
			else if (event.pointerType !== 'mouse' && !start.wasTwo) {
				const [dx, dy] = [now.x - start.x, now.y - start.y];
				drag(Math.abs(dx) > Math.abs(dy) ? { x: dx, y: 0 } : { x: 0, y: Math.max(0, dy) });
			}
		};
		const up = (event: PointerEvent) => {
			if (!fingers.delete(event.pointerId)) return;
			if (fingers.size > 0) return;
			moving(false);
			drag({ x: 0, y: 0 });
			const { view, room } = state();
			const now = point(event);
			const [dx, dy] = [now.x - start.x, now.y - start.y];
			const isStill = Math.hypot(dx, dy) < 8;
			if (isStill && event.pointerType !== 'mouse') tap(now);
			else if (!start.wasTwo && view.scale <= 1 && event.pointerType !== 'mouse')
				swiped(swipe(dx, dy, performance.now() - start.at, room));
		};
		const tap = (now: Point) => {
			lastTouchAt = performance.now();
			const isDouble = performance.now() - lastTap.at < DOUBLE_TAP_MS && Math.hypot(now.x - lastTap.x, now.y - lastTap.y) < 40;
			lastTap = { at: isDouble ? 0 : performance.now(), ...now };
			if (isDouble) toggle(now);
		};
		const toggle = (at: Point) => {
			const { view, picture, shown, room } = state();
			look(toggled(view, at, picture, shown, room, devicePixelRatio));
		};
		const double = (event: MouseEvent) => {
			// Touch has its own double tap above; browsers send this one for both.
			if (performance.now() - lastTouchAt > 1000 && !isHandsOff(event.target)) toggle(point(event));
		};
		const cancel = (event: PointerEvent) => {
			fingers.delete(event.pointerId);
			moving(false);
			drag({ x: 0, y: 0 });
		};
		node.addEventListener('wheel', wheel, { passive: false });
		node.addEventListener('pointerdown', down);
		node.addEventListener('pointermove', move);
		node.addEventListener('pointerup', up);
		node.addEventListener('pointercancel', cancel);
		node.addEventListener('dblclick', double);
		return () => {
			clearTimeout(rest);
			node.removeEventListener('wheel', wheel);
			node.removeEventListener('pointerdown', down);
			node.removeEventListener('pointermove', move);
			node.removeEventListener('pointerup', up);
			node.removeEventListener('pointercancel', cancel);
			node.removeEventListener('dblclick', double);
		};
	};
}
