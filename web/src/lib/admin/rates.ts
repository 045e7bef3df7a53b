// How fast each queue empties, from its counts alone.

import type { Queue } from '$lib/api/house';

const WINDOW_MS = 30_000;

type Look = { at: number; open: number };

export const openOf = ({ statistics: s }: Queue): number => s.active + s.waiting + s.delayed + s.paused;

export class Rates {
	private looks = new Map<string, Look[]>();

	constructor(private readonly now: () => number = () => Date.now()) {}

	look(queues: readonly Queue[]) {
		const at = this.now();
		for (const queue of queues) {
			const looks = (this.looks.get(queue.name) ?? []).filter((look) => at - look.at <= WINDOW_MS);
			looks.push({ at, open: openOf(queue) });
			this.looks.set(queue.name, looks);
		}
	}

	/** Jobs a second by which the queue has shrunk lately; 0 when it grows or stands. */
	perSecond(name: string): number {
		const looks = this.looks.get(name) ?? [];
		const first = looks[0];
		const last = looks.at(-1);
		if (!first || !last || last.at - first.at < 3_000) return 0;
		return Math.max(0, ((first.open - last.open) * 1000) / (last.at - first.at));
	}

	/** Seconds until it is empty at this pace; null when that cannot be told. */
	secondsLeft(queue: Queue): number | null {
		const rate = this.perSecond(queue.name);
		return rate > 0 ? openOf(queue) / rate : null;
	}
}
