import { Saved } from './saved.svelte';

export type Theme = 'auto' | 'light' | 'dark';

const saved = new Saved<string>('theme', 'auto');

export const theme = {
	get value(): Theme {
		return saved.value as Theme;
	},
	set value(next: Theme) {
		saved.value = next;
		apply();
	},
	next() {
		theme.value = theme.value === 'auto' ? 'light' : theme.value === 'light' ? 'dark' : 'auto';
	}
};

/** The administrator's style sheet came with the page; after a change it is read anew. */
export function restyle() {
	const before = document.getElementById('custom-css');
	const link = document.createElement('link');
	Object.assign(link, { id: 'custom-css', rel: 'stylesheet', href: `/custom.css?at=${Date.now()}` });
	link.onload = () => before?.remove();
	document.head.append(link);
}

export function apply() {
	document.documentElement.dataset.theme = saved.value;
}
