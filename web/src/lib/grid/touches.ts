// Fingers on the wall: a long press chooses a photo, two fingers change its size.

type Wishes = {
	longPress: (id: string) => void;
	zoom: (step: number) => void;
	photoUnder: (target: EventTarget | null) => string | null;
};

const LONG_PRESS_MS = 420;
const MOVED_PX = 10;
/** Two fingers this much further apart (or closer) mean one step. */
const PINCH_STEP = 1.35;

export function touches({ longPress, zoom, photoUnder }: Wishes) {
	return (node: HTMLElement) => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		let start = { x: 0, y: 0 };
		let spread = 0;
		let didPress = false;
		const distance = (list: TouchList) => {
			const [a, b] = [list[0], list[1]];
			return a && b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
		};
		const down = (event: TouchEvent) => {
			clearTimeout(timer);
			didPress = false;
			spread = distance(event.touches);
			const [finger] = event.touches;
			const id = photoUnder(event.target);
			if (event.touches.length !== 1 || !finger || !id) return;
			start = { x: finger.clientX, y: finger.clientY };
			timer = setTimeout(() => {
				didPress = true;
				navigator.vibrate?.(10);
				longPress(id);
			}, LONG_PRESS_MS);
		};
		const move = (event: TouchEvent) => {
			const [finger] = event.touches;
			if (finger && Math.hypot(finger.clientX - start.x, finger.clientY - start.y) > MOVED_PX) clearTimeout(timer);
			if (event.touches.length !== 2 || !spread) return;
			event.preventDefault();
			const now = distance(event.touches);
			if (now > spread * PINCH_STEP || now < spread / PINCH_STEP) {
				zoom(now > spread ? 1 : -1);
				spread = now;
			}
		};
		const up = (event: TouchEvent) => {
			clearTimeout(timer);
			// The click that follows a long press would open or unchoose the photo again.
			if (didPress) event.preventDefault();
		};
		const menu = (event: Event) => {
			if (matchMedia('(hover: none)').matches) event.preventDefault();
		};
		node.addEventListener('touchstart', down, { passive: true });
		node.addEventListener('touchmove', move, { passive: false });
		node.addEventListener('touchend', up, { passive: false });
		node.addEventListener('touchcancel', up);
		node.addEventListener('contextmenu', menu);
		return () => {
			clearTimeout(timer);
			node.removeEventListener('touchstart', down);
			node.removeEventListener('touchmove', move);
			node.removeEventListener('touchend', up);
			node.removeEventListener('touchcancel', up);
			node.removeEventListener('contextmenu', menu);
		};
	};
}
