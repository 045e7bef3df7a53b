// Keys that work on every page.

import { goto } from '$app/navigation';
import { isTyping } from '$lib/grid/keys';
import { frame } from './frame.svelte';
import { HOUSE, PLACES } from './places';

const CHORD_MS = 1_200;
let chordUntil = 0;

export function appKey(event: KeyboardEvent): void {
	if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
		event.preventDefault();
		frame.showsPalette = !frame.showsPalette;
		return;
	}
	if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
	if (event.timeStamp < chordUntil) {
		chordUntil = 0;
		const target = [...PLACES, ...HOUSE].find((each) => each.key === event.key);
		if (!target) return;
		event.preventDefault();
		event.stopImmediatePropagation();
		void goto(target.href);
	} else if (event.key === 'g') chordUntil = event.timeStamp + CHORD_MS;
	else if (event.key === '/') {
		event.preventDefault();
		const box = document.querySelector<HTMLInputElement>('[role=search] input[type=search]');
		if (box) box.select();
		else void goto('/search');
	} else if (event.key === '?') {
		event.preventDefault();
		frame.showsHelp = true;
	}
}
