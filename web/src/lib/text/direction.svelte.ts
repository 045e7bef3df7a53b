// Which way reading goes. Texts are English so far, so left to right unless a person wants the page mirrored.

import { Saved } from '$lib/state/saved.svelte';

export const DIRECTIONS = ['auto', 'ltr', 'rtl'] as const;
const TEXT_LANGUAGE = 'en';
const FROM_THE_RIGHT = /^(ar|fa|he|ur|yi|ps|sd|ug)\b/;
const OPPOSITE: Record<string, string> = { ArrowLeft: 'ArrowRight', ArrowRight: 'ArrowLeft' };

class Direction {
	readonly wish = new Saved<string>('direction', 'auto');
	readonly isRtl = $derived(this.wish.value === 'rtl' || (this.wish.value === 'auto' && FROM_THE_RIGHT.test(TEXT_LANGUAGE)));
	/** Boxes count from where a line begins; this turns that into pixels to the right. */
	readonly sign = $derived(this.isRtl ? -1 : 1);

	/** The arrow that means the same on a page that reads from left to right. */
	key(key: string): string {
		return this.isRtl ? (OPPOSITE[key] ?? key) : key;
	}

	/** Fingers pull the next photo in from where reading goes on. */
	swipe<T extends string | null>(to: T): T | 'next' | 'previous' {
		if (!this.isRtl || (to !== 'next' && to !== 'previous')) return to;
		return to === 'next' ? 'previous' : 'next';
	}
}

export const direction = new Direction();
